import { expect, test } from "vitest";
import { RULE_SETS_MAX } from "../../shared/limits.ts";
import { RuleSet } from "../../shared/rule-set.ts";
import { ruleWith } from "./world.ts";

const rules = Array.from({ length: 12 }, (_, index) =>
  ruleWith({ name: `r${index}`, ...(index % 3 === 2 && { mode: "shadow" as const }) }),
);

test("a set is made once, however often it is asked for", () => {
  const none = RuleSet.none(rules);
  expect(none.and(0).and(3)).toBe(none.and(0).and(3));
  expect(none.and(0).and(3).rules).toEqual([rules[0], rules[3]]);
});

test("shadow rules are in a set, but not among those that deny; with enforcement off none denies", () => {
  const names = (set: RuleSet) => set.enforced.map(({ name }) => name);
  expect(names(RuleSet.none(rules).and(1).and(2).and(3))).toEqual(["r1", "r3"]);
  expect(names(RuleSet.none(rules, false).and(1).and(3))).toEqual([]);
});

test("past the bound sets are the same as ever, and are not remembered", () => {
  const none = RuleSet.none(rules);
  const setOf = (bits: number) =>
    rules.reduce((set, _, index) => ((bits >> index) & 1 ? set.and(index) : set), none);
  const all = Array.from({ length: 2 ** rules.length }, (_, bits) => setOf(bits));
  const remembered = all.filter((set, bits) => bits > 0 && setOf(bits) === set);
  expect(remembered.length).toBeLessThanOrEqual(RULE_SETS_MAX);
  expect(setOf(0xfff)).not.toBe(setOf(0xfff));
  expect(setOf(0xfff).indexes).toEqual(rules.map((_, index) => index));
});
