/** Each warning, with a rule that has it and one that has not. */
import { describe, expect, test } from "vitest";
import { warningsOf } from "../../loadtest/check-rules/warnings.ts";
import { writtenRules } from "../../loadtest/check-rules/written.ts";
import { parseRules } from "../../shared/rule.ts";

const LOGIN = { name: "login", match: { path: "/login" }, limit: 20, window: "1m" };

function warnings(...written: readonly Record<string, unknown>[]) {
  const parsed = parseRules(
    written.map((fields, at) => ({ ...LOGIN, ...(at > 0 && { name: `r${at}` }), ...fields })),
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return warningsOf(writtenRules(parsed.rules));
}

/** `kind field` of each warning, and its place. */
const kinds = (...written: readonly Record<string, unknown>[]): string[] =>
  warnings(...written).map(({ kind, rule, field }) => `${kind} ${rule} ${field}`);

test.each([
  ["nothing", {}],
  ["a threshold of a quarter of the limit", { threshold: 5 }],
  ["an automatic threshold, which lets through what the rule says", { threshold: "auto", excess_max: 1 }],
  ["a threshold of 1, whatever the limit", { limit: 1, threshold: 1 }],
  ["another candidate", { candidate: { limit: 20, window: "2m" } }],
  [
    "a candidate of a rule with plans",
    { limits: { by: "asn", "1": 100 }, candidate: { limit: 20, window: "1m" } },
  ],
  ["plans by something that is no header", { limits: { by: "country", DE: 100 } }],
  ["a cost that is fixed", { cost: 2 }],
  ["a key that clients cannot choose", { key: ["country", "asn"] }],
  [
    "a key of which only named values are covered",
    { key: ["header:x"], match: { headers: { X: ["a", "b"] } } },
  ],
  ["skipping what lacks a given part", { key: ["country"], missing: "skip" }],
  ["lists that have nothing in common", { allow: ["192.0.2.0/25"], deny: ["192.0.2.0/24", "192.0.2.200"] }],
  ["a tag", { action: { kind: "tag" } }],
  ["a shadow rule that will block", { mode: "shadow", block_for: "10m", deny: ["192.0.2.1"] }],
  [
    "a shadow rule that will tag",
    { mode: "shadow", action: { kind: "tag" }, block_for: "10m", missing: "deny" },
  ],
  ["a block", { block_for: "10m", missing: "deny", deny: ["192.0.2.1"] }],
])("no warning of %s", (_, fields) => {
  expect(kinds(fields)).toEqual([]);
});

test.each([
  [{ threshold: 6 }, "threshold-high login threshold", "set threshold to 5 or less"],
  [{ threshold: 20 }, "threshold-at-limit login threshold", "set threshold to 5, or to 1 for an exact count"],
  [{ limit: 7 }, "threshold-high login threshold", "set threshold to 1"],
  [{ limit: 3 }, "threshold-at-limit login threshold", "set threshold to 1"],
  [
    { limit: 100, limits: { by: "country", DE: 10, FR: 50 } },
    "threshold-high login threshold",
    'the limit 10 of plan "DE": 4 isolates may let 12 through',
  ],
  [{ candidate: { limit: 20, window: "60s" } }, "candidate-same login candidate", "give it another"],
  [{ limits: { by: "header:X-Plan", pro: 100 } }, "plan-by-header login limits.by", "header x-plan itself"],
  [{ cost: { by: "header:x-cost", max: 5 } }, "cost-by-header login cost.by", "header x-cost itself"],
  [
    { key: ["header:x", "query:q"] },
    "key-chosen login key",
    "that changes header:x, query:q gets a new count",
  ],
  [{ key: ["ip", "cookie:sid"] }, "key-chosen login key", 'add a rule with key = ["ip"]'],
  [{ key: ["header:x"], match: { headers: { x: ["a", "*"] } } }, "key-chosen login key", "changes header:x"],
  [
    { action: { kind: "tag" }, block_for: "10m" },
    "tag-block login block_for",
    "nobody is blocked and block_for only prolongs the tag",
  ],
  [{ action: { kind: "tag" }, deny: ["192.0.2.1"] }, "tag-deny login deny", "the list has no effect"],
  [{ action: { kind: "tag" }, missing: "deny" }, "tag-missing login missing", "pass uncounted"],
])("%j: %s", (fields, kind, text) => {
  const found = warnings(fields);
  expect(found.map((one) => `${one.kind} ${one.rule} ${one.field}`)).toEqual([kind]);
  expect(found[0]?.text).toContain(text);
  expect(found[0]?.at).toEqual([0, ...(found[0]?.field.split(".") ?? [])]);
});

test("every text is one plain sentence on one line", () => {
  for (const { text } of warnings(
    { threshold: 20, candidate: { limit: 20, window: "1m" } },
    { key: ["header:x"], missing: "skip", match: {}, cost: { by: "header:c", max: 2 } },
  ))
    expect(text).toMatch(/^[^\n]{20,250}[^.]$/);
});

describe("a rule that never acts", () => {
  const CLOCK = { algorithm: "fixed-window", align: "clock" };

  test("is told of, with the one that acts before it", () => {
    const found = warnings({}, { match: {}, limit: 10, threshold: 2 });
    expect(found).toMatchObject([
      {
        kind: "never-acts",
        rule: "login",
        field: "",
        at: [0],
        text: 'the rule "r1" denies every request before this one would; lower this limit, or remove the rule',
      },
    ]);
    expect(kinds({ limit: 19 }, { match: {}, limit: 10, threshold: 2 })).toEqual([]);
  });

  test("of its plans, only those that never act are", () => {
    const limits = { by: "country", DE: 16, FR: 100 };
    const found = warnings({ limit: 16, limits }, { match: {}, limit: 16 });
    expect(found).toMatchObject([{ kind: "never-acts", field: "limits.FR", at: [0, "limits", "FR"] }]);
    expect(found[0]?.text).toContain('denies every request of plan "FR" before');
    const all = { limit: 100, limits: { by: "country", DE: 100 } };
    expect(kinds(all, { match: {}, limit: 16 })).toEqual(["never-acts login "]);
  });

  test("of two that keep each other from acting, the later one is", () => {
    expect(kinds(CLOCK, { ...CLOCK, block_for: "10m" })).toEqual(["never-acts r1 "]);
  });
});

describe("a key that a client chooses", () => {
  const KEY = { key: ["header:x"], match: { path: "/api/v1" } };

  test.each([
    ["the same requests", { match: { path: "/api/v1" } }],
    ["all below a folder", { match: { path: "/API/**" } }],
    ["all requests, by plan", { match: {}, limits: { by: "country", DE: 100 } }],
    ["all requests together", { match: {}, key: ["all"] }],
  ])("is no warning beside a rule on addresses for %s", (_, pair) => {
    expect(kinds({ ...KEY, limit: 1000 }, { limit: 30, ...pair })).toEqual([]);
  });

  test.each([
    ["counts by what clients choose as well", { match: {}, key: ["cookie:c"] }],
    ["covers less", { match: { path: "/api/v2" } }],
    ["has fewer methods", { match: { path: "/api/v1", methods: ["GET"] } }],
    ["leaves some out", { match: { path: "/api/v1", not: { country: ["DE"] } } }],
    ["denies nothing", { match: {}, mode: "shadow" }],
    ["lets some clients through", { match: {}, allow: ["192.0.2.1"] }],
  ])("is one beside a rule that %s", (_, pair) => {
    expect(kinds({ ...KEY, limit: 1000 }, { limit: 30, ...pair })).toContain("key-chosen login key");
  });

  test("leaving it out is worse where that is skipped", () => {
    const skip = { ...KEY, missing: "skip" };
    expect(kinds(skip)).toEqual(["key-chosen login key", "missing-skips login missing"]);
    expect(kinds(skip, { match: {}, limit: 30 })).toEqual([]);
  });
});

describe("an entry of deny that is allowed", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1", "in allow too"],
    ["192.0.2.1", "192.0.2.0/24", 'within "192.0.2.0/24" in allow'],
    ["2001:db8:1::/48", "2001:DB8::/32", 'within "2001:DB8::/32" in allow'],
    ["::ffff:192.0.2.1", "192.0.2.1", 'within "192.0.2.1" in allow'],
    ["header:X-Key=a", "header:x-key=a", 'within "header:x-key=a" in allow'],
  ])("%s in %s", (entry, allowed, text) => {
    const found = warnings({ deny: ["198.51.100.1", entry], allow: ["203.0.113.1", allowed] });
    expect(found).toMatchObject([{ kind: "deny-allowed", at: [0, "deny", 1] }]);
    expect(found[0]?.text).toContain(text);
  });

  test("is none next to it", () => {
    const deny = ["192.0.3.0", "192.0.1.255", "0.0.0.0/0", "header:x=a", "2001:db8::"];
    const allow = ["192.0.2.0/24", "header:x=b", "header:y=a", "2001:db8::1"];
    expect(kinds({ deny, allow })).toEqual([]);
  });
});
