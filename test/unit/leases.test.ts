/** What is held ahead of asking: granted, used, refreshed and handed back; and never more than the limit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bound } from "../../shared/bound.ts";
import { AHEAD_MIN, LEASE_LIFE_MAX } from "../../shared/limits.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { MINUTE, type Request, ruleWith, SLOW_MS, World } from "./world.ts";

const leasing = (limit: number, more: object = {}) =>
  ruleWith({ limit, threshold: 1, lease: "auto", grace: 0, ...more });
const how = ({ decision }: Request) => (decision?.admitted === true ? decision.how : "denied");
const slotIn = (world: World, at: number): number => [...world.node(at).source.table.slots()][0] ?? -1;
const askOf = (world: World, at: number): Ask => {
  const message = world.take("ask", at);
  world.network.unshift(message);
  return message.kind === "ask" ? message.ask : (undefined as never);
};
/** What a node may spend without asking. */
const held = (world: World, at: number): number => {
  const { source } = world.node(at);
  const slot = slotIn(world, at);
  return slot < 0 ? 0 : source.table.get(slot, 5) - source.spent(slot);
};
/** The first request of a node, which waits; from then on it holds something. */
function begin(world: World, at: number): void {
  world.request(at);
  world.settle();
}

describe("a lease", () => {
  it("lets the requests after the first one in without waiting, and is asked for again before it is used up", () => {
    const world = new World({ sources: 1, rules: [leasing(1_000)] });
    begin(world, 0);
    expect(held(world, 0)).toBe(AHEAD_MIN);
    const ways = Array.from({ length: 30 }, () => {
      const request = world.request(0);
      world.settle();
      world.tick(100);
      return how(request);
    });
    expect(new Set(ways)).toEqual(new Set(["credit"]));
  });

  it("is half of what is left for a client at one place, and less for each the more places there are", () => {
    const world = new World({ sources: 3, rules: [leasing(12)] });
    begin(world, 0);
    expect(held(world, 0)).toBe(5); // half of 11
    begin(world, 1);
    expect(held(world, 1)).toBe(1); // a third of 5
    begin(world, 2);
    expect(held(world, 2)).toBe(0); // a quarter of 3
    expect(world.account().meter.current).toBe(9);
  });

  it("of a share that the rule names is that share, whatever the client uses", () => {
    const world = new World({ sources: 1, rules: [leasing(1_001, { lease: 0.1 })] });
    begin(world, 0);
    expect(held(world, 0)).toBe(100);
  });

  it("is not given by a token bucket, nor on top of a denial, nor to a release that does not ask for it", () => {
    const world = new World({ sources: 1, rules: [leasing(100, { algorithm: "token-bucket", burst: 100 })] });
    begin(world, 0);
    expect(held(world, 0)).toBe(0);
    const other = new World({ sources: 1, rules: [leasing(10)] });
    other.request(0, { cost: 4 });
    other.settle();
    const denied = other.request(0, { cost: 9 });
    other.settle();
    expect([how(denied), held(other, 0), other.account().meter.current]).toEqual(["denied", 0, 4]);
    const plain = new World({ sources: 1, rules: [leasing(10, { lease: 0 })] });
    plain.request(0);
    expect(askOf(plain, 0)).not.toHaveProperty("ahead");
  });

  it("goes on while the Ask for more is out, which says as spent what may be until its answer is here", () => {
    const world = new World({ sources: 1, rules: [leasing(1_000)] });
    begin(world, 0);
    while (world.network.length === 0) {
      world.request(0);
      world.tick(20);
    }
    const { spent, want } = askOf(world, 0);
    const left = held(world, 0);
    expect({ want, kept: left > 0 }).toEqual({ want: [], kept: true });
    expect(how(world.request(0))).toBe("credit");
    const { source } = world.node(0);
    expect(source.spent(slotIn(world, 0)) + held(world, 0)).toBe(spent);
  });

  it("lets in who waited for its answer, as far as it goes, and in order", () => {
    const world = new World({ sources: 1, rules: [leasing(1_000)] });
    const first = world.request(0);
    const others = [2, 7, 1].map((cost) => world.request(0, { cost }));
    world.deliver(world.take("ask"));
    world.deliver(world.take("answer"));
    expect([first, ...others].map(({ decision }) => decision?.how)).toEqual([
      "owner",
      "owner",
      undefined,
      undefined,
    ]);
    world.settle();
    expect(others.map(how)).toEqual(["owner", "owner", "owner"]);
  });

  it("that is not used goes back when its life ends, and may not be used any more", () => {
    const world = new World({ sources: 1, rules: [leasing(1_000)] });
    begin(world, 0);
    world.tick(LEASE_LIFE_MAX - 1);
    expect(world.network).toEqual([]);
    world.node(0).skewMs = 1;
    const late = world.request(0);
    expect(late.decision).toBeUndefined();
    expect(askOf(world, 0)).toMatchObject({ spent: 1, want: [1] });
    world.settle();
    const again = new World({ sources: 1, rules: [leasing(1_000)] });
    begin(again, 0);
    again.tick(LEASE_LIFE_MAX);
    again.settle();
    expect([held(again, 0), again.account().meter.current]).toEqual([0, 1]);
  });

  it("goes back at once when somebody else is told that there is no room, who is then let in", () => {
    const world = new World({ sources: 2, rules: [leasing(10)] });
    begin(world, 0);
    expect(held(world, 0)).toBe(4);
    for (let n = 0; n < 5; n += 1) begin(world, 1);
    const denied = world.request(1);
    world.settle();
    world.tick(50);
    world.settle();
    expect([how(denied), held(world, 0), world.account().meter.current]).toEqual(["denied", 0, 6]);
    const next = world.request(1);
    world.settle();
    expect(how(next)).toBe("owner");
  });

  it("is handed back with the first Ask of the next window, of what it was in the one before", () => {
    const world = new World({ sources: 1, rules: [leasing(1_000, { algorithm: "sliding-window" })] });
    world.tick(MINUTE - 10);
    begin(world, 0);
    world.tick(20);
    const next = world.request(0);
    expect(askOf(world, 0)).toMatchObject({ spent: 0, previousSpent: 1 });
    world.settle();
    expect([how(next), world.account().meter.previous]).toEqual(["owner", 1]);
  });

  it("survives the owner: what it granted ahead is in its row", () => {
    const world = new World({ sources: 2, rules: [leasing(10)], announces: false });
    begin(world, 0);
    world.kill(world.owner());
    begin(world, 1);
    expect(world.account().meter.current).toBe(1 + 4 + 1 + held(world, 1));
  });
});

