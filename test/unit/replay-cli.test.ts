import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../../loadtest/replay/main.ts", import.meta.url));
const LINE = '203.0.113.9 - - [12/Jan/2026:07:27:01 +0000] "GET / HTTP/1.1" 200 1\n';

let folder = "";
let log = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "onecount-replay-"));
  log = await file("access.log", LINE);
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** Expects exit 1 with exactly this one line, and nothing on stdout. */
async function refuses(args: readonly string[], line: string): Promise<void> {
  expect(await run(...args)).toEqual({ code: 1, stdout: "", stderr: `onecount: ${line}\n` });
}

describe("replay refuses, with one line and exit 1,", () => {
  test("a command line that it does not understand", async () => {
    await Promise.all([
      refuses([], "which log? npm run replay -- LOG (see --help)"),
      refuses([log, "other"], 'unexpected argument "other" (see --help)'),
      refuses([log, "--sped", "2"], "unknown option '--sped' (see --help)"),
      refuses([log, "--for", "soon"], '--for "soon": a duration such as 30s, 5m or 1h is allowed'),
      refuses([log, "--speed", "0.5"], '--speed "0.5": a number from 1 to 1000 is allowed'),
      refuses([log, "--spread", "0"], '--spread "0": a whole number from 1 to 1000 is allowed'),
      refuses([log, "--seed", "x"], '--seed "x": a whole number from 0 to 4294967295 is allowed'),
      refuses([log, "--cluster", "8787"], '--cluster "8787": a URL such as http://127.0.0.1:8787 is allowed'),
      refuses(
        [log, "--from", "noon"],
        '--from "noon": a time such as 2026-01-12T07:27:00Z or "12/Jan/2026:07:27:00 +0000" is allowed',
      ),
    ]);
  });

  test("options that contradict virtual time, or need it", async () => {
    const rules = await file("virtual.toml", '[[vars.RULES]]\nname = "all"\nlimit = 5\nwindow = "1h"\n');
    const virtual = [log, "--virtual", "--rules", rules];
    const wholes = "whole numbers from 1 to";
    await Promise.all([
      refuses(
        [...virtual, "--speed", "2"],
        "--virtual does not wait for time to pass: leave out --virtual or --speed",
      ),
      refuses(
        [...virtual, "--cluster", "http://127.0.0.1:8787"],
        "--virtual simulates its POPs and needs no cluster: leave out --virtual or --cluster",
      ),
      refuses(
        [log, "--thresholds", "1,2"],
        "--thresholds compares many runs, which only virtual time makes short: add --virtual",
      ),
      refuses(
        [...virtual, "--spreads", "1,2"],
        "--spreads belongs to the table of --thresholds: add that, or use --spread for one run",
      ),
      refuses(
        [...virtual, "--thresholds", "1", "--spreads", "1,2", "--spread", "2"],
        "--spread is one of --spreads: leave out one of the two",
      ),
      refuses(
        [...virtual, "--thresholds", "1,,2"],
        `--thresholds "1,,2": up to 32 ${wholes} 1000000000, or auto, with commas between them are allowed`,
      ),
      refuses(
        [...virtual, "--thresholds", "1", "--spreads", "0,1"],
        `--spreads "0,1": up to 32 ${wholes} 1000 with commas between them are allowed`,
      ),
      refuses(
        [...virtual, "--thresholds", "1", "--spreads", "1,5"],
        "--spread 5: a client can use at most the 4 POPs that there are (LHR CDG CHI TYO)",
      ),
      refuses(
        [...virtual, "--pops", "99"],
        "--pops 99: a whole number from 1 to 73 is allowed, the list has 73 places",
      ),
      refuses([...virtual, "--pops", "LHR,LON"], "POPs LHR and LON are one city, London"),
      refuses(
        [...virtual, "--from", "2026-02-01"],
        "no request from 2026-02-01T00:00:00Z on: the log holds 2026-01-12T07:27:01Z to 2026-01-12T07:27:01Z",
      ),
    ]);
  });

  test("a log that it cannot use", async () => {
    const zipped = gzipSync(LINE.repeat(5_000));
    const none = join(folder, "none");
    const cut = await file("cut", zipped.subarray(0, zipped.length - 20));
    const text = await file("text", "hello\n");
    const empty = await file("empty", "");
    const problem = "neither the common or combined log format nor JSON";
    await Promise.all([
      refuses([none], `cannot read ${none}: there is no such file`),
      refuses([folder], `cannot read ${folder}: it is a directory`),
      refuses([text], `${text} has no usable line among 1; line 1: ${problem}: hello`),
      refuses([empty], `${empty} is empty`),
    ]);
    const { code, stdout, stderr } = await run(cut);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^onecount: cannot read .*: the \.gz is cut off \(after line \d+\)\n$/);
  });

  test("a slice without requests, naming what the log holds", () =>
    refuses(
      [log, "--from", "12/Jan/2026:08:00:00", "--for", "5m"],
      "no request from 2026-01-12T08:00:00Z for 5m: the log holds 2026-01-12T07:27:01Z to 2026-01-12T07:27:01Z",
    ));

  test("a speed that would cut a window below a second, naming the rule and the highest speed", async () => {
    const rules = await file(
      "rules.toml",
      '[[vars.RULES]]\nname = "slow"\nlimit = 5\nwindow = "1h"\n[[vars.RULES]]\nname = "quick"\nlimit = 5\nwindow = "5s"\n',
    );
    await refuses(
      [log, "--rules", rules, "--speed", "8"],
      "--speed 8 would cut the window of rule quick, 5s, to 625ms; the least is 1s, so at most --speed 5",
    );
  });

  test("more POPs per client than there are", () =>
    refuses(
      [log, "--spread", "3", "--pops", "LHR,TYO"],
      "--spread 3: a client can use at most the 2 POPs that there are (LHR TYO)",
    ));

  test("a cluster that is not there, is none, or cannot be speeded up", async () => {
    const server = createServer((_, response) => response.end("{}")).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await refuses([log, "--cluster", url], `there is no cluster at ${url}: /api/state names no POPs`);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const { code, stderr } = await run(log, "--cluster", url);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^onecount: there is no cluster at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*\n$/,
    );
    await refuses(
      [log, "--cluster", url, "--speed", "2"],
      "--speed needs a cluster of its own, whose windows and distances it can divide: leave out --cluster",
    );
  });
});

test("replay --help explains every option and exits 0", async () => {
  const { code, stdout, stderr } = await run("--help");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  for (const option of [
    "from",
    "for",
    "speed",
    "spread",
    "seed",
    "rules",
    "pops",
    "cluster",
    "virtual",
    "thresholds",
    "spreads",
    "json",
    "help",
  ]) {
    expect(stdout).toContain(`--${option}`);
  }
});

test("replay --virtual prints one report, or one document, without waiting for the log's time to pass", async () => {
  const rules = await file("day.toml", '[[vars.RULES]]\nname = "all"\nlimit = 5\nwindow = "1h"\n');
  const days = await file("days.log", LINE + LINE.replace("12/Jan", "30/Jan"));
  const text = await run(days, "--virtual", "--rules", rules);
  expect({ code: text.code, stderr: text.stderr }).toEqual({ code: 0, stderr: "" });
  expect(text.stdout).toContain("2 requests of 1 client within 18 days");
  const json = await run(days, "--virtual", "--rules", rules, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({ requests: 2, admitted: 2, keptPace: true });
  const sweep = await run(days, "--virtual", "--rules", rules, "--thresholds", "1,2", "--json");
  expect(JSON.parse(sweep.stdout).rows).toHaveLength(2 + 1 + 1);
});
