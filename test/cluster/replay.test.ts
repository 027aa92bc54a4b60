import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster } from "../../loadtest/cluster/cluster.ts";
import { chargesUnder } from "../../loadtest/replay/charges.ts";
import { windowIndex } from "../../loadtest/replay/oracle.ts";
import type { Report } from "../../loadtest/replay/report.ts";
import { loadRules } from "../../loadtest/replay/rules.ts";
import { epochMs } from "../../shared/time.ts";

const MAIN = fileURLToPath(new URL("../../loadtest/replay/main.ts", import.meta.url));
const BASE = Date.parse("2026-01-12T07:27:00Z");
/** Lengths of windows, in days: some of them are always about halfway through. */
const DAYS = [17, 18, 19, 20, 21, 22, 23, 25, 27, 29];
const fromHalfway = (days: number): number => Math.abs(((Date.now() / 86_400_000 / days) % 1) - 0.5);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "onecount-replay-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

const run = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, [MAIN, ...args])).stdout;
const report = async (...args: string[]): Promise<Report> => JSON.parse(await run(...args, "--json"));

describe("a replay", { concurrent: false }, () => {
  test("into a cluster of its own reports every request once, and nothing beyond the limit at one POP", async () => {
    const rules = await file(
      "own.toml",
      '[[vars.RULES]]\nname = "all"\nlimit = 20\nwindow = "1d"\nthreshold = 4\nalgorithm = "fixed-window"\n',
    );
    const second = (at: number, count: number, client: string): string =>
      `${client} - - [12/Jan/2026:07:27:0${at} +0000] "GET /a HTTP/1.1" 200 1\n`.repeat(count);
    const log = await file(
      "own.log",
      [
        second(1, 30, "203.0.113.9"),
        "not a request\n",
        second(2, 3, "203.0.113.10"),
        second(0, 2, "2001:db8::1"),
        '203.0.113.11 - - [12/Jan/2026:07:27:02 +0000] "\\x16\\x03" 400 1\n',
        second(9, 1, "203.0.113.12"),
      ].join(""),
    );
    const options = [log, "--from", "2026-01-12T07:27:00Z", "--for", "5s", "--rules", rules, "--speed", "2"];
    const found = await report(...options);
    expect(found.log).toMatchObject({ lines: 38, parsed: 37, unparsed: 1 });
    expect(found.log.shown).toEqual([
      {
        lineNumber: 31,
        problem: "neither the common or combined log format nor JSON",
        text: "not a request",
      },
    ]);
    expect(found.slice).toMatchObject({ forMs: 5_000, sorted: false, malformed: 1, unsendable: 0 });
    expect(found).toMatchObject({
      requests: 36,
      admitted: 26,
      denied: 10,
      undecided: 0,
      failures: {},
      clientCount: 4,
    });
    expect(found.run).toMatchObject({ speed: 2, spread: 1, seed: 1, pops: ["LHR", "CDG", "CHI", "TYO"] });
    expect(found.rules).toEqual([
      expect.objectContaining({
        name: "all",
        window: "1d",
        windowRunMs: 43_200_000,
        requests: 36,
        admitted: 26,
        denied: 10,
        claims: 1,
        excess: 0,
        falseDenials: 0,
        bound: 20,
      }),
    ]);
    expect(found.decisions.reduce((sum, { requests }) => sum + requests, 0)).toBe(36);
    expect(found.clients[0]).toMatchObject({ client: "203.0.113.9", requests: 30, admitted: 20, denied: 10 });
    expect(found.clients[0]?.pops).toHaveLength(1);

    const text = await run(...options, "--spread", "4");
    expect(text).toMatch(
      /^log {6}.*own\.log: 38 lines, 1 unparsed\n {9}line 31: neither .*: not a request\n/,
    );
    expect(text).toMatch(/^all {3}20 per 1d \(run as 12 h\) {2} +36 /m);
    expect(text).toMatch(/^203\.0\.113\.9 +30 /m);
  });

  test("into a running cluster counts in the same windows as the limiter, key by key", async () => {
    // Each key's windows begin at a moment of its own. Halfway through a clock's window about half of the
    // keys are in one window and half in the next, so grids that differ cannot agree on all of them.
    const [window] = DAYS.toSorted((a, b) => fromHalfway(a) - fromHalfway(b));
    const rules = await file(
      "exact.toml",
      `[[vars.RULES]]\nname = "exact"\nlimit = 5\nwindow = "${window}d"\nthreshold = 1\nalgorithm = "fixed-window"\ndeadline = "9s"\n`,
    );
    const clients = Array.from({ length: 40 }, (_, index) => `203.0.113.${index}`);
    const lines = clients.flatMap((ip, index) => {
      const line = JSON.stringify({ ts: BASE + 40 * index, ip, method: "GET", path: "/" });
      return Array.from({ length: 7 }, () => line);
    });
    const log = await file("exact.log", lines.join("\n"));
    const cluster = await startCluster({ rules, distance: 0 });
    try {
      const found = await report(log, "--cluster", cluster.url, "--rules", rules, "--spread", "4");
      expect(found.run).toMatchObject({ cluster: cluster.url, speed: 1 });
      expect(found.rules[0]).toMatchObject({
        requests: 280,
        admitted: 200,
        excess: 0,
        falseDenials: 0,
        claims: 40,
      });
      expect(found.decisions.map(({ decision }) => decision)).not.toContain("credit");
      const { now, owners } = await cluster.state();
      const { chargesOf } = chargesUnder(await loadRules(rules, 1));
      const expected = clients.flatMap((client) =>
        chargesOf({ method: "GET", target: "/" }, client).map(({ key, grid }) => ({
          key,
          window: windowIndex(grid, epochMs(now)),
        })),
      );
      const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1);
      expect(owners.map(({ key, window }) => ({ key, window })).sort(byKey)).toEqual(expected.sort(byKey));
      await expect(report(log, "--cluster", cluster.url)).rejects.toThrow(
        /decides by other rules than wrangler\.toml/,
      );
    } finally {
      await cluster.stop();
    }
  });
});
