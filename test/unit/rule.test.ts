import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { capacity, formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import { ALLOWED, RULES_MAX } from "../../shared/rule-schema.ts";

const LOGIN = { name: "login", limit: 20, window: "1m" };

/** The one rule that is `LOGIN` with these fields. */
function ruleOf(fields: object): Rule {
  const parsed = parseRules([{ ...LOGIN, ...fields }]);
  const [rule] = parsed.ok ? parsed.rules : [];
  if (rule === undefined) throw new Error(JSON.stringify(parsed));
  return rule;
}

/** Each problem as `rule|field|found`; that `allowed` is the right text is looked at where it matters. */
function problemsOf(input: unknown): string[] {
  const parsed = parseRules(input);
  return parsed.ok ? [] : parsed.problems.map(({ rule, field, found }) => `${rule}|${field}|${found}`);
}

describe("a good rule", () => {
  test("is completed with the defaults", () => {
    expect(ruleOf({})).toEqual({
      name: "login",
      version: expect.stringMatching(/^[0-9a-f]{16}$/),
      match: { paths: ["/**"] },
      key: ["ip"],
      missing: "ip",
      ipv6Prefix: 64,
      limit: 20,
      window: 60_000,
      threshold: 4,
      lease: 0,
      grace: 0,
      algorithm: "sliding-window",
      burst: 20,
      cost: 1,
      blockFor: undefined,
      owners: 0,
      strict: 0,
      spread: "off",
      onFailure: "local",
      deadline: "auto",
      align: "key",
      mode: "enforce",
      allow: [],
      deny: [],
      action: { kind: "deny", status: 429 },
    });
  });

  test("keeps what it says", () => {
    const fields = {
      match: { path: "/Login", methods: ["POST", "PUT"] },
      key: ["ip"],
      threshold: 20,
      algorithm: "fixed-window",
      on_failure: "closed",
      deadline: "250ms",
      align: "clock",
      mode: "shadow",
    };
    const { on_failure: onFailure, match: _, ...same } = fields;
    const match = { paths: ["/Login"], methods: ["POST", "PUT"] };
    expect(ruleOf(fields)).toMatchObject({ ...same, match, onFailure, deadline: 250 });
  });

  test("keeps what it says of a bucket, of costs, blocks and shared owners", () => {
    const fields = { algorithm: "token-bucket", burst: 50, cost: 50, owners: 64 };
    expect(ruleOf({ ...fields, block_for: "10m" })).toMatchObject({ ...fields, blockFor: 600_000 });
  });

  test("has a default threshold that is never above its limit, nor above its burst", () => {
    expect([1, 2, 3, 4, 5].map((limit) => ruleOf({ limit }).threshold)).toEqual([1, 2, 3, 4, 4]);
    const bucket = { algorithm: "token-bucket" };
    expect([1, 3, 5].map((burst) => ruleOf({ ...bucket, burst }).threshold)).toEqual([1, 3, 4]);
    expect(ruleOf({ ...bucket, burst: 1, threshold: 20 }).threshold).toBe(20);
  });

  test("can grant at once what a full bucket holds, or its limit", () => {
    expect(capacity(ruleOf({}))).toBe(20);
    expect(capacity(ruleOf({ algorithm: "token-bucket" }))).toBe(20);
    expect(capacity(ruleOf({ algorithm: "token-bucket", burst: 7 }))).toBe(7);
    expect(capacity(ruleOf({ algorithm: "token-bucket", burst: 70 }))).toBe(70);
  });

  test.each([
    { window: "1s" },
    { window: "30d" },
    { window: "1.5h" },
    { limit: 1 },
    { limit: 1_000_000_000, window: "60s" },
    { limit: 625_499_948, window: "1h" },
    { threshold: 1 },
    { threshold: 20 },
    { deadline: "10ms" },
    { deadline: "10s" },
    { name: "a".repeat(64) },
    { name: "!#$%&'*+-.^_`|~09azAZ" },
    { name: "__proto__" },
    { match: {} },
    { match: { path: "/" } },
    { match: { methods: ["GET"] } },
    { match: { methods: ["M-SEARCH"] } },
    { algorithm: "token-bucket", burst: 1 },
    { algorithm: "token-bucket", limit: 1_000_000, burst: 1_000_000_000 },
    { algorithm: "token-bucket", limit: 100_000_000, window: "1h", burst: 625_499_948 },
    // Full again within 90 days, to the unit.
    { algorithm: "token-bucket", limit: 1, window: "1h", burst: 2_160, threshold: 1 },
    { cost: 1 },
    { cost: 20 },
    { block_for: "1s" },
    { block_for: "30d" },
    { block_for: "10s", window: "1m" },
    { owners: 1 },
    { owners: 2 },
    { owners: 4_096 },
  ])("may say %j", (fields) => {
    expect(problemsOf([{ ...LOGIN, ...fields }])).toEqual([]);
  });

  test("may come as the JSON text of a list, as a variable from the dashboard does", () => {
    expect(parseRules(JSON.stringify([LOGIN]))).toEqual(parseRules([LOGIN]));
  });
});

describe("a problem names the rule, the field, what was found and what is allowed", () => {
  test.each([
    [{ name: "lo gin" }, '#1|name|"lo gin"'],
    [{ name: "" }, '#1|name|""'],
    [{ name: 'a"b' }, '#1|name|"a\\"b"'],
    [{ name: "é" }, '#1|name|"é"'],
    [{ name: 7 }, "#1|name|7"],
    [{ name: undefined }, "#1|name|nothing"],
    [{ limit: 0 }, "login|limit|0"],
    [{ limit: -3 }, "login|limit|-3"],
    [{ limit: 2.5 }, "login|limit|2.5"],
    [{ limit: "20" }, 'login|limit|"20"'],
    [{ limit: Number.NaN }, "login|limit|NaN"],
    [{ limit: Number.POSITIVE_INFINITY }, "login|limit|Infinity"],
    [{ limit: 2 ** 53 }, "login|limit|9007199254740992"],
    [{ limit: undefined }, "login|limit|nothing"],
    [{ limit: 1_000_000_001 }, "login|limit|1000000001"],
    [{ limit: 625_499_949, window: "1h" }, "login|limit|625499949"],
    [{ threshold: 0 }, "login|threshold|0"],
    [{ threshold: 21 }, "login|threshold|21"],
    [{ threshold: "automatic" }, 'login|threshold|"automatic"'],
    [{ window: "999ms" }, 'login|window|"999ms"'],
    [{ window: "31d" }, 'login|window|"31d"'],
    [{ window: "0s" }, 'login|window|"0s"'],
    [{ window: "-1m" }, 'login|window|"-1m"'],
    [{ window: "1 m" }, 'login|window|"1 m"'],
    [{ window: "1.0000001s" }, 'login|window|"1.0000001s"'],
    [{ window: "minute" }, 'login|window|"minute"'],
    [{ window: 60 }, "login|window|60"],
    [{ algorithm: "leaky-bucket" }, 'login|algorithm|"leaky-bucket"'],
    [{ algorithm: "token-bucket", burst: 0 }, "login|burst|0"],
    [{ algorithm: "token-bucket", limit: 1, window: "1h", burst: 2_161, threshold: 1 }, "login|burst|2161"],
    [{ algorithm: "token-bucket", burst: -1 }, "login|burst|-1"],
    [{ algorithm: "token-bucket", burst: 1.5 }, "login|burst|1.5"],
    [{ algorithm: "token-bucket", burst: "5" }, 'login|burst|"5"'],
    [{ algorithm: "token-bucket", burst: 1_000_000_001 }, "login|burst|1000000001"],
    [{ algorithm: "token-bucket", burst: 625_499_949, window: "1h" }, "login|burst|625499949"],
    [{ burst: 20 }, "login|burst|20"],
    [{ burst: 0 }, "login|burst|0"],
    [{ burst: 10 ** 9, window: "30d" }, "login|burst|1000000000"],
    [{ algorithm: "fixed-window", burst: 30 }, "login|burst|30"],
    [{ cost: 0 }, "login|cost|0"],
    [{ cost: -1 }, "login|cost|-1"],
    [{ cost: 1.5 }, "login|cost|1.5"],
    [{ cost: "1" }, 'login|cost|"1"'],
    [{ cost: 21 }, "login|cost|21"],
    [{ algorithm: "token-bucket", cost: 21 }, "login|cost|21"],
    [{ algorithm: "token-bucket", burst: 5, cost: 6 }, "login|cost|6"],
    [{ algorithm: "token-bucket", burst: 0, cost: 21 }, "login|burst|0"],
    [{ algorithm: "leaky-bucket", burst: 30, cost: 21 }, 'login|algorithm|"leaky-bucket"'],
    [{ block_for: "999ms" }, 'login|block_for|"999ms"'],
    [{ block_for: "0s" }, 'login|block_for|"0s"'],
    [{ block_for: "31d" }, 'login|block_for|"31d"'],
    [{ block_for: 30 }, "login|block_for|30"],
    [{ owners: 0 }, "login|owners|0"],
    [{ owners: -2 }, "login|owners|-2"],
    [{ owners: 3 }, "login|owners|3"],
    [{ owners: 1.5 }, "login|owners|1.5"],
    [{ owners: 8_192 }, "login|owners|8192"],
    [{ owners: 2 ** 32 }, "login|owners|4294967296"],
    [{ owners: "64" }, 'login|owners|"64"'],
    [{ on_failure: "Local" }, 'login|on_failure|"Local"'],
    [{ deadline: "9ms" }, 'login|deadline|"9ms"'],
    [{ deadline: "11s" }, 'login|deadline|"11s"'],
    [{ deadline: 250 }, "login|deadline|250"],
    [{ align: null }, "login|align|null"],
    [{ mode: true }, "login|mode|true"],
    [{ key: ["ip", "continent"] }, 'login|key|"continent"'],
    [{ key: ["header:"] }, 'login|key|"header:"'],
    [{ key: ["header:x y"] }, 'login|key|"header:x y"'],
    [{ key: ["header:X", "header:x"] }, "login|key|a list of 2"],
    [{ key: ["ip", "all"] }, "login|key|a list of 2"],
    [{ key: "ip" }, 'login|key|"ip"'],
    [{ key: [] }, "login|key|an empty list"],
    [{ match: "/login" }, 'login|match|"/login"'],
    [{ match: ["/login"] }, "login|match|a list of 1"],
    [{ match: new Date(0) }, "login|match|a date"],
    [{ match: { path: 7 } }, "login|match.path|7"],
    [{ match: { path: [] } }, "login|match.path|an empty list"],
    [{ match: { path: ["/a", "/a"] } }, "login|match.path|a list of 2"],
    [{ match: { methods: ["post"] } }, 'login|match.methods|"post"'],
    [{ match: { methods: ["GET", "put"] } }, 'login|match.methods|"put"'],
    [{ match: { methods: [] } }, "login|match.methods|an empty list"],
    [{ match: { methods: ["GET", "GET"] } }, "login|match.methods|a list of 2"],
    [{ match: { methods: "GET" } }, 'login|match.methods|"GET"'],
    [{ match: { host: "x" } }, "login|match.host|an unknown field"],
    [{ bursts: 5 }, "login|bursts|an unknown field"],
    [{ onFailure: "open" }, "login|onFailure|an unknown field"],
    [{ "x\u001b[2J": 1 }, 'login|"x\\u001b[2J"|an unknown field'],
  ])("%j", (fields, expected) => {
    expect(problemsOf([{ ...LOGIN, ...fields }])).toEqual([expected]);
  });

  test.each([
    [undefined, "RULES||nothing"],
    [null, "RULES||null"],
    [{}, "RULES||a table"],
    [7, "RULES||7"],
    [[], "RULES||an empty list"],
    ["[]", "RULES||an empty list"],
    ["", 'RULES||""'],
    ["[{", 'RULES||"[{"'],
    [[5], "#1||5"],
    [[[]], "#1||an empty list"],
    [[LOGIN, null], "#2||null"],
  ])("%j as the rules", (input, expected) => {
    expect(problemsOf(input)).toEqual([expected]);
  });

  test("in one sentence", () => {
    const sentences = (input: unknown) => {
      const parsed = parseRules(input);
      return parsed.ok ? [] : parsed.problems.map(formatProblem);
    };
    expect(sentences([{ ...LOGIN, limit: 0 }])).toEqual([
      'rule "login", limit: found 0; allowed is a whole number from 1 to 1000000000',
    ]);
    expect(sentences([{ ...LOGIN, limit: 3, threshold: 4 }, "x"])).toEqual([
      'rule "login", threshold: found 4; allowed is a whole number from 1 to the limit, 3',
      'rule #2: found "x"; allowed is a table with name, limit and window at least',
    ]);
    expect(sentences([{ ...LOGIN, algorithm: "token bucket" }])).toEqual([
      'rule "login", algorithm: found "token bucket"; allowed is "fixed-window", "sliding-window" or "token-bucket"',
    ]);
    expect(sentences([{ ...LOGIN, burst: 30 }])).toEqual([
      'rule "login", burst: found 30; allowed is nothing with algorithm = "sliding-window", for only a token-bucket has a burst',
    ]);
    expect(sentences([{ ...LOGIN, cost: 21 }])).toEqual([
      'rule "login", cost: found 21; allowed is a whole number from 1 to the limit, 20',
    ]);
    expect(sentences([{ ...LOGIN, algorithm: "token-bucket", burst: 5, cost: 6 }])).toEqual([
      'rule "login", cost: found 6; allowed is a whole number from 1 to the burst, 5',
    ]);
    expect(sentences([{ ...LOGIN, owners: 48, block_for: "500ms" }])).toEqual([
      'rule "login", block_for: found "500ms"; allowed is a duration from "1s" to "30d", such as "30s" or "10m"',
      'rule "login", owners: found 48; allowed is a power of two from 1 to 4096; left out, an owner for each key',
    ]);
    expect(sentences([{ ...LOGIN, limit: 10 ** 9, window: "30d" }])).toEqual([
      'rule "login", limit: found 1000000000; allowed is a whole number from 1 to 868749 with a window of 30d',
    ]);
    expect(sentences([])).toEqual([
      "RULES: found an empty list; allowed is a list of 1 to 64 rules, each a [[vars.RULES]] table",
    ]);
  });

  test("and an unknown field is answered with all the known ones", () => {
    const parsed = parseRules([{ ...LOGIN, bursts: 1, match: { host: 1 } }]);
    expect(parsed.ok ? [] : parsed.problems.map((problem) => problem.allowed)).toEqual([
      "one of name, match, key, ipv6_prefix, limit, window, threshold, excess_max, lease, grace, algorithm, burst, cost, missing, limits, allow, deny, candidate, action, block_for, owners, on_failure, deadline, align, strict, spread, mode",
      "one of path, methods, hosts, headers, query, country, asn, not",
    ]);
  });
});

describe("a problem says where it stands", () => {
  const placesOf = (input: unknown) => {
    const parsed = parseRules(input);
    return parsed.ok ? [] : parsed.problems.map(({ at }) => at);
  };

  test.each([
    [{ limit: 0 }, [1, "limit"]],
    [{ window: undefined }, [1, "window"]],
    [{ bogus: 1 }, [1, "bogus"]],
    [{ threshold: 21 }, [1, "threshold"]],
    [{ key: ["ip", "bogus"] }, [1, "key", 1]],
    [{ match: { path: ["/a", "b"] } }, [1, "match", "path", 1]],
    [{ match: { path: "b" } }, [1, "match", "path"]],
    [{ match: { headers: { "x y": "1" } } }, [1, "match", "headers", "x y"]],
    [{ match: { not: { bogus: 1 } } }, [1, "match", "not", "bogus"]],
    [{ limits: { by: "header:x", "a.b": 0 } }, [1, "limits", "a.b"]],
    [{ limits: { by: "header:x", "a\nb": 10 ** 9 }, window: "30d" }, [1, "limits", "a\nb"]],
    [{ cost: { by: "header:x", max: 21 } }, [1, "cost", "max"]],
    [{ candidate: { limit: 1 } }, [1, "candidate", "window"]],
  ])("%j", (fields, place) => {
    expect(placesOf([LOGIN, { ...LOGIN, name: "b", ...fields }])).toEqual([place]);
  });

  test("of the list, a rule, its name, and each of several items", () => {
    expect(placesOf([])).toEqual([[]]);
    expect(placesOf([LOGIN, 5])).toEqual([[1]]);
    expect(placesOf([LOGIN, LOGIN])).toEqual([[1, "name"]]);
    expect(placesOf([LOGIN, { ...LOGIN, name: "b" }])).toEqual([[1]]);
    expect(placesOf([{ ...LOGIN, match: { methods: ["GET", "put", "post"] } }])).toEqual([
      [0, "match", "methods", 1],
      [0, "match", "methods", 2],
    ]);
  });
});

describe("all problems are told at once", () => {
  test("of every field of every rule", () => {
    const problems = problemsOf([
      { name: "a b", limit: 0, window: "1y", threshold: -1, algorithm: "x", on_failure: 1, extra: 1 },
      LOGIN,
      { name: "c", deadline: "1h", match: { path: "x", methods: "y" }, key: 1, align: 2, mode: 3 },
      { ...LOGIN, limit: 2, threshold: 3 },
    ]);
    expect(new Set(problems)).toEqual(
      new Set([
        '#1|name|"a b"',
        "#1|limit|0",
        '#1|window|"1y"',
        "#1|threshold|-1",
        '#1|algorithm|"x"',
        "#1|on_failure|1",
        "#1|extra|an unknown field",
        "c|limit|nothing",
        "c|window|nothing",
        'c|deadline|"1h"',
        'c|match.path|"x", which does not begin with "/"',
        'c|match.methods|"y"',
        "c|key|1",
        "c|align|2",
        "c|mode|3",
        '#4|name|"login", which rule #2 has too',
        "#4|threshold|3",
      ]),
    );
    expect(problems).toHaveLength(17);
  });

  test("two rules may not have one name", () => {
    expect(problemsOf([LOGIN, { ...LOGIN, limit: 5 }])).toEqual(['#2|name|"login", which rule #1 has too']);
    expect(problemsOf([LOGIN, LOGIN])).toHaveLength(1);
  });

  test("two rules may not differ in nothing but the name", () => {
    const twin = { name: "twin", limit: 20, window: "60s", threshold: 4, match: { path: "//**" } };
    expect(problemsOf([LOGIN, twin])).toEqual(["twin||the same as in rule login, but for the name"]);
  });

  test("no more rules than the worker can try on every request", () => {
    const many = Array.from({ length: RULES_MAX + 1 }, (_, i) => ({
      ...LOGIN,
      name: `r${i}`,
      limit: 10 + i,
    }));
    expect(problemsOf(many)).toEqual(["RULES||a list of 65"]);
    expect(problemsOf(many.slice(1))).toEqual([]);
  });
});

describe("a rule's version", () => {
  const base = { match: { path: "/login", methods: ["GET", "POST"] } };

  test("is equal for equal meaning, however it is written and named", () => {
    const version = ruleOf(base).version;
    for (const same of [
      { ...base, name: "other" },
      { match: { path: "//LOGIN/", methods: ["POST", "GET"] } },
      { ...base, window: "60s", threshold: 4, key: ["ip"], mode: "enforce", deadline: "auto" },
    ]) {
      expect(ruleOf(same).version).toBe(version);
    }
  });

  test("never changes for the same rule: it names objects that hold counts", () => {
    expect(ruleOf(base).version).toBe("48cf0fcc52e29ea1");
  });

  test("is what it was before there were fields that a rule leaves out, or sets to what they are anyway", () => {
    expect(ruleOf({ ...base, cost: 1 }).version).toBe("48cf0fcc52e29ea1");
    const bucket = { ...base, algorithm: "token-bucket" };
    expect(ruleOf({ ...bucket, burst: 20 }).version).toBe(ruleOf(bucket).version);
  });

  test("changes with every field but the name", () => {
    const others = [
      { limit: 21 },
      { window: "61s" },
      { threshold: 5 },
      { algorithm: "fixed-window" },
      { on_failure: "open" },
      { deadline: "1s" },
      { align: "clock" },
      { mode: "shadow" },
      { algorithm: "token-bucket" },
      { algorithm: "token-bucket", burst: 21 },
      { algorithm: "token-bucket", burst: 22 },
      { cost: 2 },
      { cost: 3 },
      { block_for: "2s" },
      { block_for: "3s" },
      { owners: 1 },
      { owners: 2 },
      { match: { path: "/login" } },
      { match: { path: "/login", methods: ["GET"] } },
      { match: { path: "/logins", methods: ["GET", "POST"] } },
    ];
    const versions = [{}, ...others].map((other) => ruleOf({ ...base, ...other }).version);
    expect(new Set(versions).size).toBe(versions.length);
  });
});

describe("hostile input is harmless", () => {
  test("a __proto__ field is an unknown field and sets nothing", () => {
    const input: unknown = JSON.parse('[{"__proto__":{"limit":1},"name":"a","window":"1s"}]');
    expect(new Set(problemsOf(input))).toEqual(new Set(["a|__proto__|an unknown field", "a|limit|nothing"]));
    expect(Object.hasOwn(Object.prototype, "limit")).toBe(false);
  });

  test("names of inherited properties are names like any other", () => {
    const rules = ["__proto__", "constructor", "toString"].map((name, i) => ({
      ...LOGIN,
      name,
      limit: i + 4,
    }));
    expect(problemsOf(rules)).toEqual([]);
  });

  test("no JSON throws, and every problem is short, on one line and printable", () => {
    const fields = fc.record(
      Object.fromEntries(
        Object.keys(ALLOWED).map((field) => [field, fc.oneof(fc.jsonValue(), fc.string({ unit: "binary" }))]),
      ),
      { requiredKeys: [] },
    );
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: "binary" }),
      fc.array(fc.oneof(fc.jsonValue(), fields)),
      fc.array(fc.record({ match: fields, limit: fc.double(), window: fc.string() })),
    );
    fc.assert(
      fc.property(anything, (input) => {
        const parsed = parseRules(input);
        if (parsed.ok) {
          expect(parsed.rules.length).toBeGreaterThan(0);
          return;
        }
        expect(parsed.problems.length).toBeGreaterThan(0);
        for (const problem of parsed.problems) {
          expect(formatProblem(problem)).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]{1,1000}$/u);
          expect(problem.found).not.toBe("");
          expect(problem.allowed).not.toBe("");
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("any rule it accepts keeps every bound", () => {
    const rule = fc.record({
      name: fc.constantFrom("a", "b"),
      limit: fc.oneof(fc.nat(10), fc.maxSafeNat(), fc.double()),
      window: fc.constantFrom("1s", "1m", "30d", "31d", "0.5s"),
      threshold: fc.option(fc.oneof(fc.nat(12), fc.maxSafeInteger()), { nil: undefined }),
    });
    fc.assert(
      fc.property(rule, (written) => {
        const parsed = parseRules([written]);
        for (const { limit, window, threshold } of parsed.ok ? parsed.rules : []) {
          expect(Number.isInteger(limit) && limit >= 1 && limit * window <= 2 ** 51).toBe(true);
          expect(Number.isInteger(threshold) && threshold >= 1 && threshold <= limit).toBe(true);
          expect(window >= 1_000 && window <= 30 * 86_400_000).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
