/** The JSON Schema of rules: written as it is generated, and of one mind with what reads rules. */
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import fc from "fast-check";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { withFieldDocs } from "../../loadtest/schema/docs.ts";
import { FIELDS } from "../../loadtest/schema/fields.ts";
import { rulesFileSchema } from "../../loadtest/schema/rules-schema.ts";
import { formatProblem, parseRules } from "../../shared/rule.ts";
import { ALLOWED, isTable } from "../../shared/rule-schema.ts";

const textOf = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const schema = JSON.parse(textOf("schema/rules.schema.json"));
const ajv = new Ajv({ strict: true, strictRequired: false, strictTypes: false });
const isFile = ajv.compile(schema);
const isRule = ajv.compile({ $ref: "#/definitions/rule", definitions: schema.definitions });

const LOGIN = { name: "login", limit: 20, window: "1m" };

test("the schema is up to date (else: npm run schema)", () => {
  expect(schema).toEqual(JSON.parse(JSON.stringify(rulesFileSchema())));
});

test("what docs/rules.md says of fields is up to date (else: npm run schema), and all are there", () => {
  const docs = textOf("docs/rules.md");
  expect(docs).toBe(withFieldDocs(docs));
  for (const field of Object.keys(ALLOWED)) expect(docs).toContain(`### \`${field}\`\n`);
});

test("every field is described, and tables refuse fields that nobody knows", () => {
  const found: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (!isTable(node)) return;
    for (const each of Array.isArray(node.anyOf) ? node.anyOf : []) visit(each, path);
    if (!isTable(node.properties)) return;
    expect({ path, more: node.additionalProperties }).not.toEqual({ path, more: undefined });
    for (const [name, field] of Object.entries(node.properties)) {
      const own = path === "" ? name : `${path}.${name}`;
      if (isTable(field) && typeof field.description === "string") found.push(own);
      visit(field, own);
    }
  };
  visit(schema.definitions.rule, "");
  const known = Object.keys(ALLOWED);
  expect(known.filter((field) => !found.includes(field))).toEqual([]);
  expect(found.filter((field) => !known.includes(field.replace("match.not.", "match.")))).toEqual([]);
});

test.each(Object.entries(FIELDS))("the example of %s is good", (field, { example }) => {
  const table = parse(example);
  const wanted = field
    .split(".")
    .reduce<unknown>((held, key) => (isTable(held) ? held[key] : undefined), table);
  expect(wanted).toBeDefined();
  const rule = {
    ...LOGIN,
    ...(field === "burst" && { algorithm: "token-bucket" }),
    ...table,
  };
  const parsed = parseRules([rule]);
  expect(parsed.ok ? [] : parsed.problems.map(formatProblem)).toEqual([]);
  expect({ valid: isRule(rule), errors: isRule.errors }).toEqual({ valid: true, errors: null });
});

describe("a file", () => {
  test("of this repository is good", () => {
    expect(isFile(parse(textOf("wrangler.toml")))).toBe(true);
    expect(isFile(JSON.parse(textOf("rules.json")))).toBe(true);
  });

  test.each([
    { rules: [LOGIN] },
    { RULES: [LOGIN] },
    { vars: { RULES: [LOGIN], OTHER: 5 }, name: "x", rules: [{ type: "Text", globs: ["**/*.txt"] }] },
    { vars: { RULES: "[]" } },
    { env: { staging: { vars: { RULES: [LOGIN] } }, other: {} } },
  ])("good: %j", (file) => {
    expect(isFile(file)).toBe(true);
  });

  test.each([
    { rules: [{ ...LOGIN, limit: 0 }] },
    { RULES: [] },
    { vars: { RULES: [{ ...LOGIN, bogus: 1 }] } },
    { env: { staging: { vars: { RULES: [5] } } } },
  ])("bad: %j", (file) => {
    expect(isFile(file)).toBe(false);
  });
});

