import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cityOf } from "../../loadtest/cluster/cities.ts";
import { greatCircleKm } from "../../loadtest/cluster/distance.ts";
import { formatReport } from "../../loadtest/replay/format.ts";
import { readOptions } from "../../loadtest/replay/options.ts";
import { type Report, reportJson } from "../../loadtest/replay/report.ts";
import { type Sweep, sweepVirtual } from "../../loadtest/replay/sweep.ts";
import { formatSweep } from "../../loadtest/replay/table.ts";
import { replayVirtual } from "../../loadtest/replay/virtual-run.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "onecount-virtual-"));
});
afterAll(() => rm(folder, { recursive: true }));

const NOON = Date.parse("2026-01-12T12:00:00Z");

/** A line for each of these times, in ms after noon. */
const requests = (times: readonly number[], client = "203.0.113.9", target = "/"): string =>
  times
    .map((at) =>
      JSON.stringify({
        ts: new Date(NOON + at).toISOString(),
        ip: client,
        method: "GET",
        path: target,
      }),
    )
    .join("\n")
    .concat("\n");

const every = (pauseMs: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => index * pauseMs);

const rule = (fields: string): string =>
  `[[vars.RULES]]\nname = "all"\nalign = "clock"\nalgorithm = "fixed-window"\n${fields}\n`;

async function commandLine(log: string, rules: string, options: readonly string[]): Promise<string[]> {
  const [logPath, rulesPath] = [join(folder, "log"), join(folder, "rules.toml")];
  await Promise.all([writeFile(logPath, log), writeFile(rulesPath, rules)]);
  return [logPath, "--virtual", "--rules", rulesPath, ...options];
}

async function run(log: string, rules: string, ...options: string[]): Promise<Report> {
  const wish = readOptions(await commandLine(log, rules, options));
  return replayVirtual(wish, new AbortController().signal);
}

async function sweep(log: string, rules: string, ...options: string[]): Promise<Sweep> {
  const wish = readOptions(await commandLine(log, rules, options));
  if (wish.sweep === undefined) throw new Error("the options ask for no sweep");
  return sweepVirtual(wish, wish.sweep, new AbortController().signal);
}

const counting = (report: Report, name: string) => report.compared?.find((one) => one.name === name);

