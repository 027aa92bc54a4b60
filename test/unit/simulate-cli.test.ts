/** The simulator's command line: what it understands, and what it refuses. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { readOptions } from "../../loadtest/planet/options.ts";
import { builtInPlaces, choosePops } from "../../loadtest/planet/places.ts";
import { messageOf } from "../../loadtest/tools/cli.ts";

const MAIN = fileURLToPath(new URL("../../loadtest/planet/main.ts", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "onecount-simulate-"));
afterAll(() => rmSync(folder, { recursive: true }));
const FILE = join(folder, "planet.json");
const [LIS, MRS] = [
  { city: "Lisbon", cca2: "PT", region: "Europe", lat: 38.8, lon: -9.1 },
  { city: "Marseille", cca2: "FR", region: "Europe", lat: 43.3, lon: 5.37 },
];
writeFileSync(FILE, JSON.stringify({ LIS, MRS }));

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** A command line in words: none of these has a space in an argument. */
const wishOf = (line: string) => readOptions(line === "" ? [] : line.split(" "));

function refusalOf(line: string): string {
  try {
    wishOf(line);
  } catch (error) {
    return messageOf(error);
  }
  throw new Error(`it took ${line}`);
}

describe("simulate refuses", () => {
  test.each([
    ["--seed 1 --seeds 2", "--seed and --seeds: one trial or many, not both"],
    ["--seed 1 --from 2", "--seed and --from: --from is for many trials"],
    ["--seed 1 --transcript --json", "--transcript and --json: a transcript is text"],
    ["--transcript", "--transcript shows one trial: say which with --seed N"],
    [`--planet ${FILE} --transcript`, "--transcript shows one trial: say which with --seed N"],
    ["--requests 9 --seeds 2", "--requests and --seeds: a planet run has one seed, --seed N"],
    ["--clients 9 --from 2", "--clients and --from: a planet run has one seed, --seed N"],
    ["--isolates 2 --seed 1 --transcript", "--isolates and --transcript: only a trial has a transcript"],
    ["--minutes 5 --faults none", "--minutes and --faults: a planet run has no faults"],
    [`--planet ${FILE} --clients 9 --seeds 2`, "--clients and --seeds: a planet run has one seed, --seed N"],
    [
      `--planet ${FILE} --faults all`,
      "--planet and --faults: a planet run has no faults; for trials add --seeds N",
    ],
  ])("the contradiction %s", (line, message) => {
    expect(refusalOf(line)).toBe(message);
  });

  test.each([
    ["--seeds 0", '--seeds "0": a whole number from 1 to 10000000 is allowed'],
    ["--from x", '--from "x": a whole number from 0 to 4294967295 is allowed'],
    ["--faults fire", /^--faults "fire": all, none, or some of [a-z-]+(, [a-z-]+)* are allowed$/],
    ["--requests 0", '--requests "0": a whole number from 1 to 1000000000 is allowed'],
    ["--requests 1000000001", '--requests "1000000001": a whole number from 1 to 1000000000 is allowed'],
    ["--requests 1e6", '--requests "1e6": a whole number from 1 to 1000000000 is allowed'],
    ["--clients 4", '--clients "4": a whole number from 5 to 1000000 is allowed'],
    ["--clients 1000001", '--clients "1000001": a whole number from 5 to 1000000 is allowed'],
    ["--isolates 0", '--isolates "0": a whole number from 1 to 8 is allowed'],
    ["--isolates 9", '--isolates "9": a whole number from 1 to 8 is allowed'],
    ["--minutes 0", '--minutes "0": a whole number from 1 to 1440 is allowed'],
    ["--minutes 1441", '--minutes "1441": a whole number from 1 to 1440 is allowed'],
    ["--minutes 5 --seed -1", /^option '--seed' argument is ambiguous/],
    ["--minutes 5 --seed x", '--seed "x": a whole number from 0 to 4294967295 is allowed'],
    ["--minutes 5 --pops 0", '--pops "0": a whole number from 1 to 1000 is allowed'],
    ["--minutes 5 --pops 99", "--pops 99: a whole number from 1 to 73 is allowed, the list has 73 places"],
    [`--planet ${FILE} --pops 3`, "--pops 3: a whole number from 1 to 2 is allowed, the list has 2 places"],
    ["--planet none.json", "cannot read none.json: there is no such file"],
  ])("the value in %s", (line, message) => {
    if (typeof message === "string") expect(refusalOf(line)).toBe(message);
    else expect(refusalOf(line)).toMatch(message);
  });

  test("with one line and exit 1", async () => {
    expect(await run("--requests", "9", "--faults", "all")).toEqual({
      code: 1,
      stdout: "",
      stderr: "onecount: --requests and --faults: a planet run has no faults\n",
    });
  });
});

