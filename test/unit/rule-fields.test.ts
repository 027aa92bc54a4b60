import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import { ACCESS_LIST_MAX, ALLOWED, MATCH_LIST_MAX, PLANS_MAX } from "../../shared/rule-schema.ts";

const LOGIN = { name: "login", limit: 20, window: "1m" };

function rulesOf(...written: readonly object[]): readonly Rule[] {
  const parsed = parseRules(written.map((fields) => ({ ...LOGIN, ...fields })));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.rules;
}

/** Each problem as `rule|field|found`. */
function problemsOf(input: unknown): string[] {
  const parsed = parseRules(input);
  return parsed.ok ? [] : parsed.problems.map(({ rule, field, found }) => `${rule}|${field}|${found}`);
}

const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `v${at}`);

describe("a rule may say", () => {
  test.each<object>([
    { match: { path: ["/a", "/b"] } },
    { match: { hosts: ["example.com", "*.example.com", "127.0.0.1", "[::1]", "a_b"] } },
    { match: { headers: { "X-A": "1", "x-b": ["1", "2"], "x-c": "*", "x-d": "" } } },
    { match: { query: { "a b": "1", é: ["", "*"] } } },
    { match: { country: ["DE", "T1", "XX"], asn: [1, 2 ** 32 - 1] } },
    { match: { hosts: many(MATCH_LIST_MAX).map((name) => name) } },
    { match: { not: { path: "/a", hosts: ["a"], headers: { a: "1" }, query: { a: "1" }, country: ["DE"] } } },
    { match: { not: {} } },
    { key: ["ip", "header:X", "cookie:C", "query:q q", "path", "host", "method", "asn"] },
    { key: ["all"] },
    { missing: "skip" },
    { missing: "deny" },
    { lease: "auto", grace: "auto" },
    { lease: 0.5, grace: 17 },
    { lease: "auto", algorithm: "token-bucket" },
    { ipv6_prefix: 32 },
    { ipv6_prefix: 128 },
    { cost: { by: "header:X-Cost", max: 20 } },
    { limits: { by: "header:x", free: 1 } },
    { limits: { by: "asn", constructor: 5, "a b": 7, "": 8 } },
    { allow: [], deny: [] },
    { allow: ["192.0.2.7", "::/0", "header:x=1=2"] },
    { deny: Array.from({ length: ACCESS_LIST_MAX }, (_, at) => `10.0.${at >> 8}.${at & 255}`) },
    { candidate: { limit: 5, window: "10s" } },
    { action: { kind: "deny", status: 503, body: "no", content_type: "text/html; charset=utf-8" } },
    { action: { kind: "deny" } },
    { action: { kind: "tag" } },
    { action: { kind: "tag", header: "X-Over" } },
  ])("%j", (fields) => {
    expect(problemsOf([{ ...LOGIN, ...fields }])).toEqual([]);
  });
});