describe("a replay in virtual time", { concurrent: false }, () => {
  test("of five requests at one POP does and costs what can be worked out by hand", async () => {
    const report = await run(
      requests(every(2_000, 5)),
      rule('limit = 3\nwindow = "1h"\nthreshold = 2'),
      "--pops",
      "LHR",
    );
    // Credit for one; the second claims, the third is granted, the fourth denied, the fifth denied at the POP.
    expect(report.decisions.map(({ decision, requests: count }) => [decision, count])).toEqual([
      ["credit", 1],
      ["owner", 3],
      ["blocked", 1],
    ]);
    expect(report.rules).toEqual([
      expect.objectContaining({
        requests: 5,
        admitted: 3,
        denied: 2,
        waited: 3,
        claims: 1,
        excess: 0,
        falseDenials: 0,
        admittedPerWindowMax: 3,
        bound: 3,
      }),
    ]);
    const onecount = counting(report, "onecount");
    expect(onecount).toMatchObject({ excess: 0, missing: 0, peak: { admitted: 3, bound: 3 } });
    // Written: the claim with the second request, and the third; denials write nothing. Announced to nine hubs
    // each: claimed, and full. Frames: what was there at the connection, and both news.
    expect(onecount?.messages).toEqual({
      calls: 3,
      asks: 3,
      rowsWritten: 2,
      announcements: 18,
      frames: 3,
      connections: 1,
      opened: 1,
    });
    expect(onecount?.bill.objectRequests).toBeCloseTo(((3 + 18 + 1 + 1) / 5) * 0.15, 9);
    // With the alarm that is set and the row that it deletes.
    expect(onecount?.bill.rowsWritten).toBeCloseTo((2 + 2) / 5, 9);
    // Sydney's hub is the farthest from London.
    const [london, sydney] = [cityOf("LHR"), cityOf("SYD")];
    if (london === undefined || sydney === undefined) throw new Error("both cities are known");
    const awake = 3 * 0.01 + (2 * (5 + 0.016 * greatCircleKm(london, sydney)) + 18 * 25) / 1_000;
    expect(onecount?.bill.objectDuration).toBeCloseTo((awake / 5) * 0.128 * 12.5, 9);
    expect(onecount?.bill.perMillion).toBeCloseTo(onecount?.bill.total ?? 0, 9);
    expect(counting(report, "forward everything")).toMatchObject({
      excess: 0,
      missing: 0,
      peak: { admitted: 3, bound: 3 },
      messages: { calls: 5, asks: 5, rowsWritten: 3, announcements: 0, connections: 0, opened: 1 },
    });
    expect(counting(report, "per-POP only")).toMatchObject({
      excess: 0,
      peak: { admitted: 3, bound: 3 },
      messages: { calls: 0, rowsWritten: 0 },
      bill: { total: 0 },
    });
  });

  test("shows that POPs which count alone admit the limit each, and that this limiter stays within its bound", async () => {
    const report = await run(
      requests(every(500, 200)),
      rule('limit = 5\nwindow = "1h"\nthreshold = 3'),
      "--spread",
      "4",
    );
    expect(counting(report, "per-POP only")).toMatchObject({
      excess: 15,
      missing: 0,
      peak: { admitted: 20, bound: 20 },
    });
    const onecount = counting(report, "onecount");
    expect(onecount?.peak.bound).toBe(5 + 3 * 2);
    expect(onecount?.peak.admitted).toBe(5 + (onecount?.excess ?? Number.NaN));
    expect(onecount?.excess).toBeLessThanOrEqual(6);
    expect(counting(report, "forward everything")).toMatchObject({ excess: 0, missing: 0 });
  });

  test("with threshold 1 decides as an exact count does while requests are far enough apart", async () => {
    const log = ["203.0.113.1", "203.0.113.2", "203.0.113.3"]
      .map((client, index) => requests(every(1_000 + index, 300), client))
      .join("");
    const rules = rule('limit = 7\nwindow = "1m"\nthreshold = 1').replace("clock", "key");
    const report = await run(log, rules, "--spread", "4");
    const { requests: count, excess, falseDenials, admittedPerWindowMax } = report.rules[0] ?? {};
    expect({ count, excess, falseDenials, admittedPerWindowMax }).toEqual({
      count: 900,
      excess: 0,
      falseDenials: 0,
      admittedPerWindowMax: 7,
    });
    expect(counting(report, "per-POP only")?.excess).toBeGreaterThan(0);
  });

  test("counts a request for the bound in the window in which its owner granted it", async () => {
    // No object lives in South America: what São Paulo sends in a window's last 50 ms reaches Miami in the next.
    const log = requests([59_900, 59_901, 59_990, 59_991, 59_992, 60_200, 60_201, 60_202, 60_203]);
    const report = await run(log, rule('limit = 2\nwindow = "1m"\nthreshold = 1'), "--pops", "GRU");
    expect(report.rules[0]).toMatchObject({ admittedPerWindowMax: 2, bound: 2 });
    expect(report.rules[0]?.excess).toBeGreaterThan(0);
  });

  test("has a limiter that forwards everything call an owner for each rule, and write where it admits", async () => {
    const rules = `${rule('limit = 3\nwindow = "1h"')}${rule('limit = 2\nwindow = "1h"').replace("all", "few")}`;
    const forward = counting(await run(requests(every(1_000, 4)), rules), "forward everything");
    expect(forward).toMatchObject({
      excess: 0,
      missing: 0,
      peak: { rule: "few", admitted: 2, bound: 2 },
      messages: { calls: 4 * 2, rowsWritten: 2 * 2, opened: 2 },
    });
  });

  test("takes the whole log unless a part is named, jumps over idle time, and sorts what is not in order", async () => {
    const day = 86_400_000;
    const log = requests([10 * day, 0, 400 * day, 400 * day]);
    const rules = rule('limit = 1\nwindow = "1m"\nthreshold = 1');
    const whole = await run(log, rules);
    expect(whole).toMatchObject({ requests: 4, admitted: 3, denied: 1, keptPace: true, late: { maxMs: 0 } });
    expect(whole.slice).toMatchObject({
      from: "2026-01-12T12:00:00Z",
      open: true,
      spanMs: 400 * day,
      sorted: false,
    });
    expect(whole.run.startedAt).toBe("2026-01-12T12:00:00.000Z");
    expect((await run(log, rules, "--from", "2026-01-13")).requests).toBe(3);
    expect((await run(log, rules, "--from", "2026-01-12", "--for", "20d")).requests).toBe(2);
  });

  test("gives the same report for the same seed to the last byte, and another for another", async () => {
    const log = ["203.0.113.1", "203.0.113.2", "2001:db8::1"]
      .map((client, index) => requests(every(90 + index, 200), client))
      .join("");
    const rules = rule('limit = 20\nwindow = "10s"\nthreshold = 4');
    const json = async (seed: string) => reportJson(await run(log, rules, "--spread", "2", "--seed", seed));
    const first = await json("1");
    expect(await json("1")).toBe(first);
    expect(await json("2")).not.toBe(first);
  });

  test("lets rules in shadow mode count and deny nothing, and requests without a rule pass", async () => {
    const log = requests(every(1_000, 6)) + requests([10_000], "203.0.113.9", "/free");
    const rules = rule('limit = 3\nwindow = "1h"\nthreshold = 2\nmode = "shadow"\nmatch = { path = "/" }');
    for (const written of [rules, `[vars]\nENFORCE = "false"\n${rules.replace("shadow", "enforce")}`]) {
      const report = await run(log, written);
      expect(report).toMatchObject({ requests: 7, admitted: 7, denied: 0 });
      expect(report.rules[0]).not.toHaveProperty("excess");
      expect(counting(report, "onecount")).not.toHaveProperty("excess");
      expect(report.decisions.at(-1)).toMatchObject({ decision: "unlimited", requests: 1 });
    }
  });

  test("has every request keep its isolate's connection to the hub open, also one without a rule", async () => {
    const rules = rule('limit = 3\nwindow = "1h"\nmatch = { path = "/other" }');
    // A connection lasts 20 to 25 s.
    const report = await run(requests([0, 19_000, 60_000]), rules);
    expect(counting(report, "onecount")?.messages).toMatchObject({ calls: 0, connections: 2 });
  });

  test("bills a row and an alarm anew for a client that comes back after its owner forgot it", async () => {
    const minute = 60_000;
    const report = await run(
      requests([0, minute, 9 * minute]),
      rule('limit = 5\nwindow = "1m"\nthreshold = 1'),
    );
    expect(counting(report, "onecount")?.messages).toMatchObject({ calls: 3, opened: 2 });
    expect(counting(report, "forward everything")?.messages).toMatchObject({ calls: 3, opened: 2 });
  });

  test("takes a number of POPs for so many of the built-in cities", async () => {
    const report = await run(requests([0]), rule('limit = 1\nwindow = "1m"'), "--pops", "6");
    expect(new Set(report.run.pops).size).toBe(6);
    expect((await run(requests([0]), rule('limit = 1\nwindow = "1m"'))).run.pops).toEqual([
      "LHR",
      "CDG",
      "CHI",
      "TYO",
    ]);
  });

  test("prints the comparison below the tables of a replay over HTTP", async () => {
    const text = formatReport(
      await run(requests(every(2_000, 5)), rule('limit = 3\nwindow = "1h"\nthreshold = 2'), "--pops", "LHR"),
    );
    expect(text).toContain("slice    2026-01-12T12:00:00Z on: 5 requests of 1 client within 8 s\n");
    expect(text).toContain("LHR, rules of");
    expect(text).toContain(", in virtual time, spread 1, seed 1\n");
    expect(text).not.toContain("sent     ");
    expect(text).toContain(`
counting            excess  missing  peak of bound    calls     asks   rows  announced  frames  watches  $ per million
onecount                 0        0         3 of 3    600.0    600.0  400.0    3,600.0   600.0    200.0          $1.82
forward everything       0        0         3 of 3  1,000.0  1,000.0  600.0        0.0     0.0      0.0          $1.20
per-POP only             0        0         3 of 3      0.0      0.0    0.0        0.0     0.0      0.0          $0.00
`);
  });
});

