import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lenientReading, readingsOf, strictReading } from "../../shared/path.ts";
import { parseRules, type Rule } from "../../shared/rule.ts";
import { matching } from "./traits.ts";

interface WrittenMatch {
  readonly path?: string;
  readonly methods?: readonly string[];
}

/** By method and path alone. */
function matcher(rules: readonly Rule[]) {
  const match = matching(rules);
  return (method: string, pathname: string) => match({ method, pathname });
}

function rulesOf(...matches: readonly WrittenMatch[]): readonly Rule[] {
  const parsed = parseRules(
    matches.map((match, i) => ({ name: `r${i}`, match, limit: 10 + i, window: "1m" })),
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.rules;
}

/** Whether a rule on `pattern` covers a request for `path`. */
const covers = (pattern: string, path: string): boolean =>
  !matcher(rulesOf({ path: pattern }))("GET", path).isEmpty;

describe("a rule's path", () => {
  test.each([
    ["/login", "/login"],
    ["/", "/"],
    ["*", "/"],
    ["*", "/a/b"],
    ["/**", "/"],
    ["/**", "/a/b/c"],
    ["/*", "/"],
    ["/*", "/a"],
    ["/*", "/a/b"],
    ["/a*c", "/ac"],
    ["/a*c", "/abbc"],
    ["/a*c", "/a/b/c"],
    ["/*.php", "/index.php"],
    ["/*.php", "/a/index.php"],
    ["/a*b*c", "/a1b2b3c"],
    ["/api/*/edit", "/api/7/edit"],
    ["/api/*/edit", "/api/7/8/edit"],
    ["/api/*/edit", "/api//edit"],
    ["/api/*/edit", "/api/edit"],
    ["/api/*", "/api/"],
    ["/api/*", "/api"],
    ["/api/**", "/api"],
    ["/api/**", "/api/v1/users"],
    ["/**/login", "/login"],
    ["/**/login", "/a/b/login"],
    ["/a/**/z", "/a/z"],
    ["/a/**/z", "/a/z/z"],
    ["/a/**/b/**/c", "/a/x/b/c/b/y/c"],
    ["/**/a/**/b/**/c/**/d/**/e", "/x/a/b/y/c/d/y/z/e"],
    ["/**/**/a", "/a"],
    ["/user/:id", "/user/7"],
    ["/user/:id/", "/user/7"],
    ["/user/:id", "/user/7/"],
    ["/:a-:b", "/x-y-z"],
    ["/:file.:end", "/a.tar.gz"],
    ["/user/:id?", "/user"],
    ["/user/:id?", "/user/7"],
    ["/user/:id?/edit", "/user/edit"],
    ["/:lang?", "/"],
    ["/tree/:path+", "/tree/a"],
    ["/tree/:path+", "/tree/a/b/c"],
    ["/tree/:path*", "/tree"],
    ["/tree/:path*", "/tree/a/b"],
    ["/tree/:path+.md", "/tree/a/b.md"],
    ["/tree/:path*.md", "/tree.md"],
    ["/a{/b}?/c", "/a/c"],
    ["/a{/b}?/c", "/a/b/c"],
    ["/img{-:size}?.png", "/img.png"],
    ["/img{-:size}?.png", "/img-40.png"],
    ["/a\\*b", "/a*b"],
    ["/a\\:b", "/a:b"],
    ["/a\\?b", "/a%3Fb"],
    ["/a\\(b", "/a(b"],
    ["/v1\\:batch", "/v1:batch"],
    ["/login/", "/login"],
    ["//login", "/login"],
    ["/café", "/caf%C3%A9"],
    ["/:café/x", "/y/x"],
    ["/a b", "/a%20b"],
    ["/A/B", "/a/b"],
  ])("%s covers %s", (pattern, path) => {
    expect(covers(pattern, path)).toBe(true);
  });

  test.each([
    ["/login", "/"],
    ["/login", "/logins"],
    ["/login", "/log"],
    ["/login", "/login/x"],
    ["/", "/a"],
    ["/a*c", "/a/b"],
    ["/a*", "/b/a"],
    ["/api/*/edit", "/api/7/edits"],
    ["/api/*", "/apis"],
    ["/api/**", "/apis"],
    ["/**/login", "/a/login/b"],
    ["/a/**/z", "/a/y"],
    ["/a.c", "/abc"],
    ["/[ab]", "/a"],
    ["/*.php", "/a.phps"],
    ["/user/:id", "/user"],
    ["/user/:id", "/user/"],
    ["/user/:id", "/user/7/8"],
    ["/user/:id/posts", "/user/posts"],
    ["/user/:id/posts", "/user//posts"],
    ["/user/:id?", "/user/7/8"],
    ["/:a-:b", "/x-"],
    ["/tree/:path+", "/tree"],
    ["/tree/:path+.md", "/tree/a/.mdx"],
    ["/a{/b}?/c", "/a/x/c"],
    ["/a\\*b", "/axb"],
    ["/a\\:b", "/axb"],
    ["/:lang?x", "/"],
  ])("%s does not cover %s", (pattern, path) => {
    expect(covers(pattern, path)).toBe(false);
  });
});

describe("an exception's path", () => {
  /** Whether a rule on every path but `pattern` leaves `path` alone. */
  const excepts = (pattern: string, path: string): boolean => {
    const rule = { name: "r", match: { not: { path: pattern } }, limit: 10, window: "1m" };
    const parsed = parseRules([rule]);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return matcher(parsed.rules)("GET", path).isEmpty;
  };

  test.each([
    ["/health", "/health"],
    ["/health", "/health/"],
    ["/health/", "/health"],
    ["/HEALTH", "/health"],
    ["/static/*", "/static/a/b"],
    ["/static/**", "/static"],
    ["/static/:file", "/static/a"],
    ["/*", "/"],
    ["*", "/a"],
    ["/a/*/c", "/a/b/c"],
  ])("%s excepts %s", (pattern, path) => {
    expect(excepts(pattern, path)).toBe(true);
  });

  test.each([
    ["/health", "/healthy"],
    ["/static/*", "/static"],
    ["/static/*", "/static/..;/login"],
    ["/static/*", "/static/%2e%2e%2flogin"],
    ["/static/*", "/static/..%5clogin"],
    ["/static/:file", "/static/a%2fb"],
    ["/login;x", "/login;x"],
    ["/static/*", "/login;%2f..%2fstatic%2fx"],
    ["/a/*/c", "/a/c"],
    ["/a/*/c", "/a//c"],
  ])("%s does not except %s: in doubt the rule covers it", (pattern, path) => {
    expect(excepts(pattern, path)).toBe(false);
  });
});

describe("no other spelling slips past a rule", () => {
  test.each([
    "/login/",
    "/login//",
    "//login",
    "/LOGIN",
    "/Login",
    "/%6cogin",
    "/%6Cogin",
    "/%4cogin",
    "/login%2F",
    "/%2flogin",
    "/login;jsessionid=1",
    "/login;",
    "/login;%5c..",
    "/login;%2f..",
    "/login%3bx",
    "/;x/login",
    "/x/..;/login",
    "/x/..%2Flogin",
    "/.%2flogin",
    "/%5clogin",
    "//%6C%6f%67%69%6e//;a=b",
  ])("/login covers %s", (path) => {
    expect(covers("/login", new URL(`http://host${path}`).pathname)).toBe(true);
  });

  test.each([
    ["/user/:id", "/user/;x"],
    ["/user/*", "/user/;x"],
    ["/user/*", "/user/a;b"],
    ["/user/:id", "/user/..;"],
    ["/files/:name", "/files/a%2Fb"],
    ["/files/:name/meta", "/files/a%2Fb/meta"],
    ["/files/a/b", "/files/a%2Fb"],
    ["/api/*", "/api%2f..;"],
    ["/user/:id", "/user%2f..;"],
    ["/a/login", "/a;b%2f../login"],
  ])("%s covers %s, whichever way the origin reads it", (pattern, path) => {
    expect(covers(pattern, new URL(`http://host${path}`).pathname)).toBe(true);
  });

  test.each(["/login%252f", "/%256cogin", "/log%00in"])("/login is something else than %s", (path) => {
    expect(covers("/login", path)).toBe(false);
  });
});

describe("any text for a path", () => {
  const anyPath = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(..."/.;%2fFcC5\\aA é\ud800\udc00*") }),
  );

  test("is decided without an error, and spelled the same again when spelled already", () => {
    const match = matcher(rulesOf({ path: "/a/*" }, { path: "/**/f" }));
    fc.assert(
      fc.property(anyPath, (path) => {
        match("GET", path);
        const strict = strictReading(path);
        expect(strict.startsWith("/")).toBe(true);
        for (const reading of readingsOf(strict)) {
          expect(reading).not.toMatch(/\/\/|[A-Z]|[^\0-\x7f]/);
          expect(reading === "/" || !reading.endsWith("/")).toBe(true);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test("is the same string when it is plain, so that nothing is built for most requests", () => {
    for (const path of ["/", "/login", "/a/b-c_d.e~f", "/.well-known/x"]) {
      expect(strictReading(path)).toBe(path);
      expect(lenientReading(path)).toBe(path);
    }
  });

  test.each([
    ["escapes", "/%6c".repeat(2_500)],
    ["slashes", "/".repeat(10_000)],
    ["escaped slashes", "/a%2f".repeat(2_000)],
    ["segments", "/a".repeat(5_000)],
    ["parameters", "/;".repeat(5_000)],
    ["segments with parameters", "/a;a".repeat(2_500)],
    ["dots", "/..;".repeat(2_500)],
    ["one segment", `/${"a".repeat(10_000)}`],
    ["surrogates", `/${"\ud800".repeat(10_000)}`],
    ["percent signs", `/${"%".repeat(10_000)}`],
  ])("may be 10 KB of %s and is decided in milliseconds, against the worst patterns", (_, path) => {
    const match = matcher(
      rulesOf(
        { path: "/*a*a*a*a*b" },
        { path: `/${"*aaaaaa".repeat(32)}b` },
        { path: "/**/a/**/a/**/a/**/a/**/b" },
        { path: `/${"*/a".repeat(32)}/b` },
        { path: `/*${Array.from({ length: 31 }, (_, i) => `a{:n${i}}`).join("")}b` },
        { path: "/:a+/a/:b+/a/:c+/a/:d+/b" },
        { path: "/*a{a*}?{a*a}?{a*aa}?{a*aaa}?b" },
      ),
    );
    const start = performance.now();
    expect(match("GET", path).indexes).toEqual([]);
    // About 5 ms here; a matcher that backtracks into earlier wildcards would not end at all.
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe("the rules a request falls under", () => {
  const rules = rulesOf(
    { path: "/login", methods: ["POST"] },
    { path: "/**" },
    { path: "/api/**", methods: ["GET", "POST"] },
  );
  const match = matcher(rules);
  const names = (method: string, path: string) => match(method, path).rules.map((rule) => rule.name);

  test("come in the order in which they are written", () => {
    expect(names("POST", "/login")).toEqual(["r0", "r1"]);
    expect(names("POST", "/api/x")).toEqual(["r1", "r2"]);
    expect(names("GET", "/x")).toEqual(["r1"]);
  });

  test("cover exactly the methods they list: GET does not stand for HEAD", () => {
    expect(names("GET", "/login")).toEqual(["r1"]);
    expect(names("HEAD", "/api/x")).toEqual(["r1"]);
    expect(names("post", "/login")).toEqual(["r1"]);
  });

  test("are the same objects, and the same set each time", () => {
    expect(match("POST", "/login").rules[0]).toBe(rules[0]);
    expect(match("GET", "/x")).toBe(match("GET", "/y"));
    expect(match("POST", "/api/x")).toBe(match("POST", "/api/y"));
    const one = matcher(rulesOf({ path: "/login" }));
    expect(one("GET", "/x").isEmpty).toBe(true);
    expect(one("GET", "/x")).toBe(one("GET", "/y"));
  });

  test("are those that each rule alone would cover, whatever stands beside it", () => {
    const segment = fc.constantFrom("a", "b", "ab", "*", "a*", "**", "{b}?", "a{b}?", "{:n}");
    const pattern = fc
      .array(segment, { maxLength: 4 })
      .map((segments) => `/${segments.join("/")}`.replaceAll(":n", (_, at) => `:n${at}`));
    const path = fc
      .array(fc.constantFrom("a", "b", "ab", "c", "", "A", "%61", ".", "..", "a;x", "a%2fb"), {
        maxLength: 5,
      })
      .map((segments) => `/${segments.join("/")}`);
    const matches = fc.uniqueArray(
      fc.record({ path: pattern, methods: fc.constantFrom(["GET"], ["POST"], ["GET", "POST"]) }),
      { minLength: 1, maxLength: 8, selector: (match) => JSON.stringify(match) },
    );
    fc.assert(
      fc.property(matches, path, (written, asked) => {
        const many = rulesOf(...written);
        const alone = many.map((rule) => !matcher([rule])("GET", asked).isEmpty);
        const expected = many.flatMap((_, index) => (alone[index] ? [index] : []));
        expect(matcher(many)("GET", asked).indexes).toEqual(expected);
      }),
      { numRuns: 3_000 },
    );
  });

  test("are none when there are no rules", () => {
    expect(matcher([])("GET", "/").isEmpty).toBe(true);
  });
});
