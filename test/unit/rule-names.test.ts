/** Names that people choose may be any, also those that objects have from birth. */
import { describe, expect, it } from "vitest";
import { parseRules } from "../../shared/rule.ts";
import { matching, type Said } from "./traits.ts";

/** As workerd and TOML hand it over: `__proto__` is a field like others. */
const rulesOf = (part: string) => {
  const parsed = parseRules(JSON.parse(`[{ "name": "test", "limit": 9, "window": "1m", ${part} }]`));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.rules;
};

describe.each(["constructor", "__proto__", "prototype", "toString", "hasOwnProperty"])(
  "the name %s",
  (name) => {
    it("of a header that is asked for is asked for", () => {
      const match = matching(rulesOf(`"match": { "headers": { "${name}": "yes" } }`));
      const headers = JSON.parse(`{ "${name.toLowerCase()}": "yes" }`) as Record<string, string>;
      expect([match({ headers: {} }).isEmpty, match({ headers }).isEmpty]).toEqual([true, false]);
    });

    it("of a parameter that is asked for is asked for", () => {
      const match = matching(rulesOf(`"match": { "query": { "${name}": ["yes", "no"] } }`));
      expect([match({}).isEmpty, match({ query: `${name}=no` }).isEmpty]).toEqual([true, false]);
    });

    it("of a plan is a plan, and none of a request that says another", () => {
      const rules = rulesOf(`"limits": { "by": "header:x-plan", "${name}": 3 }`);
      const limitOf = (said: Said) => matching(rules)(said).indexes.map((index) => rules[index]?.limit);
      expect(limitOf({ headers: { "x-plan": name } })).toEqual([3]);
      expect(limitOf({ headers: { "x-plan": "other" } })).toEqual([9]);
    });

    it("is no plan where none is written so", () => {
      const rules = rulesOf('"limits": { "by": "header:x-plan", "pro": 3 }');
      const { indexes } = matching(rules)({ headers: { "x-plan": name } });
      expect(indexes.map((index) => rules[index]?.limit)).toEqual([9]);
    });
  },
);

describe("a value that is bad", () => {
  it.each([
    ['"match": { "headers": { "constructor": 1 } }', "match.headers.constructor", "1"],
    ['"match": { "headers": { "a b": "x" } }', 'match.headers."a b"', '"a b"'],
    ['"match": { "query": { "__proto__": [] } }', "match.query.__proto__", "an empty list"],
    ['"limits": { "by": "header:x-plan", "__proto__": 0 }', "limits.__proto__", "0"],
    ['"limits": { "by": "cookie:plan", "pro": 3 }', "limits.by", '"cookie:plan"'],
    ['"limits": { "pro": 3 }', "limits", "a table"],
    ['"limits": { "by": "header:x-plan" }', "limits", "a table"],
  ])("of %s is told by its name", (part, field, found) => {
    const parsed = parseRules(JSON.parse(`[{ "name": "test", "limit": 9, "window": "1m", ${part} }]`));
    expect(parsed.ok ? [] : parsed.problems.map((problem) => [problem.field, problem.found])).toEqual([
      [field, found],
    ]);
  });
});