describe("a table of thresholds and spreads", { concurrent: false }, () => {
  test("has a row for each pair, then the two comparisons, and says which thresholds were clipped", async () => {
    const found = await sweep(
      requests(every(500, 200)),
      rule('limit = 5\nwindow = "1h"\nthreshold = 3'),
      "--thresholds",
      "1,9",
      "--spreads",
      "1,4",
    );
    expect(found.clipped).toEqual([{ rule: "all", limit: 5, below: [9] }]);
    expect(
      found.rows.map(({ threshold, spread, counting: { name, peak } }) => [
        name,
        threshold,
        spread,
        peak.bound,
      ]),
    ).toEqual([
      ["onecount", 1, 1, 5],
      ["onecount", 1, 4, 5],
      ["onecount", 9, 1, 5],
      ["onecount", 9, 4, 5 + 3 * 4],
      ["forward everything", undefined, undefined, 5],
      ["per-POP only", undefined, 1, 5],
      ["per-POP only", undefined, 4, 20],
    ]);
    const text = formatSweep(found);
    expect(text).toContain("200 requests of 1 client over LHR CDG CHI TYO in virtual time");
    expect(text).toContain(`
| threshold          | spread | wrong decisions | peak of bound |`);
    expect(text).toContain(`
| per-POP only       | 4      | 15 (+15 −0)     | 20 of 20      | 0.0 %   | 0.0                   | $0.00            |
`);
    expect(text).toContain("Thresholds above the limit of rule all (9) were run as its limit, 5.\n");
  });

  test("has an automatic threshold among the others, which begins as a fixed one for four isolates", async () => {
    const log = requests(every(500, 200));
    const fields = 'limit = 40\nwindow = "1h"\nthreshold = "auto"\nexcess_max = 0.2';
    const found = await sweep(log, rule(fields), "--thresholds", "auto,3", "--spreads", "4");
    const [auto, fixed] = found.rows;
    expect([auto?.threshold, fixed?.threshold]).toEqual(["auto", 3]);
    expect(auto?.counting.peak).toEqual({ rule: "all", admitted: 40, bound: 40 + 3 * 2 });
    expect(auto?.waited).toBe(fixed?.waited);
    expect(formatSweep(found)).toContain("\n| auto               | 4      | ");
  });

  test("has the row that a run with that threshold alone would report", async () => {
    const log = requests(every(300, 100)) + requests(every(700, 50), "203.0.113.10");
    const fields = 'limit = 12\nwindow = "20s"\nthreshold = 4';
    const options = ["--spreads", "1,3", "--thresholds", "2,4"];
    const row = (await sweep(log, rule(fields), ...options)).rows.find(
      ({ threshold, spread }) => threshold === 4 && spread === 3,
    );
    expect(row?.counting).toEqual(counting(await run(log, rule(fields), "--spread", "3"), "onecount"));
  });
});