describe("a problem of a field", () => {
  test.each([
    [{ match: { hosts: [] } }, "login|match.hosts|an empty list"],
    [{ match: { hosts: ["Example.com"] } }, 'login|match.hosts|"Example.com"'],
    [{ match: { hosts: ["a.example:80"] } }, 'login|match.hosts|"a.example:80"'],
    [{ match: { hosts: ["a.*"] } }, 'login|match.hosts|"a.*"'],
    [{ match: { hosts: ["a", "a"] } }, "login|match.hosts|a list of 2"],
    [{ match: { hosts: many(MATCH_LIST_MAX + 1) } }, `login|match.hosts|a list of ${MATCH_LIST_MAX + 1}`],
    [{ match: { headers: [] } }, "login|match.headers|an empty list"],
    [{ match: { headers: { "a b": "1" } } }, 'login|match.headers."a b"|"a b"'],
    [{ match: { headers: { "X-A": "1", "x-a": "2" } } }, 'login|match.headers.x-a|"x-a"'],
    [{ match: { headers: { a: 1 } } }, "login|match.headers.a|1"],
    [{ match: { headers: { a: [] } } }, "login|match.headers.a|an empty list"],
    [{ match: { query: { "": "1" } } }, 'login|match.query.""|""'],
    [{ match: { query: { a: null } } }, "login|match.query.a|null"],
    [{ match: { query: { a: "x".repeat(513) } } }, `login|match.query.a|"${"x".repeat(60)}…"`],
    [{ match: { country: ["de"] } }, 'login|match.country|"de"'],
    [{ match: { country: ["DEU"] } }, 'login|match.country|"DEU"'],
    [{ match: { asn: [0] } }, "login|match.asn|0"],
    [{ match: { asn: ["13335"] } }, 'login|match.asn|"13335"'],
    [{ match: { asn: [2 ** 32] } }, "login|match.asn|4294967296"],
    [{ match: { not: "/a" } }, 'login|match.not|"/a"'],
    [{ match: { not: { asn: [0] } } }, "login|match.not.asn|0"],
    [{ match: { not: { not: {} } } }, "login|match.not.not|an unknown field"],
    [{ match: { not: { host: [] } } }, "login|match.not.host|an unknown field"],
    [{ key: many(9).map((name) => `header:${name}`) }, "login|key|a list of 9"],
    [{ key: ["IP"] }, 'login|key|"IP"'],
    [{ key: ["cookie:a;b"] }, 'login|key|"cookie:a;b"'],
    [{ key: ["query:"] }, 'login|key|"query:"'],
    [{ key: ["query:a\u0000"] }, 'login|key|"query:a\\u0000"'],
    [{ key: [7] }, "login|key|7"],
    [{ missing: "allow" }, 'login|missing|"allow"'],
    [{ ipv6_prefix: 31 }, "login|ipv6_prefix|31"],
    [{ ipv6_prefix: 129 }, "login|ipv6_prefix|129"],
    [{ ipv6_prefix: 56.5 }, "login|ipv6_prefix|56.5"],
    [{ cost: { by: "query:c", max: 5 } }, 'login|cost.by|"query:c"'],
    [{ cost: { by: "header:c", max: 0 } }, "login|cost.max|0"],
    [{ cost: { by: "header:c", max: 21 } }, "login|cost.max|21"],
    [{ cost: { by: "header:c" } }, "login|cost.max|nothing"],
    [{ cost: { by: "header:c", max: 5, min: 1 } }, "login|cost.min|an unknown field"],
    [{ limits: { by: "header:x" } }, "login|limits|a table"],
    [{ limits: { free: 5 } }, "login|limits|a table"],
    [{ limits: { by: "cookie:x", free: 5 } }, 'login|limits.by|"cookie:x"'],
    [{ limits: { by: "ip", free: 5 } }, 'login|limits.by|"ip"'],
    [{ limits: { by: "header:x", free: 0 } }, "login|limits.free|0"],
    [{ limits: { by: "header:x", free: "5" } }, 'login|limits.free|"5"'],
    [
      { limits: { by: "header:x", ...Object.fromEntries(many(PLANS_MAX + 1).map((plan) => [plan, 5])) } },
      "login|limits|a table",
    ],
    [{ window: "30d", limits: { by: "header:x", pro: 868_750 } }, "login|limits.pro|868750"],
    [{ lease: 0.6 }, "login|lease|0.6"],
    [{ lease: "half" }, 'login|lease|"half"'],
    [{ lease: 0.1, algorithm: "token-bucket" }, "login|lease|0.1"],
    [{ grace: -1 }, "login|grace|-1"],
    [{ grace: 18 }, "login|grace|18"],
    [{ grace: 12, threshold: 10 }, "login|grace|12"],
    [{ allow: "192.0.2.7" }, 'login|allow|"192.0.2.7"'],
    [{ allow: ["192.0.2.0/33"] }, 'login|allow|"192.0.2.0/33"'],
    [{ allow: ["header:x"] }, 'login|allow|"header:x"'],
    [{ allow: ["header:x="] }, 'login|allow|"header:x="'],
    [{ deny: ["cookie:x=1"] }, 'login|deny|"cookie:x=1"'],
    [{ deny: many(ACCESS_LIST_MAX + 1) }, undefined],
    [{ candidate: { limit: 5 } }, "login|candidate.window|nothing"],
    [{ candidate: { limit: 0, window: "1m" } }, "login|candidate.limit|0"],
    [{ candidate: { limit: 868_750, window: "30d" } }, "login|candidate.limit|868750"],
    [{ candidate: { limit: 5, window: "1m", mode: "shadow" } }, "login|candidate.mode|an unknown field"],
    [{ action: "deny" }, 'login|action|"deny"'],
    [{ action: { kind: "drop" } }, 'login|action.kind|"drop"'],
    [{ action: { kind: "deny", status: 200 } }, "login|action.status|200"],
    [{ action: { kind: "deny", body: "x".repeat(4_097) } }, `login|action.body|"${"x".repeat(60)}…"`],
    [{ action: { kind: "deny", content_type: "text/html\r\nx: y" } }, undefined],
    [{ action: { kind: "tag", header: "a b" } }, 'login|action.header|"a b"'],
    [{ action: { kind: "tag", colour: 1 } }, "login|action.colour|an unknown field"],
  ])("%j", (fields, expected) => {
    const problems = problemsOf([{ ...LOGIN, ...fields }]);
    if (expected === undefined) expect(problems.length).toBeGreaterThan(0);
    else expect(problems).toEqual([expected]);
  });
});

