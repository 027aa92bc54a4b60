/** The decision on a request: all of its rules or none, and who waits for what. */
import { describe, expect, it } from "vitest";
import { HELD, OWN, PREVIOUS } from "../../shared/pop/credit-table.ts";
import type { Rule } from "../../shared/rule.ts";
import { MINUTE, type Request, ruleWith, T0, World } from "./world.ts";

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

describe("several rules on one request", () => {
  it("are taken all at once, in credit alone without any message", () => {
    const world = new World({ sources: 1, rules: rulesOf({}, {}, { mode: "shadow" }) });
    expect(world.request(0, { cost: 2 }).decision).toMatchObject({
      admitted: true,
      how: "credit",
      rule: { name: "a" },
      quotas: [
        { rule: { name: "a" }, remaining: 8 },
        { rule: { name: "b" }, remaining: 8 },
      ],
    });
    expect([0, 1, 2].map((rule) => counts(world, rule))).toEqual([
      [2, 0, 0],
      [2, 0, 0],
      [2, 0, 0],
    ]);
    expect(world.network).toEqual([]);
  });

  it("a denied request charges none of them, neither here nor at an owner", () => {
    const rules = rulesOf({ limit: 5, threshold: 4 }, { limit: 9, threshold: 1 }, { limit: 1, threshold: 1 });
    const world = new World({ sources: 1, rules });
    world.request(0, { rules: [2] });
    world.settle();
    const denied = world.request(0);
    world.settle();
    expect(denied.decision).toMatchObject({
      admitted: false,
      how: "owner",
      rule: { name: "c" },
      retryAt: T0 + MINUTE,
    });
    expect([0, 1, 2].map((rule) => counts(world, rule))).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [1, 0, 0],
    ]);
    expect(world.account(world.owner(rules[1])).meter.current).toBe(0);
  });

  it("asks no owner for a request that a later rule blocks without I/O", () => {
    const rules = rulesOf({ threshold: 1 }, { limit: 1, threshold: 1 });
    const world = new World({ sources: 1, rules });
    for (let n = 0; n < 2; n += 1) {
      world.request(0, { rules: [1] });
      world.settle();
    }
    expect(world.request(0).decision).toMatchObject({
      admitted: false,
      how: "blocked",
      rule: { name: "b" },
      quotas: [
        { rule: { name: "a" }, remaining: 10 },
        { rule: { name: "b" }, remaining: 0, resetAt: T0 + MINUTE },
      ],
    });
    expect(world.network).toEqual([]);
  });

  it("a cost above one rule's limit is denied at once, charges nothing and asks nobody", () => {
    const world = new World({ sources: 1, rules: rulesOf({ threshold: 1 }, { limit: 3, threshold: 1 }) });
    expect(world.request(0, { cost: 4 }).decision).toMatchObject({ admitted: false, rule: { name: "b" } });
    expect(world.network).toEqual([]);
    expect([counts(world, 0), counts(world, 1)]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it("a shadow rule counts but never denies; what it would have said is noted", () => {
    const rules = rulesOf({}, { limit: 1, threshold: 1, mode: "shadow" });
    const world = new World({ sources: 1, rules });
    const requests = [0, 1].map(() => {
      const request = world.request(0);
      world.settle();
      return request;
    });
    expect(requests.map(admits)).toEqual([true, true]);
    expect(requests[1]?.decision).toMatchObject({
      how: "owner",
      rule: { name: "b" },
      quotas: [{ rule: { name: "a" }, remaining: 8 }],
    });
    expect(world.request(0, { cost: 2, rules: [1] }).decision).toMatchObject({
      admitted: true,
      how: "blocked",
    });
    expect([counts(world, 0), counts(world, 1)]).toEqual([
      [2, 0, 0],
      [1, 0, 0],
    ]);
  });

  it("finds a later rule's entry anew after waiting: another client's took its place meanwhile", () => {
    const rules = rulesOf({ threshold: 1, limit: 100 }, { threshold: 10 });
    const world = new World({ sources: 1, rules, sets: 1 });
    const request = world.request(0);
    for (let n = 0; n < 7; n += 1) world.request(0, { client: `flood ${n}`, rules: [1] });
    world.settle();
    expect(admits(request)).toBe(true);
    const { source } = world.node(0);
    const used = [...source.table.slots()].filter((slot) => source.ruleAt(slot) === rules[1]);
    expect(used.map((slot) => source.spent(slot))).toEqual(used.map(() => 1));
  });

  it("one rule's entry may take another's place in the same step, and each is still counted once", () => {
    const rules = rulesOf({ threshold: 10 }, { threshold: 10 });
    const world = new World({ sources: 1, rules, sets: 1 });
    for (let n = 0; n < 8; n += 1) world.request(0, { client: `busy ${n}`, cost: 2, rules: [0] });
    for (let n = 0; n < 7; n += 1) world.request(0, { client: `busy ${n}`, cost: 2, rules: [0] });
    expect(admits(world.request(0, { client: "new" }))).toBe(true);
    expect(counts(world, 1)).toEqual([1, 0, 0]);
  });
});