describe("grace", () => {
  const rule = ruleWith({ limit: 20, threshold: 3, lease: 0, grace: 2 });

  it("lets in the request that claims, and those that come while its Ask is out; only then do they wait", () => {
    const world = new World({ sources: 1, rules: [rule] });
    const requests = Array.from({ length: 6 }, () => world.request(0));
    const ways = ["credit", "credit", "credit", "credit", undefined, undefined];
    expect(requests.map(({ decision }) => decision?.how)).toEqual(ways);
    expect(askOf(world, 0)).toMatchObject({ spent: 4, want: [] });
    world.settle();
    expect(requests.map(how)).toEqual(["credit", "credit", "credit", "credit", "owner", "owner"]);
    expect(world.account().meter.current).toBe(6);
  });

  it("is had once in a window: later Asks are waited for", () => {
    const world = new World({ sources: 1, rules: [rule] });
    for (let n = 0; n < 4; n += 1) world.request(0);
    world.settle();
    expect(world.request(0).decision).toBeUndefined();
    world.settle();
    expect(world.request(0).decision).toBeUndefined();
  });

  it("that is not used goes back, but for what a claim that was used up left", () => {
    const world = new World({ sources: 1, rules: [rule] });
    for (let n = 0; n < 3; n += 1) world.request(0);
    world.settle();
    expect([held(world, 0), world.account().meter.current]).toEqual([1, 4]);
    expect(how(world.request(0))).toBe("credit");
  });

  it("is there again in a claimed window, unless the owner had no room when last heard", () => {
    const world = new World({ sources: 2, rules: [rule] });
    for (let n = 0; n < 4; n += 1) world.request(0);
    world.settle();
    world.tick(MINUTE);
    expect([0, 1, 2].map(() => world.request(0).decision?.how)).toEqual(["credit", "credit", undefined]);
    world.settle();
    for (let n = 0; n < 19; n += 1) {
      world.request(1);
      world.settle();
    }
    world.tick(MINUTE);
    expect(world.request(1).decision).toBeUndefined();
  });

  it("is not to be had where nothing is silent and the rule says auto: such a rule is exact", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ limit: 9, threshold: 1, grace: 0 })] });
    expect(world.request(0).decision).toBeUndefined();
  });
});