describe("what is held ahead", () => {
  const aheadOf = (fields: object) => rulesOf(fields).map(({ lease, grace }) => [lease, grace]);

  test("auto is half the threshold of grace, and none where every request is to be asked for", () => {
    expect(aheadOf({ lease: "auto", grace: "auto" })).toEqual([["auto", 2]]);
    expect(aheadOf({ grace: "auto", threshold: 9 })).toEqual([[0, 4]]);
    expect(aheadOf({ grace: "auto", threshold: 1 })).toEqual([[0, 0]]);
  });

  test("never lets one source admit by itself more than it could be granted", () => {
    expect(aheadOf({ grace: "auto", threshold: 20 })).toEqual([[0, 1]]);
    expect(aheadOf({ grace: 5, limits: { by: "header:x", small: 4 } })).toEqual([
      [0, 5],
      [0, 1],
    ]);
  });

  test("is nothing in a bucket, which would be fuller for what it lent", () => {
    expect(aheadOf({ lease: "auto", grace: "auto", algorithm: "token-bucket" })).toEqual([[0, 2]]);
  });

  test("is part of a rule's version where it is not the default", () => {
    const versions = [{}, { lease: "auto" }, { lease: 0.1 }, { grace: 1 }].map(
      (fields) => rulesOf(fields)[0]?.version,
    );
    expect(new Set(versions).size).toBe(4);
    expect(rulesOf({ lease: 0, grace: 0 })[0]?.version).toBe(versions[0]);
  });
});

