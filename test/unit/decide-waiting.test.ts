/** Requests that wait for an owner: what they are told, and when it is not reached in time. */
import { describe, expect, it } from "vitest";
import { REPORT_RETRY_MAX, REPORT_RETRY_MIN, UNAVAILABLE_RETRY, WAITERS_MAX } from "../../shared/limits.ts";
import { CREDIT, HELD, OWN, PREVIOUS } from "../../shared/pop/credit-table.ts";
import type { Rule } from "../../shared/rule.ts";
import { durationMs } from "../../shared/time.ts";
import { type Message, MINUTE, type Request, ruleWith, T0, World } from "./world.ts";

/** Rules `a`, `b`, … with what each says. */
const rulesOf = (...said: readonly Partial<Rule>[]): Rule[] =>
  said.map((partial, at) => {
    const digit = "abcdef"[at] ?? "0";
    return ruleWith({ name: digit, version: digit.repeat(16), ...partial });
  });
const admits = (request: Request) => request.decision?.admitted;
/** What node 0 counts under a rule: own, held, previous. */
const counts = (world: World, rule: number): number[] => {
  const { source } = world.node(0);
  for (const slot of source.table.slots()) {
    if (source.ruleAt(slot) !== source.rules[rule]) continue;
    return [OWN, HELD, PREVIOUS].map((field) => source.table.get(slot, field));
  }
  return [];
};

const creditOf = (world: World, rule: number): number => {
  const { source } = world.node(0);
  const slot = [...source.table.slots()].find((at) => source.ruleAt(at) === source.rules[rule]);
  return source.table.get(slot ?? -1, CREDIT);
};

describe("when the owner is not reached in time", () => {
  const onFailure = (said: Partial<Rule>): World =>
    new World({ sources: 1, rules: [ruleWith({ threshold: 1, limit: 2, ...said })] });
  const three = (world: World): Request[] =>
    [0, 1, 2].map(() => {
      const request = world.request(0);
      world.network = [];
      world.tick(200);
      return request;
    });

  it("local: this source admits up to the limit on its own, and the owner is told when links heal", () => {
    const world = onFailure({ onFailure: "local" });
    const requests = three(world);
    expect(requests.map(admits)).toEqual([true, true, false]);
    expect(requests.map(({ decision }) => decision?.how)).toEqual(["degraded", "degraded", "degraded"]);
    world.tick(1_000);
    world.settle();
    expect(world.account().meter.current).toBe(2);
  });

  it("tells the owner what it admitted though the Ask that carried the request, and one after it, said less", () => {
    const world = onFailure({ onFailure: "local", deadline: durationMs(400) });
    const { source, hot } = world.node(0);
    const late = world.request(0);
    const { ask } = world.take("ask") as Extract<Message, { kind: "ask" }>;
    for (const key of hot) source.undelivered(key, ask.seq, "unreachable", world.now, 0);
    // Nobody has looked yet: the report that follows knows nothing of what comes next.
    world.tick(REPORT_RETRY_MIN / 2);
    expect(late.decision?.how).toBeUndefined();
    world.settle();
    world.step(late);
    expect(late.decision).toMatchObject({ admitted: true, how: "degraded" });
    expect(world.account().meter.current).toBe(0);
    world.tick(REPORT_RETRY_MAX);
    world.settle();
    expect(world.account().meter.current).toBe(1);
  });

  it("what it admitted and another rule denied is free again, but is no credit: nobody granted it", () => {
    const rules = rulesOf(
      { threshold: 1, limit: 5, onFailure: "local" },
      { threshold: 1, limit: 1, onFailure: "closed" },
    );
    const world = new World({ sources: 1, rules });
    // This clock runs ahead: the owners are a window behind, and refuse.
    world.node(0).skewMs = 30 * MINUTE;
    const [first, second] = [world.request(0), world.request(0)];
    world.settle();
    expect([first, second].map(({ decision }) => decision?.how)).toEqual(["degraded", "degraded"]);
    expect(counts(world, 0)).toEqual([0, 0, 0]);
    expect(creditOf(world, 0)).toBe(0);
  });

  it("open: everything is admitted and counted", () => {
    const world = onFailure({ onFailure: "open" });
    expect(three(world).map(admits)).toEqual([true, true, true]);
    expect(counts(world, 0)).toEqual([3, 0, 0]);
  });

  it("closed: nothing is admitted, and the answer says that it is no denial", () => {
    const world = onFailure({ onFailure: "closed" });
    const [first] = three(world);
    expect(first?.decision).toMatchObject({
      admitted: false,
      unavailable: true,
      retryAt: T0 + 200 + UNAVAILABLE_RETRY,
    });
    expect(counts(world, 0)).toEqual([0, 0, 0]);
  });

  it("too many waiters: who exceeds the cap is decided by on_failure at once", () => {
    const world = onFailure({ onFailure: "closed", limit: 10_000 });
    for (let n = 0; n < WAITERS_MAX; n += 1) world.request(0);
    expect(world.request(0).decision).toMatchObject({ admitted: false, how: "degraded", unavailable: true });
  });

  it("requests queued behind an Ask that is given up go with the next one, and are answered", () => {
    const world = onFailure({ onFailure: "closed" });
    const lost = world.request(0);
    world.network = [];
    world.tick(100);
    const behind = world.request(0);
    world.tick(100);
    expect([lost.decision?.how, behind.decision]).toEqual(["degraded", undefined]);
    world.settle();
    expect(behind.decision).toMatchObject({ admitted: true, how: "owner" });
  });
});

