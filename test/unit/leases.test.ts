/** What is held ahead of asking: granted, used, refreshed and handed back; and never more than the limit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bound } from "../../shared/bound.ts";
import { AHEAD_MIN, LEASE_LIFE_MAX, ROOM_TRUST } from "../../shared/limits.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { durationMs } from "../../shared/time.ts";
import { type Message, MINUTE, type Request, ruleWith, SLOW_MS, World } from "./world.ts";

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
/** That, or what its owner counts for it beyond what it spent. */
function heldOrOwed(world: World, at: number): number {
  const slot = slotIn(world, at);
  const { isolate } = world.node(at).source;
  const sources = world.owners.size === 0 ? [] : [...world.account().ledger.sources];
  const granted = sources.reduce(
    (sum, [id, source]) => sum + (id.startsWith(isolate) ? source.granted : 0),
    0,
  );
  return Math.max(0, held(world, at), slot < 0 ? 0 : granted - world.node(at).source.spent(slot));
}
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
    const world = new World({ sources: 3, rules: [leasing(12, { lease: 0.5 })] });
    begin(world, 0);
    expect(held(world, 0)).toBe(5); // half of 11
    begin(world, 1);
    expect(held(world, 1)).toBe(2); // a third of 5, rounded
    begin(world, 2);
    expect(held(world, 2)).toBe(0); // a quarter of 2: a half is rounded down
    expect(world.account().meter.current).toBe(10);
  });

  it("of a share that the rule names is that share, whatever the client uses", () => {
    const world = new World({ sources: 1, rules: [leasing(1_001, { lease: 0.1 })] });
    begin(world, 0);
    expect(held(world, 0)).toBe(100);
    const small = new World({ sources: 1, rules: [leasing(19, { lease: 0.1 })] });
    begin(small, 0);
    expect(held(small, 0)).toBe(1); // 1.8
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

  it("that is not used goes back when its life ends but for a reserve, and may not be used any more", () => {
    const world = new World({ sources: 1, rules: [leasing(1_000, { lease: 0.1 })] });
    begin(world, 0);
    world.tick(LEASE_LIFE_MAX - 1);
    expect(world.network).toEqual([]);
    world.node(0).skewMs = 1;
    const late = world.request(0);
    expect(late.decision).toBeUndefined();
    expect(askOf(world, 0)).toMatchObject({ spent: 1, want: [1] });
    world.settle();
    const again = new World({ sources: 1, rules: [leasing(1_000, { lease: 0.1 })] });
    begin(again, 0);
    again.tick(LEASE_LIFE_MAX);
    again.settle();
    expect([held(again, 0), again.account().meter.current]).toEqual([AHEAD_MIN, 1 + AHEAD_MIN]);
  });

  it("goes back at once when somebody else is told that there is no room, who is then let in", () => {
    const world = new World({ sources: 2, rules: [leasing(10, { lease: 0.5 })] });
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

  it("goes back also where a block was lifted by hand meanwhile", () => {
    const world = new World({ sources: 2, rules: [leasing(10, { lease: 0.5 })] });
    begin(world, 0);
    world.command({ kind: "unblock" });
    world.settle();
    for (let n = 0; n < 5; n += 1) begin(world, 1);
    world.tick(50);
    world.settle();
    expect([held(world, 0), world.account().meter.current]).toEqual([0, 6]);
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
    const world = new World({ sources: 2, rules: [leasing(10, { lease: 0.5 })], announces: false });
    begin(world, 0);
    world.kill(world.owner());
    begin(world, 1);
    expect(world.account().meter.current).toBe(1 + 4 + 1 + held(world, 1));
  });
});

describe("a reserve", () => {
  it("is a tenth of the limit, stays until the window ends, and is asked for again when less than two are left", () => {
    const world = new World({ sources: 1, rules: [leasing(60)] });
    begin(world, 0);
    expect(held(world, 0)).toBe(6);
    world.tick(2 * LEASE_LIFE_MAX);
    const ways = Array.from({ length: 4 }, () => how(world.request(0)));
    expect([ways, held(world, 0), world.network]).toEqual([["credit", "credit", "credit", "credit"], 2, []]);
    expect(how(world.request(0))).toBe("credit");
    expect(askOf(world, 0)).toMatchObject({ spent: 7, want: [], ahead: 5 });
    world.settle();
    expect(held(world, 0)).toBe(6);
  });
});

describe("a limit that is used up", () => {
  const used = (more: object = {}): World => {
    const world = new World({ sources: 2, rules: [leasing(4, more)] });
    while (world.owners.size === 0 || world.account().meter.current < 4) begin(world, 0);
    return world;
  };

  it("is told to everybody before anybody is denied", () => {
    const world = used();
    expect(world.request(1).decision).toMatchObject({ admitted: false, how: "blocked" });
    const plain = used({ lease: 0 });
    expect(plain.request(1).decision).toBeUndefined();
  });

  it("bars nobody before the owner denied somebody", () => {
    const world = used({ blockFor: MINUTE });
    const denied = world.request(1);
    expect(denied.decision).toBeUndefined();
    world.settle();
    expect(how(denied)).toBe("denied");
    expect(world.account().penaltyUntil).toBe(world.now + MINUTE);
  });
});

describe("who comes while others wait here", () => {
  /** One request is on its way to the owner, which said that `left` are left. */
  const waiting = (left: number, more: object = {}): World => {
    const world = new World({ sources: 1, rules: [leasing(4, more)] });
    for (let n = 0; n < 4 - left; n += 1) begin(world, 0);
    expect([world.account().meter.current, held(world, 0)]).toEqual([4 - left, 0]);
    expect(world.request(0).decision).toBeUndefined();
    return world;
  };

  it("is denied at once when they want all that the owner said is left", () => {
    const denied = { admitted: false, how: "blocked" };
    expect(waiting(1).request(0).decision).toMatchObject(denied);
    const two = new World({ sources: 1, rules: [leasing(4)] });
    begin(two, 0);
    two.request(0, { cost: 1 });
    expect(two.request(0, { cost: 2 }).decision).toBeUndefined();
    expect(two.request(0).decision).toMatchObject(denied);
    two.settle();
    expect(two.account().meter.current).toBe(4);
  });

  it("waits where the owner said so a while ago, where more comes with time, and where a denial bars the client", () => {
    const late = new World({ sources: 1, rules: [leasing(4)] });
    for (let n = 0; n < 3; n += 1) begin(late, 0);
    late.tick(ROOM_TRUST);
    late.request(0);
    expect(late.request(0).decision).toBeUndefined();
    for (const more of [{ algorithm: "sliding-window" }, { blockFor: MINUTE }, { strict: 1 }])
      expect(waiting(1, more).request(0).decision).toBeUndefined();
  });

  it("waits when there is enough, counting what the Ask that is out handed back", () => {
    const world = new World({ sources: 1, rules: [leasing(4, { lease: 0.5 })] });
    begin(world, 0);
    expect([held(world, 0), world.account().meter.current]).toEqual([1, 2]);
    expect(world.request(0, { cost: 2 }).decision).toBeUndefined();
    const other = world.request(0);
    expect(other.decision).toBeUndefined();
    world.settle();
    expect(how(other)).toBe("owner");
  });

  it("waits when the owner said since that it is full no more", () => {
    const world = new World({ sources: 1, rules: [leasing(2)], announces: false });
    begin(world, 0);
    world.request(0);
    const message = world.take("ask");
    world.deliver(message);
    world.settle();
    expect(world.account().meter.current).toBe(2);
    world.command({ kind: "reset" });
    world.deliver(message);
    world.settle();
    expect([world.request(0), world.request(0)].map(({ decision }) => decision)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("waits when something was handed back by others meanwhile, as far as is known here", () => {
    const world = new World({ sources: 2, rules: [leasing(10, { lease: 0.5 })] });
    begin(world, 0);
    for (let n = 0; n < 5; n += 1) begin(world, 1);
    world.tick(50);
    world.settle();
    expect(world.account().meter.current).toBe(6);
    const two = [world.request(1), world.request(1)];
    expect(two.map(({ decision }) => decision)).toEqual([undefined, undefined]);
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

  /** The second of two claimed windows begins; in the first one the limit was used up. */
  const usedUp = (more: object): World => {
    const world = new World({ sources: 2, rules: [{ ...rule, ...more }] });
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
    return world;
  };

  it("is there again in a claimed window, unless the owner had no room when last heard and may have none now", () => {
    expect(usedUp({ algorithm: "sliding-window" }).request(1).decision).toBeUndefined();
    expect(usedUp({ limit: 15 }).request(1).decision).toBeUndefined();
    expect(how(usedUp({ limit: 16 }).request(1))).toBe("credit");
  });

  it("ends with the news that there is no room", () => {
    const world = usedUp({});
    for (let n = 0; n < 21; n += 1) {
      world.request(0);
      world.settle();
    }
    expect(world.request(1).decision).toMatchObject({ admitted: false, how: "blocked" });
    expect(held(world, 1)).toBe(0);
  });

  it("is not to be had where nothing is silent and the rule says auto: such a rule is exact", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ limit: 9, threshold: 1, grace: 0 })] });
    expect(world.request(0).decision).toBeUndefined();
  });
});

describe("what a request held that another rule denied", () => {
  /** A rule that leases, and one whose limit of 1 is used up at another node, which nobody here has heard of. */
  const denying = (limit: number): World => {
    const other = ruleWith({
      version: "fedcba9876543210",
      limit: 1,
      threshold: 1,
      deadline: durationMs(5_000),
    });
    const rules = [leasing(limit, { lease: 0.5 }), other];
    const world = new World({ sources: 2, rules, announces: false });
    world.request(1, { rules: [1] });
    world.settle();
    return world;
  };
  const only = { rules: [0] };
  const takeAsk = (world: World, rule: number): Message => {
    const version = world.node(0).source.rules[rule]?.version;
    const at = world.network.findIndex((one) => one.kind === "ask" && one.ask.rule.version === version);
    return world.network.splice(at, 1)[0] as Message;
  };

  it("counts as left when it goes back with what was granted ahead meanwhile", () => {
    const world = denying(7);
    world.request(0, only);
    world.settle();
    expect(how(world.request(0, only))).toBe("credit");
    const more = takeAsk(world, 0);
    const both = world.request(0);
    world.deliver(takeAsk(world, 1));
    world.deliver(world.take("answer"));
    expect(how(both)).toBe("denied");
    world.deliver(more);
    world.deliver(world.take("answer"));
    expect(askOf(world, 0)).toMatchObject({ spent: 2, want: [] });
    // 2 were left, and 3 go back.
    const three = [0, 1, 2].map(() => world.request(0, only));
    expect(three.map(({ decision }) => decision)).toEqual([undefined, undefined, undefined]);
    world.settle();
    expect(three.map(how)).toEqual(["owner", "owner", "owner"]);
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
          const ahead = [0, 1, 2].reduce((sum, node) => sum + heldOrOwed(world, node), 0);
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