const steps = fc.array(
  fc.record({
    at: fc.nat(2),
    cost: fc.constantFrom(1, 1, 1, 2, 3),
    fate: fc.constantFrom("settle", "settle", "lose", "repeat", "swap", "wait", "die"),
    ms: fc.constantFrom(0, 5, 40, 300, 11_000),
  }),
  { minLength: 10, maxLength: 60 },
);
const sizes = fc.integer({ min: 2, max: 16 }).chain((limit) =>
  fc.integer({ min: 1, max: limit }).chain((threshold) =>
    fc.record({
      limit: fc.constant(limit),
      threshold: fc.constant(threshold),
      grace: fc.integer({ min: 0, max: limit - threshold + 1 }),
      lease: fc.constantFrom("auto" as const, 0.1, 0.5),
    }),
  ),
);

it(
  "whatever is lost, repeated, late or dead: no more is admitted than the limit and what is silent",
  () => {
    fc.assert(
      fc.property(steps, sizes, (sequence, size) => {
        const world = new World({ sources: 3, rules: [ruleWith(size)] });
        const requests: Request[] = [];
        for (const { at, cost, fate, ms } of sequence) {
          requests.push(world.request(at, { cost }));
          if (fate === "settle") world.settle();
          else if (fate === "swap") world.network.reverse();
          else if (fate === "lose") world.network.shift();
          else if (fate === "repeat" && world.network[0] !== undefined) world.deliver(world.network[0]);
          else if (fate === "die" && world.owners.size > 0) world.kill(world.owner());
          world.tick(ms);
          const windows = new Map<number, number>();
          for (const { window, cost, decision } of requests)
            if (decision?.admitted === true) windows.set(window, (windows.get(window) ?? 0) + cost);
          for (const admitted of windows.values())
            expect(admitted).toBeLessThanOrEqual(bound({ ...size, sources: 3 }));
        }
      }),
      { numRuns: 1_500 },
    );
  },
  SLOW_MS,
);

it(
  "while nothing is lost nobody is denied but for what others hold, and have not handed back",
  () => {
    const sent = fc.array(fc.record({ at: fc.nat(2), ms: fc.constantFrom(30, 60, 400) }), { maxLength: 40 });
    fc.assert(
      fc.property(sent, sizes, (sequence, size) => {
        const world = new World({ sources: 3, rules: [ruleWith(size)], sets: 1 });
        let count = 0;
        for (const { at, ms } of sequence) {
          const ahead = [0, 1, 2].reduce((sum, node) => sum + Math.max(0, held(world, node)), 0);
          const request = world.request(at);
          world.settle();
          world.tick(ms);
          world.settle();
          if (request.decision?.admitted === true) count += 1;
          else expect(count + ahead + 1).toBeGreaterThan(size.limit);
        }
      }),
      { numRuns: 1_500 },
    );
  },
  SLOW_MS,
);