describe("requests that wait", () => {
  it("all get their answer from one Ask, and see what those before them left", () => {
    const world = new World({ sources: 1, rules: rulesOf({ limit: 5, threshold: 1 }) });
    world.request(0);
    const behind = [0, 1, 2, 3, 4].map(() => world.request(0));
    world.deliver(world.take("ask"));
    world.settle();
    expect(behind.map(admits)).toEqual([true, true, true, true, false]);
    expect(behind.map(({ decision }) => decision?.quotas[0]?.remaining)).toEqual([3, 2, 1, 0, 0]);
    expect(world.account().ledger.sources.get("0000000000000000.1")?.seq).toBe(2);
  });

  it("who is queued when the owner is full is denied without asking again", () => {
    const world = new World({ sources: 1, rules: rulesOf({ limit: 1, threshold: 1 }), announces: false });
    world.request(0);
    world.settle();
    world.request(0);
    const queued = world.request(0);
    world.deliver(world.take("ask"));
    world.deliver(world.take("answer"));
    expect(queued.decision).toMatchObject({ admitted: false, how: "owner" });
    expect(world.network).toEqual([]);
  });

  it("a window that ends while an Ask is out changes no request's window, and gives none away", () => {
    const world = new World({ sources: 1, rules: rulesOf({ limit: 2, threshold: 1 }) });
    world.tick(MINUTE - 50);
    const before = world.request(0);
    world.deliver(world.take("ask"));
    world.tick(100);
    const after = [world.request(0), world.request(0), world.request(0)];
    world.settle();
    expect(admits(before)).toBe(true);
    expect(after.map(admits)).toEqual([true, true, false]);
    expect(counts(world, 0)).toEqual([2, 0, 1]);
    expect(world.account().meter).toMatchObject({ current: 2, previous: 1 });
  });

  it("the first rule's hold of a window that ended meanwhile stays in that window", () => {
    const world = new World({ sources: 1, rules: rulesOf({}, { limit: 5, threshold: 1 }) });
    world.tick(MINUTE - 50);
    const request = world.request(0);
    world.tick(100);
    world.request(0, { rules: [0] });
    world.settle();
    expect(admits(request)).toBe(true);
    expect(counts(world, 0)).toEqual([1, 0, 1]);
  });

  it("whose clients hung up leave no slot taken once the window is over", () => {
    const world = new World({ sources: 1, rules: rulesOf({ limit: 5, threshold: 1 }) });
    const node = world.node(0);
    for (let n = 0; n < 4; n += 1) world.request(0);
    node.waiting.clear(); // nobody ever looks at them again
    world.settle();
    expect(counts(world, 0)).toEqual([0, 4, 0]);
    world.tick(MINUTE);
    const next = Array.from({ length: 5 }, () => world.request(0));
    world.settle();
    expect(next.map(admits)).toEqual([true, true, true, true, true]);
    expect(counts(world, 0)).toEqual([5, 0, 4]);
  });
});
