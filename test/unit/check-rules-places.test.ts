/** Every problem is told at the line and column of its field, whatever the form of the file. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { checkSource } from "../../loadtest/check-rules/check.ts";
import { bundledBeside, readSource } from "../../loadtest/check-rules/source.ts";

const folder = mkdtempSync(join(tmpdir(), "onecount-places-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(mkdtempSync(join(folder, "case-")), name);
  writeFileSync(file, text);
  return file;
}

/** Each problem as `line:column field`, those of bindings as `line:column binding`. */
function problemsAt(name: string, text: string, env?: string): string[] {
  const { problems, bindings } = checkSource(readSource(write(name, text)), { env });
  return [
    ...problems.map(({ line, column, field }) => `${line}:${column} ${field}`),
    ...bindings.map(({ line, column, binding }) => `${line}:${column} ${binding}`),
  ];
}

describe("in TOML", () => {
  test("a field, a missing one, a nested one, an item of a list, a dotted key, a table of its own", () => {
    const text = `# rules
[[RULES]]
name = "login"
limit = 0
[[RULES]]
  name = "site"
  limit = 5
  match = { path = ["/a", "b"], methods = ["GET",
    "get"], headers = { "x y" = "1" } }
  cost.by = "ip"
  cost.max = 1
[RULES.limits]
by = "header:x"
"a.b" = 0
[RULES.candidate]
limit = 3
window = "0s"
`;
    expect(problemsAt("rules.toml", text)).toEqual([
      "4:1 limit",
      "2:1 window",
      "8:27 match.path",
      "9:5 match.methods",
      '9:25 match.headers."x y"',
      '14:1 limits."a.b"',
      "5:1 window",
      "10:8 cost.by",
      "17:1 candidate.window",
    ]);
  });

  test("rules as inline tables, a name that is taken, and what is about a rule as a whole", () => {
    const text = `rules = [
  { name = "a", limit = 5, window = "1m" },
  { name = "a", limit = 6, window = "1m" }, { name = "b", limit = 5, window = "1m" },
  5,
]
`;
    expect(problemsAt("rules.toml", text)).toEqual(["3:5 name", "3:45 ", "4:3 "]);
  });

  test("the list itself, also one that is the JSON text of it", () => {
    expect(problemsAt("rules.toml", "\nrules = 5\n")).toEqual(["2:1 "]);
    expect(problemsAt("rules.toml", "")).toEqual(["undefined:undefined "]);
    const json = `[vars]\nRULES = '[{ "name": "a", "limit": 0, "window": "1m" }]'\n`;
    expect(problemsAt("wrangler.toml", json)[0]).toBe("2:1 limit");
  });

  test("bindings and migrations, also of an environment", () => {
    const text = `[vars]
RULES = [{ name = "a", limit = 4, window = "1m" }]
[[durable_objects.bindings]]
name = "KEY_OWNER"
class_name = "Owner"
[[migrations]]
tag = "v1"
[env.x.vars]
RULES = [{ name = "a", limit = 0, window = "1m" }]
[[env.x.durable_objects.bindings]]
class_name = "x"
name = "KEY_OWNER"
`;
    expect(problemsAt("wrangler.toml", text)).toEqual([
      "9:24 limit",
      "5:1 KEY_OWNER",
      "3:19 REGION_HUB",
      "6:3 migrations",
      "11:1 KEY_OWNER",
      "10:25 REGION_HUB",
      "6:3 migrations",
    ]);
    expect(problemsAt("wrangler.toml", text, "x")[0]).toBe("9:24 limit");
  });

  test("lines that end in CR and LF, and letters of several bytes before it", () => {
    expect(
      problemsAt("rules.toml", '# ü😀\r\n[[RULES]]\r\nname = "a"\r\nmatch = { path = "é", x = 1 }\r\n'),
    ).toEqual(["4:23 match.x", "4:11 match.path", "2:1 limit", "2:1 window"]);
  });
});