describe("a rule is good or bad for both", () => {
  const whole = { good: [1, 7, 100], bad: [0, -1, 1.5, "5", null, [5]] };
  const limit = { good: [100, 5000, 1e8], bad: [...whole.bad, 1e9 + 1] };
  const duration = { good: ["1s", "90s", "1.5m", "2h"], bad: ["", "1", "1y", "-1s", "1.s", 60, null] };
  const choice = (...good: string[]) => ({ good, bad: ["", "other", good[0]?.toUpperCase(), 1, [good[0]]] });
  const values = {
    good: ["a", "*", ["a", "b"], ""],
    bad: [[], ["a", "a"], 5, "x".repeat(513), [5]],
  };
  const conditions = {
    path: { good: ["/", "/a/b", ["/a", "/b"], "/api/**"], bad: ["a", "", [], ["/a", "/a"], 5, [5]] },
    methods: { good: [["GET"], ["POST", "M-SEARCH"]], bad: [[], ["get"], ["GET", "GET"], "GET", ["A B"]] },
    hosts: {
      good: [["a.example"], ["*.a.example", "[::1]"]],
      bad: [[], ["A.example"], ["a:80"], "a.example"],
    },
    country: { good: [["DE", "T1"]], bad: [[], ["de"], ["DEU"], "DE", ["DE", "DE"]] },
    asn: { good: [[1, 4294967295]], bad: [[], [0], [1.5], [4294967296], ["1"], 1, [1, 1]] },
    headers: {
      good: values.good.map((value) => ({ "X-A": value })),
      bad: [...values.bad.map((value) => ({ a: value })), { "a b": "1" }, { "": "1" }, 5, []],
    },
    query: {
      good: values.good.map((value) => ({ "a b": value })),
      bad: [...values.bad.map((value) => ({ a: value })), { "": "1" }, 5],
    },
  };
  interface Samples {
    readonly good: readonly unknown[];
    readonly bad: readonly unknown[];
  }
  /** A table of fields of which some are left out, and some are bad. */
  const tableOf = (fields: Readonly<Record<string, Samples>>, required: readonly string[] = []) =>
    fc
      .record(
        Object.fromEntries(
          Object.entries(fields).map(([name, { good, bad }]) => [
            name,
            fc.oneof(
              { weight: 60, arbitrary: fc.constantFrom(...good) },
              { weight: 1, arbitrary: fc.constantFrom(...bad) },
            ),
          ]),
        ),
        { requiredKeys: [...required] },
      )
      .chain((table) =>
        fc.oneof(
          { weight: 60, arbitrary: fc.constant<unknown>(table) },
          { weight: 1, arbitrary: fc.constantFrom<unknown>({ ...table, bogus: 1 }, [table], 5, null) },
          ...required.map((name) => ({
            weight: 1,
            arbitrary: fc.constant<unknown>(
              Object.fromEntries(Object.entries(table).filter(([key]) => key !== name)),
            ),
          })),
        ),
      );
  const optional = (arbitrary: fc.Arbitrary<unknown>) => fc.option(arbitrary, { nil: undefined, freq: 2 });

  const match = fc
    .tuple(tableOf(conditions), optional(tableOf(conditions)))
    .map(([own, not]) => (isTable(own) && not !== undefined ? { ...own, not } : own));
  const limits = fc.oneof(
    tableOf(
      {
        by: { good: ["header:x-plan", "country", "path"], bad: ["ip", "cookie:a", "header:", 5] },
        free: limit,
        pro: limit,
      },
      ["by", "free"],
    ).filter((table) => !isTable(table) || !("bogus" in table)),
    fc.constant({ by: "country" }),
  );
  const action = fc.oneof(
    tableOf(
      {
        kind: { good: ["deny"], bad: ["block", 5] },
        status: { good: [400, 429, 599], bad: [399, 600, 429.5, "429"] },
        body: { good: ["", "x"], bad: [5, "x".repeat(4097)] },
        content_type: { good: ["text/html", "text/plain; charset=utf-8"], bad: ["html", "text/html;", 5] },
      },
      ["kind"],
    ),
    tableOf({ kind: { good: ["tag"], bad: ["TAG"] }, header: { good: ["x-a"], bad: ["a b", "", 5] } }, [
      "kind",
    ]),
  );
  const cost = fc.oneof(
    fc.constantFrom(...whole.good, ...whole.bad),
    tableOf({ by: { good: ["header:X-Cost"], bad: ["ip", "header:", "cookie:a"] }, max: whole }, [
      "by",
      "max",
    ]),
  );
  const candidate = tableOf({ limit, window: duration }, ["limit", "window"]);
  const flat = tableOf(
    {
      name: { good: ["login", "a.b~c"], bad: ["", "a b", "x".repeat(65), 5] },
      limit,
      window: duration,
      threshold: { good: [1, 50, 100, "auto"], bad: whole.bad },
      // A share is good only without a bucket, which is what fields are to each other.
      lease: { good: [0, "auto"], bad: [-0.1, 0.51, 1, "0.1", "none", null] },
      grace: { good: [0, 1, "auto"], bad: [-1, 0.5, "1", null] },
      key: {
        good: [
          ["ip"],
          ["all"],
          ["header:X-A", "cookie:a", "query:a b"],
          ["path", "host", "method", "country", "asn"],
        ],
        bad: [[], ["ip", "ip"], ["all", "ip"], ["bogus"], ["header:"], ["header:a b"], "ip", [5]],
      },
      missing: choice("ip", "skip", "deny"),
      ipv6_prefix: { good: [32, 64, 128], bad: [31, 129, 64.5, "64"] },
      algorithm: choice("fixed-window", "sliding-window", "token-bucket"),
      allow: { good: [[], ["192.0.2.1", "header:x=a"]], bad: ["192.0.2.1", [5], ["x".repeat(513)], {}] },
      deny: { good: [[], ["2001:db8::/32"]], bad: [null, [null]] },
      block_for: duration,
      owners: { good: [1, 64, 4096], bad: [0, 3, 8192, "1"] },
      on_failure: choice("local", "open", "closed"),
      deadline: { good: ["auto", "10ms", "1s"], bad: ["automatic", "", 10, "10"] },
      align: choice("key", "clock"),
      mode: choice("enforce", "shadow"),
    },
    ["name", "limit", "window"],
  );
  const bucket = fc.constantFrom<Record<string, unknown>>(
    {},
    { algorithm: "token-bucket", burst: 100 },
    { algorithm: "token-bucket", burst: 0 },
  );

  test("with a share to lease", () => {
    expect([0.1, 0.5, 0.51].map((lease) => isRule({ name: "a", limit: 9, window: "1m", lease }))).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("with a share that an automatic threshold allows", () => {
    const auto = { name: "a", limit: 9, window: "1m", threshold: "auto" };
    expect([0, 0.001, 1, 1.1].map((excess) => isRule({ ...auto, excess_max: excess }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test("whatever fields it has", () => {
    let good = 0;
    let all = 0;
    fc.assert(
      fc.property(
        flat,
        fc.record({ match, limits, action, cost, candidate }, { requiredKeys: [] }),
        bucket,
        (fields, tables, more) => {
          const rule = isTable(fields) ? { ...fields, ...tables, ...more } : fields;
          const parsed = parseRules([rule]);
          const problems = parsed.ok ? [] : parsed.problems.map(formatProblem);
          all += 1;
          if (parsed.ok) good += 1;
          expect({ ok: isRule(rule), problems }).toEqual({ ok: parsed.ok, problems });
        },
      ),
      { numRuns: 5_000 },
    );
    // Neither of them would be looked at if nearly all were of one kind.
    expect(good / all).toBeGreaterThan(0.05);
    expect(good / all).toBeLessThan(0.95);
  });
});
