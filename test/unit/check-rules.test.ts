import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";

const COMMAND = fileURLToPath(new URL("../../loadtest/check-rules/main.ts", import.meta.url));
const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "onecount-check-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const checkRules = (...args: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, ...args], { cwd: REPOSITORY }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });

function fileWith(text: string | Uint8Array, name = "wrangler.toml"): string {
  const file = join(mkdtempSync(join(folder, "case-")), name);
  writeFileSync(file, text);
  return file;
}

const BINDINGS = `
[[durable_objects.bindings]]
name = "KEY_OWNER"
class_name = "KeyOwner"
[[durable_objects.bindings]]
name = "REGION_HUB"
class_name = "RegionHub"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["KeyOwner", "RegionHub"]
`;
const RULES = `
[[vars.RULES]]
name = "login"
match = { path = "/login", methods = ["POST"] }
limit = 20
window = "1m"
`;

describe("npm run check-rules", () => {
  test("accepts the repository's own wrangler.toml", async () => {
    const { exitCode, stdout, stderr } = await checkRules();
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^wrangler\.toml: \d+ rules?\n/);
  });

  test("prints each rule with its guarantee, and what it cannot see", async () => {
    const file = fileWith(BINDINGS + RULES);
    const { exitCode, stdout, stderr } = await checkRules(file);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines[0]).toBe(`${file}: 1 rule`);
    expect(lines[2]).toBe("login: POST on /login, 20 per 1m, threshold 4, sliding-window");
    expect(lines[3]).toMatch(
      /^ {2}at most 20 in every window of 1m worldwide, plus 3 for each further isolate/,
    );
    expect(lines[4]).toBe(
      "  a million requests: 190,000 wait for an owner, 230,000 owner calls, 270,000 hub calls, 270,000 rows written: $0.38",
    );
    expect(lines.slice(6, 8)).toEqual([
      "cost: of a million requests, 80 % from clients below the threshold, 20 % from clients that are claimed,",
      "      seen by 3 isolates each and using 50 % of the limit in a window; 1 % blocked without asking",
    ]);
    expect(lines[11]).toMatch(/^note: KEY_SECRET is a secret and cannot be seen here; .*fixed key/);
  });

  test("prints what else a rule says of buckets, costs, blocks and owners", async () => {
    const more = 'algorithm = "token-bucket"\nburst = 50\ncost = 2\nblock_for = "10m"\nowners = 64\n';
    const { exitCode, stdout } = await checkRules(fileWith(BINDINGS + RULES + more));
    expect(exitCode).toBe(0);
    const lines = stdout.split("\n");
    expect(lines[2]).toBe(
      "login: POST on /login, 20 per 1m, threshold 4, token-bucket, burst 50, cost 2, 64 shared owners",
    );
    expect(lines[3]).toMatch(
      /^ {2}in any time τ at most 50 \+ 20·τ\/1m worldwide, .* stays blocked for 10m /,
    );
  });

  test("prints what a rule holds ahead, and what that adds to the guarantee", async () => {
    const { exitCode, stdout } = await checkRules(
      fileWith(`${BINDINGS}${RULES}lease = "auto"\ngrace = "auto"\n`),
    );
    expect(exitCode).toBe(0);
    const lines = stdout.split("\n");
    expect(lines[2]).toBe(
      "login: POST on /login, 20 per 1m, threshold 4, grace 2, lease auto, sliding-window",
    );
    expect(lines[3]).toMatch(/ plus 5 for each further isolate .* handed back, after 10s at the latest; /);
    expect(lines[4]).toMatch(/^ {2}grace = 2: .* each isolate may admit 3 \+ 2 before /);
    expect(lines[5]).toMatch(/^ {2}lease = auto: no more is admitted; .* need not wait, .* some 3 s ahead, /);
    // At three isolates ten requests a minute are too few for a lease to live: each asks, and hands back.
    expect(lines[6]).toMatch(/^ {2}a million requests: 0 wait for an owner, 420,000 owner calls, /);
  });

  test.each([
    ["strict = 4", "strict 4", /^strict = 4: 12 of 20 are kept back until 4 isolates .*, 3 in every window /],
    ["strict = 4\nthreshold = 1", "strict 4", /^strict: nothing is kept back, /],
    [
      'spread = "auto"',
      "spread auto",
      /^spread = auto: .* probability of 60 %; at its limit .* of 0\.0005 %\. /,
    ],
    ['spread = "auto"\nthreshold = 1', "spread auto", /^spread = auto: does nothing with threshold 1/],
    [
      'threshold = "auto"',
      "threshold auto (up to 1, ",
      /^threshold = auto: excess_max = 0\.05 leaves nothing /,
    ],
    [
      'threshold = "auto"\nexcess_max = 0.5',
      "(up to 3, ",
      /^threshold = auto: 3 while no more than 4 isolates /,
    ],
  ])("says of %j what it changes and costs", async (more, shown, words) => {
    const { exitCode, stdout } = await checkRules(fileWith(`${BINDINGS}${RULES}${more}\n`));
    expect(exitCode).toBe(0);
    const [, , rule, , line] = stdout.split("\n");
    expect(rule).toContain(shown);
    expect(line?.trim()).toMatch(words);
  });

  test("prints a rule's plans and its candidate under it, each with its guarantee", async () => {
    const more = `limits = { by = "country", DE = 40 }\ncandidate = { limit = 10, window = "1h" }\n`;
    const file = fileWith(BINDINGS + RULES + more + RULES.replace("login", "other").replace("20", "30"));
    const { stdout } = await checkRules(file);
    expect(stdout).toMatch(/^[^\n]+: 2 rules\n/);
    expect(stdout.split("\n").filter((line) => /^ {0,2}\S/.test(line) && line.includes("per"))).toEqual([
      "  no plan: 20 per 1m, threshold 4, sliding-window",
      '  plan "DE": 40 per 1m, threshold 4, sliding-window',
      "  candidate: 10 per 1h, threshold 4, sliding-window",
      "other: POST on /login, 30 per 1m, threshold 4, sliding-window",
    ]);
    expect(stdout).toContain("\n    at most 40 in every window of 1m worldwide");
    expect(stdout).toContain(
      "\n    mode = shadow: it denies nothing; enforced, it would be: at most 10 in every",
    );
  });

  test("tells every error of every rule and every missing binding at once, each at its place", async () => {
    const file = fileWith(`
[[vars.RULES]]
name = "a b"
limit = 0
window = "1m"
[[vars.RULES]]
name = "c"
limit = 1
window = "1y"
bursts = 3
`);
    const { exitCode, stdout, stderr } = await checkRules(file);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    for (const part of [
      `${file}:3:1: rule #1, name: found "a b"; allowed is a token`,
      `${file}:4:1: rule #1, limit: found 0; allowed is a whole number from 1 to 1000000000\n`,
      `${file}:9:1: rule "c", window: found "1y"; allowed is a duration from "1s" to "30d"`,
      `${file}:10:1: rule "c", bursts: found an unknown field; allowed is one of name, match,`,
      `${file}: the Durable Object binding KEY_OWNER is missing; add:\n\n`,
      '[[durable_objects.bindings]]\nname = "KEY_OWNER"\nclass_name = "KeyOwner"\n',
      '[[durable_objects.bindings]]\nname = "REGION_HUB"\nclass_name = "RegionHub"\n',
      '[[migrations]]\ntag = "v1"\nnew_sqlite_classes = ["KeyOwner","RegionHub"]\n',
    ]) {
      expect(stderr).toContain(part);
    }
    expect(stderr).toMatch(/\nonecount: .*wrangler\.toml: 7 problems\n$/);
  });

  test("with --json prints one document, also when something is wrong", async () => {
    const good = await checkRules(fileWith(BINDINGS + RULES), "--json");
    expect(good.exitCode).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({
      ok: true,
      rules: [{ name: "login", limit: 20, window: 60_000, guarantee: expect.stringContaining("at most 20") }],
      problems: [],
      bindings: [],
      warnings: [],
      notes: [expect.stringContaining("KEY_SECRET")],
      cost: { requests: 1_000_000, rules: [{ rule: "login", ownerRequests: 230_000, usd: 0.3771 }] },
    });
    const bad = await checkRules("--json", fileWith(`${BINDINGS}${RULES}threshold = 21\n`));
    expect({ exitCode: bad.exitCode, stderr: bad.stderr }).toEqual({ exitCode: 1, stderr: "" });
    const { ok, rules, problems } = JSON.parse(bad.stdout);
    expect({ ok, rules, problems }).toEqual({
      ok: false,
      rules: [],
      problems: [
        {
          rule: "login",
          field: "threshold",
          found: "21",
          allowed: "a whole number from 1 to the limit, 20",
          line: 17,
          column: 1,
        },
      ],
    });
  });

  test("has --help, on stdout and with exit 0", async () => {
    const { exitCode, stdout, stderr } = await checkRules("--nonsense", "--help");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^Usage: npm run check-rules/);
  });

  test.each([
    ["an unknown option", ["--nonsense"], "unknown option '--nonsense' (see --help)"],
    ["a value where none belongs", ["--json=yes"], "option '--json' does not take an argument (see --help)"],
    ["a second file", ["wrangler.toml", "b.toml"], 'unexpected argument "b.toml" (see --help)'],
    ["a file that is missing", ["/nowhere/x.toml"], "cannot read /nowhere/x.toml: there is no such file"],
    ["a folder", [folder], `cannot read ${folder}: it is a directory`],
    ["a file of another kind", ["package-lock.yaml"], "cannot read package-lock.yaml: there is no such file"],
    ["a text that is no such file", ["README.md"], "README.md: a .toml, .json or .jsonc file is expected"],
    [
      "an environment of a file of rules",
      ["rules.json", "--env", "x"],
      "--env x: a file of rules has no environments",
    ],
    ["a share over 1", ["--busy", "1.5"], '--busy "1.5": a number from 0 to 1 is allowed'],
    [
      "more blocked than busy",
      ["--busy", "0.1", "--blocked", "0.2"],
      "--blocked 0.2: at most --busy is allowed, 0.1, for who is blocked was claimed",
    ],
  ])("answers %s with one line and exit 1", async (_, args, message) => {
    expect(await checkRules(...args)).toEqual({ exitCode: 1, stdout: "", stderr: `onecount: ${message}\n` });
  });

  test("answers TOML that cannot be parsed with its line, and bytes that are no text with one line", async () => {
    const file = fileWith("a = 1\nb = = 2\n");
    const { exitCode, stderr } = await checkRules(file);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^onecount: .*wrangler\.toml, line 2, column 5: [^\n]+\n$/);
    const binary = await checkRules(fileWith(Uint8Array.of(0xff, 0xfe, 0, 1, 0x80)));
    expect(binary.exitCode).toBe(1);
    expect(binary.stderr).toMatch(/^onecount: [^\n]+\n$/);
  });
});

describe("warnings", () => {
  const warned = `${BINDINGS}${RULES}candidate = { limit = 20, window = "1m" }\n`;

  test("are printed at their place, and change the exit code with --strict alone", async () => {
    const file = fileWith(warned);
    const { exitCode, stdout, stderr } = await checkRules(file);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const text = "the candidate has the rule's own limit and window; give it another, or remove it";
    expect(stdout).toContain(`\n${file}:17:1: warning: rule "login", candidate: ${text}\n`);
    const strict = await checkRules("--strict", file);
    expect(strict.exitCode).toBe(1);
    expect(strict.stdout).toBe(stdout);
    expect(strict.stderr).toBe(`onecount: ${file}: 1 warning (--strict)\n`);
    const json = await checkRules("--strict", "--json", file);
    expect(json.exitCode).toBe(1);
    const { ok, warnings } = JSON.parse(json.stdout);
    expect({ ok, warnings }).toEqual({
      ok: true,
      warnings: [{ kind: "candidate-same", rule: "login", field: "candidate", text, line: 17, column: 1 }],
    });
  });

  test("there are none of the repository's own rules", async () => {
    expect((await checkRules("--strict")).exitCode).toBe(0);
  });
});
