/** Rules with which a client, or an operator's own list, could make every request dear. */
import { describe, expect, it } from "vitest";
import { formatProblem, parseRules } from "../../shared/rule.ts";
import { ACCESS_LIST_MAX, MATCH_LIST_MAX } from "../../shared/rule-schema.ts";

const problemsOf = (part: Record<string, unknown>): readonly string[] => {
  const parsed = parseRules([{ name: "test", limit: 5, window: "1m", ...part }]);
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};
const addresses = (count: number) => Array.from({ length: count }, (_, at) => `10.0.${at >> 8}.${at & 255}`);

describe("a regular expression in a path is refused, with what is wrong with it", () => {
  it.each(["/(a+)+$", "/(a|aa)+", "/([a-z]+)*x", "/:id(\\d+)", "/a/(.*)", "/{a}+b", "/{/a}*"])(
    "%s",
    (path) => {
      const written = JSON.stringify(path);
      const [problem, ...others] = problemsOf({ match: { path } });
      expect(others).toEqual([]);
      expect(problem).toMatch(
        /^rule "test", match\.path: found .*, with a (regular expression "\(…\)"|group "\{…\}" that repeats): a client could choose a path that takes for ever; allowed is a path from "\/" on/,
      );
      expect(problem).toContain(written);
    },
  );
});

describe("a list over its maximum is refused, with the maximum", () => {
  it.each(["allow", "deny"])("%s", (list) => {
    expect(problemsOf({ [list]: addresses(ACCESS_LIST_MAX) })).toEqual([]);
    expect(problemsOf({ [list]: addresses(ACCESS_LIST_MAX + 1) })).toEqual([
      expect.stringMatching(
        new RegExp(
          `^rule "test", ${list}: found a list of 2001; allowed is a list of at most 2000 addresses, `,
        ),
      ),
    ]);
  });

  it("match.country", () => {
    const country = Array.from({ length: MATCH_LIST_MAX + 1 }, (_, at) => `A${at}`);
    expect(problemsOf({ match: { country } }).length).toBeGreaterThan(0);
  });
});
