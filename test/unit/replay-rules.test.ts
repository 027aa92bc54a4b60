import { describe, expect, test } from "vitest";
import { scaledRules } from "../../loadtest/replay/rules.ts";
import { parseRules, type Rule } from "../../shared/rule.ts";

const TABLES = [
  { name: "login", limit: 20, window: "1m", deadline: "400ms", match: { path: "/login" } },
  { name: "site", limit: 300, window: "10s" },
];

function parsed(tables: unknown): readonly Rule[] {
  const result = parseRules(tables);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.rules;
}

describe("rules at a speed", () => {
  test("have windows and explicit deadlines divided by it, and all else as written", () => {
    const fast = parsed(scaledRules(TABLES, parsed(TABLES), 8));
    expect(fast.map(({ window, deadline }) => [window, deadline])).toEqual([
      [7_500, 50],
      [1_250, "auto"],
    ]);
    for (const [index, rule] of parsed(TABLES).entries()) {
      const { version: _version, window: _window, deadline: _deadline, ...rest } = rule;
      expect(fast[index]).toMatchObject(rest);
    }
  });

  test("have whole milliseconds at any speed", () => {
    expect(parsed(scaledRules(TABLES, parsed(TABLES), 7)).map(({ window }) => window)).toEqual([
      8_571, 1_429,
    ]);
  });

  test("are refused when a window would fall below a second, with the speed that is possible", () => {
    expect(scaledRules(TABLES, parsed(TABLES), 10)).toHaveLength(2);
    expect(() => scaledRules(TABLES, parsed(TABLES), 10.5)).toThrow(/rule site, 10s, to 952ms.* --speed 10$/);
  });
});