describe("simulate runs", () => {
  test.each([
    ["", { kind: "trials", from: 1, seeds: 100, more: "" }],
    ["--pops 3", { kind: "trials", seeds: 100, pops: 3, more: " --pops 3" }],
    ["--seed 7", { kind: "trials", from: 7, seeds: 1 }],
    ["--seed 7 --transcript --faults none", { kind: "transcript", seed: 7, faults: [] }],
    [`--seeds 3 --planet ${FILE}`, { kind: "trials", seeds: 3, places: [{ code: "LIS" }, { code: "MRS" }] }],
    [`--from 3 --planet ${FILE} --faults none`, { kind: "trials", from: 3, faults: [] }],
    [`--seed 3 --transcript --planet ${FILE}`, { kind: "transcript", seed: 3, places: [{}, {}] }],
  ])("trials for %j", (line, wish) => {
    expect(wishOf(line)).toMatchObject(wish);
  });

  const defaults = {
    kind: "planet",
    json: false,
    requests: 10_000_000,
    clients: 100_000,
    isolatesPerPlace: 4,
    durationMs: 21_600_000,
    seed: 1,
  };
  test.each([
    ["--requests 1", { ...defaults, requests: 1, places: builtInPlaces() }],
    ["--clients 5 --seed 0", { ...defaults, clients: 5, seed: 0, places: builtInPlaces() }],
    ["--isolates 8 --json", { ...defaults, isolatesPerPlace: 8, json: true, places: builtInPlaces() }],
    ["--minutes 1440 --pops 9", { ...defaults, durationMs: 86_400_000, places: builtInPlaces(9) }],
    [
      "--clients 1000000 --requests 1000000000",
      { ...defaults, clients: 1e6, requests: 1e9, places: builtInPlaces() },
    ],
  ])("a planet for %j", (line, wish) => {
    expect(wishOf(line)).toEqual(wish);
  });

  test("a planet for a list of places alone, and for one with --seed and a planet's option", () => {
    const alone = wishOf(`--planet ${FILE}`);
    expect(alone).toMatchObject({ ...defaults, places: [{ code: "LIS" }, { code: "MRS" }] });
    if (alone.kind !== "planet") throw new Error("no planet");
    expect(wishOf(`--planet ${FILE} --pops 1`)).toEqual({ ...alone, places: choosePops(alone.places, 1) });
    expect(wishOf(`--planet ${FILE} --seed 4 --minutes 1`)).toEqual({
      ...alone,
      seed: 4,
      durationMs: 60_000,
    });
  });

  test("a small planet to its end: text, or one document", async () => {
    const small = [
      "--requests",
      "500",
      "--clients",
      "20",
      "--isolates",
      "1",
      "--minutes",
      "1",
      "--pops",
      "3",
    ];
    const text = await run(...small);
    expect({ code: text.code, stderr: text.stderr }).toEqual({ code: 0, stderr: "" });
    expect(text.stdout).toContain("3 places, 3 isolates, 20 clients, 500 requests in 60 s of simulated time");
    const json = await run(...small, "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ places: 3, requests: 500, bound: { violated: 0 } });
  });
});

test("simulate --help explains every option and exits 0", async () => {
  const { code, stdout, stderr } = await run("--help");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const names = "seeds from seed transcript faults pops planet requests clients isolates minutes json help";
  for (const name of names.split(" ")) expect(stdout).toContain(`\n--${name} `);
});
