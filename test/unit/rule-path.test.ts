import { describe, expect, test } from "vitest";
import { quote } from "../../shared/quote.ts";
import { parseRules } from "../../shared/rule.ts";

const LOGIN = { name: "login", limit: 20, window: "1m" };

/** Each problem of a rule with this `match`, as `field|found`. */
function problemsOf(match: object): string[] {
  const parsed = parseRules([{ ...LOGIN, match }]);
  return parsed.ok ? [] : parsed.problems.map(({ field, found }) => `${field}|${found}`);
}

/** The version of the rule that is `LOGIN` on a path. */
function versionOf(path: string): string {
  const parsed = parseRules([{ ...LOGIN, match: { path } }]);
  const [rule] = parsed.ok ? parsed.rules : [];
  if (rule === undefined) throw new Error(JSON.stringify(parsed));
  return rule.version;
}

describe("a path that is wrong", () => {
  const PLAINLY = "with %, # or a character that cannot be seen";
  const REGEXP = 'with a regular expression "(…)": a client could choose a path that takes for ever';
  const REPEATED = 'with a group "{…}" that repeats: a client could choose a path that takes for ever';
  const STRAY =
    'with a "?" or "+" that follows no wildcard or group ("\\?" is the character; a query belongs in match.query)';

  test.each([
    ["login", 'which does not begin with "/"'],
    ["", 'which does not begin with "/"'],
    ["*a", 'which does not begin with "/"'],
    ["{/a}?", 'which does not begin with "/"'],
    ["/a?b=1", STRAY],
    ["/a+b", STRAY],
    ["/a/{b/}+c", REPEATED],
    ["/a{/b}*", REPEATED],
    ["/(a|b)", REGEXP],
    ["/:id(\\d+)", REGEXP],
    ["/{:id(a*)}?", REGEXP],
    ["/*(a)", REGEXP],
    ["/%6cogin", PLAINLY],
    ["/a#b", PLAINLY],
    ["/a\nb\u202e", PLAINLY],
    ["/a\ud800", PLAINLY],
    ["/a/../b", 'with a segment "." or "..", which no path has'],
    ["/a/.", 'with a segment "." or "..", which no path has'],
    ["/a/\\.{.}?/b", 'with a segment "." or "..", which no path has'],
    ["/a:", 'with a ":" and no name ("\\:" is the character)'],
    ["/:1", 'with a ":" and no name ("\\:" is the character)'],
    ["/:id/:id", 'with the name ":id" twice'],
    ["/a{b", 'with a "{" that has no "}"'],
    ["/a}b", 'with a "}" that has no "{"'],
    ["/a{b{c}}", "with a group in a group"],
    ["/{:a:b}", "with several wildcards in one group"],
    ["/a\\", 'with a "\\" at its end'],
    [`/${"*a".repeat(33)}`, "with more than 32 wildcards"],
    ["/a{b}?{c}?{d}?{e}?{f}?", "which stands for more than 16 paths with what may be left out"],
    [`/${"x".repeat(256)}`, "which has more than 256 characters"],
  ])("%j is told with what is wrong with it", (path, problem) => {
    const shown = quote(path);
    expect(problemsOf({ path })).toEqual([`match.path|${shown}, ${problem}`]);
    expect(problemsOf({ path: ["/x", path] })).toEqual([`match.path|${shown}, ${problem}`]);
    expect(problemsOf({ not: { path } })).toEqual([`match.not.path|${shown}, ${problem}`]);
  });

  test.each([
    "*",
    "/a/:b?/:c?/:d?/:e?",
    "/**/a/**/b/**/c/**/d/**/e/**",
    `/${"*a".repeat(32)}`,
    `/${"x".repeat(255)}`,
    "/a\\?b\\+c\\(d\\)\\{\\}\\*\\:\\\\",
    "/a)b",
    "/:$_é",
    "/{}",
  ])("%j is none", (path) => {
    expect(problemsOf({ path })).toEqual([]);
  });
});

describe("a rule's version", () => {
  test("is equal for patterns that say the same", () => {
    for (const [one, ...others] of [
      ["/a/**/b", "/a/**/**/b/", "/a/*/b", "/a/*?/b", "/a/:n*/b"],
      ["/**", "*", "/*", "/:n*", "//**/"],
      ["/a/:id", "/a/:name/", "/A/:id", "/a/{:id}"],
      ["/a/:id?", "/a{/:id}?", "/a{/:id/}?"],
    ] as const)
      expect(others.map(versionOf)).toEqual(others.map(() => versionOf(one)));
  });

  test("differs where patterns say different things in the same characters", () => {
    const paths = [
      "/a*",
      "/a\\*",
      "/a:b",
      "/a\\:b",
      "/a\\\\:b",
      "/**",
      "/\\*\\*",
      "/:a+",
      "/:a\\+",
      "/:a",
      "/\\:",
    ];
    const versions = paths.map(versionOf);
    expect(new Set(versions).size).toBe(paths.length);
  });

  test.each([
    ["/**", "f4f54bf822f7f3ad"],
    ["/api/**", "ddee15acbf8cf06e"],
    ["/a*c", "eb39f755ebdf6113"],
    ["/v1/a\\+b\\:c", "d2a8630c74c35058"],
  ])("of %s never changes", (path, version) => {
    expect(versionOf(path)).toBe(version);
  });
});
