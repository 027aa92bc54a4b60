import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster } from "../../loadtest/cluster/cluster.ts";
import type { Report } from "../../loadtest/replay/report.ts";

const MAIN = fileURLToPath(new URL("../../loadtest/replay/main.ts", import.meta.url));
const BASE = Date.parse("2026-01-12T07:27:00Z");

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
    // With threshold 1 every request is decided by its owner, so the two counts may differ only if one of
    // them cuts a client's time elsewhere. Bursts a second apart in windows of 2 s: cut between them, a
    // client gets twice the limit, else once. The deadline lets a busy machine take its time.
    const rules = await file(
      "exact.toml",
      '[[vars.RULES]]\nname = "exact"\nlimit = 5\nwindow = "2s"\nthreshold = 1\nalgorithm = "fixed-window"\ndeadline = "9s"\n',
    );
    const lines: { ts: number; ip: string; method: string; path: string }[] = [];
    for (let client = 0; client < 20; client++) {
      for (const burst of [0, 1_000]) {
        const request = {
          ts: BASE + burst + 40 * client,
          ip: `203.0.113.${client}`,
          method: "GET",
          path: "/",
        };
        lines.push(...Array.from({ length: 8 }, () => request));
      }
    }
    const log = await file("exact.log", lines.map((line) => JSON.stringify(line)).join("\n"));
    const cluster = await startCluster({ rules, distance: 0 });
    try {
      const found = await report(log, "--cluster", cluster.url, "--rules", rules, "--spread", "4");
      const [rule] = found.rules;
      expect(rule).toMatchObject({ requests: 320, bound: 5 });
      expect(found.decisions.every(({ decision }) => decision === "owner" || decision === "blocked")).toBe(
        true,
      );
      expect(found.run).toMatchObject({ cluster: cluster.url, speed: 1 });
      // Windows cut elsewhere would differ for about half of the clients, by 5 each. A burst that lies on a
      // window's edge may be cut in two; that happens to one client, seldom to two.
      expect((rule?.excess ?? 0) + (rule?.falseDenials ?? 0)).toBeLessThanOrEqual(15);
      await expect(report(log, "--cluster", cluster.url)).rejects.toThrow(
        /decides by other rules than wrangler\.toml/,
      );
    } finally {
      await cluster.stop();
    }
  });
});