describe("plans and candidates", () => {
  test("are rules of their own, with versions of their own and the name of the rule", () => {
    const fields = { limits: { by: "header:X-P", free: 5, pro: 50 }, candidate: { limit: 9, window: "10s" } };
    const rules = rulesOf(fields);
    expect(
      rules.map(({ name, limit, window, mode, plan }) => [name, limit, window, mode, plan?.name]),
    ).toEqual([
      ["login", 20, 60_000, "enforce", undefined],
      ["login", 5, 60_000, "enforce", "free"],
      ["login", 50, 60_000, "enforce", "pro"],
      ["login.candidate", 9, 10_000, "shadow", undefined],
    ]);
    expect(new Set(rules.map(({ version }) => version)).size).toBe(4);
    expect(rules.map(({ threshold }) => threshold)).toEqual([4, 4, 4, 4]);
  });

  test("of one limit are still told apart", () => {
    const rules = rulesOf({
      limits: { by: "header:x", a: 20, b: 20 },
      mode: "shadow",
      candidate: { limit: 20, window: "1m" },
    });
    expect(new Set(rules.map(({ version }) => version)).size).toBe(4);
    const [own, candidate] = rulesOf({ mode: "shadow", candidate: { limit: 20, window: "1m" } });
    expect(candidate?.version).not.toBe(own?.version);
  });

  test("keep the rule's own version where they are not", () => {
    const [plain] = rulesOf({});
    const [own, candidate] = rulesOf({ candidate: { limit: 9, window: "10s" } });
    expect(own?.version).toBe(plain?.version);
    expect(candidate?.version).not.toBe(plain?.version);
  });

  test("have thresholds that are never above their limits", () => {
    const rules = rulesOf({
      threshold: 15,
      limits: { by: "header:x", a: 3, b: 100 },
      candidate: { limit: 2, window: "1m" },
    });
    expect(rules.map(({ threshold }) => threshold)).toEqual([15, 3, 15, 2]);
  });

  test("a candidate's name is nobody else's", () => {
    const twice = [
      { ...LOGIN, candidate: { limit: 9, window: "10s" } },
      { ...LOGIN, name: "login.candidate", limit: 7 },
    ];
    const expected = ['#2|name|"login.candidate", the name of another rule\'s candidate'];
    expect(problemsOf(twice)).toEqual(expected);
    expect(problemsOf(twice.toReversed())).toEqual([expected[0]?.replace("#2", "#1")]);
    expect(problemsOf([{ ...LOGIN, name: "login.candidate" }])).toEqual([]);
  });

  test("there are at most 256 of them with the rules", () => {
    const limits = { by: "header:x", ...Object.fromEntries(many(PLANS_MAX).map((plan) => [plan, 5])) };
    const rules = Array.from({ length: 16 }, (_, at) => ({
      ...LOGIN,
      name: `r${at}`,
      limit: 10 + at,
      limits,
    }));
    expect(problemsOf(rules.slice(0, 15))).toEqual([]);
    expect(problemsOf(rules)).toEqual(["RULES||272 rules, plans and candidates"]);
  });

  test("every new field makes another version", () => {
    const others = [
      { match: { path: ["/a", "/b"] } },
      { match: { path: ["/a", "/c"] } },
      { match: { hosts: ["a"] } },
      { match: { headers: { a: "1" } } },
      { match: { headers: { a: "2" } } },
      { match: { query: { a: "1" } } },
      { match: { country: ["DE"] } },
      { match: { asn: [1] } },
      { match: { not: {} } },
      { match: { not: { path: "/a" } } },
      { key: ["path"] },
      { key: ["ip", "path"] },
      { key: ["path", "ip"] },
      { missing: "skip" },
      { missing: "deny" },
      { ipv6_prefix: 48 },
      { cost: { by: "header:c", max: 5 } },
      { cost: { by: "header:c", max: 6 } },
      { cost: { by: "header:d", max: 6 } },
      { allow: ["192.0.2.7"] },
      { deny: ["192.0.2.7"] },
      { action: { kind: "deny", status: 503 } },
      { action: { kind: "deny", body: "x" } },
      { action: { kind: "tag" } },
    ];
    const versions = [{}, ...others].map((fields) => rulesOf(fields)[0]?.version);
    expect(new Set(versions).size).toBe(versions.length);
  });
});

describe("no JSON throws", () => {
  const nasty = fc.oneof(
    fc.constantFrom("__proto__", "constructor", "toString", "hasOwnProperty", "a\u0000b", "\ud800", "", "by"),
    fc.constant("x".repeat(100_000)),
    fc.string({ unit: "binary", maxLength: 20 }),
  );
  const field = fc.constantFrom(
    ...new Set(Object.keys(ALLOWED).flatMap((path) => path.split("."))),
    "__proto__",
    "plan",
  );
  const good = fc.constantFrom<unknown>(
    "/:a?",
    "header:x",
    "192.0.2.0/24",
    "1m",
    "GET",
    "DE",
    "deny",
    "tag",
    20,
    ["ip"],
    { by: "header:x", max: 5 },
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      good,
      nasty,
      fc.jsonValue({ maxDepth: 2 }),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc
        .array(
          fc.tuple(fc.oneof({ weight: 4, arbitrary: field }, { weight: 1, arbitrary: nasty }), tie("tree")),
          {
            maxLength: 6,
          },
        )
        // As JSON.parse makes them: with `__proto__` as a key of its own.
        .map((entries) => {
          const table: Record<string, unknown> = {};
          for (const [name, value] of entries)
            Object.defineProperty(table, name, {
              value,
              enumerable: true,
              configurable: true,
              writable: true,
            });
          return table;
        }),
    ),
  }));
  const rule = fc.dictionary(field, tree, { maxKeys: 8 }).map((fields) => ({ ...LOGIN, ...fields }));

  test("and every problem is short, on one line and printable", () => {
    fc.assert(
      fc.property(fc.oneof(tree, fc.array(fc.oneof(rule, tree), { maxLength: 4 })), (input) => {
        for (const each of [input, JSON.stringify(input)]) {
          const parsed = parseRules(each);
          if (parsed.ok) continue;
          for (const problem of parsed.problems)
            expect(formatProblem(problem)).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]{1,1200}$/u);
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 1_500 },
    );
  });
});