describe("in JSON with comments", () => {
  const text = `{
  // rules
  "vars": {
    "RULES": [
      { "name": "login", "limit": 20, "window": "1m", "key": ["ip", "bogus"] },
      {
        "name": "site", /* all */ "limit": 5,
        "match": { "not": { "path": "x" } },
      },
    ],
  },
  "durable_objects": { "bindings": [{ "name": "KEY_OWNER", "class_name": "X" }] },
}
`;
  test("a field, a missing one, a nested one, an item of a list, a binding", () => {
    expect(problemsAt("wrangler.jsonc", text)).toEqual([
      "5:69 key",
      "8:29 match.not.path",
      "6:7 window",
      "12:60 KEY_OWNER",
      "12:24 REGION_HUB",
      "undefined:undefined migrations",
    ]);
    expect(problemsAt("wrangler.json", text)).toHaveLength(6);
  });

  test("what puts a binding right is said in JSON", () => {
    const { bindings } = checkSource(readSource(write("wrangler.json", text)));
    expect(bindings.map(({ snippet }) => snippet)).toEqual([
      '"durable_objects": { "bindings": [{ "name": "KEY_OWNER", "class_name": "KeyOwner" }] }',
      '"durable_objects": { "bindings": [{ "name": "REGION_HUB", "class_name": "RegionHub" }] }',
      '"migrations": [{ "tag": "v1", "new_sqlite_classes": ["KeyOwner","RegionHub"] }]',
    ]);
  });

  test("a text that is no JSON, or no table, is told in one line", () => {
    expect(() => readSource(write("rules.json", '{\n  "rules": [,]\n}'))).toThrow(
      /rules\.json, line 2, column 13: value expected$/,
    );
    expect(() => readSource(write("rules.json", ""))).toThrow(/line 1, column 1: value expected$/);
    expect(() => readSource(write("rules.json", "5"))).toThrow(/: a table is expected, such as \{ "rules"/);
  });
});

describe("a file of rules alone", () => {
  const many = Array.from({ length: 60 }, (_, i) => ({
    name: `${i}-${"x".repeat(60)}`,
    limit: i + 20,
    window: "1m",
  }));

  test.each([
    ["rules.json", JSON.stringify({ rules: many })],
    ["rules.json", JSON.stringify(many)],
    ["limits.json", JSON.stringify({ RULES: many })],
    [
      "rules.toml",
      many.map(({ name, limit }) => `[[rules]]\nname="${name}"\nlimit=${limit}\nwindow="1m"\n`).join(""),
    ],
  ])("may be longer than a variable, and needs no bindings: %s", (name, text) => {
    const report = checkSource(readSource(write(name, text)));
    expect(report).toMatchObject({ ok: true, problems: [], bindings: [], notes: [] });
    expect(report.rules).toHaveLength(60);
  });

  test("is told from a Worker's configuration, whose rules are those of its modules", () => {
    expect(readSource(write("x.json", '{ "main": "x.ts", "rules": [] }')).rulesIn).toBeUndefined();
    expect(readSource(write("wrangler.json", '{ "rules": [] }')).rulesIn).toBeUndefined();
    expect(readSource(write("x.toml", "rules = []")).rulesIn).toBe("rules");
    expect(readSource(write("rules.toml", "")).rulesIn).toBe("rules");
  });

  test("counts for a Worker that has no RULES, and problems in it are told with its name", () => {
    const file = write("wrangler.toml", '[env.x.vars]\nRULES = [{ name = "a", limit = 5, window = "1m" }]\n');
    const beside = join(file, "../rules.json");
    writeFileSync(beside, '{ "rules": [{ "name": "a", "limit": 0, "window": "1m" }] }');
    const { problems, notes } = checkSource(readSource(file), { bundled: bundledBeside(file) });
    expect(problems).toMatchObject([{ field: "limit", file: beside, line: 1, column: 28 }]);
    expect(notes).toHaveLength(1);
    writeFileSync(beside, '{ "rules": [] }');
    const empty = checkSource(readSource(file), { bundled: bundledBeside(file) });
    expect(empty.problems).toEqual([]);
    expect(empty.notes).toHaveLength(2);
  });
});
