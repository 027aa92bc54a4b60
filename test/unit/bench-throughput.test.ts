/** What the throughput is computed from: processor times, ratios and goals. No test takes a time. */
import { describe, expect, test } from "vitest";
import { cpuNanoseconds, schedstatNanoseconds, statNanoseconds } from "../../loadtest/bench/cpu.ts";
import { formatThroughput } from "../../loadtest/bench/format-throughput.ts";
import { interleave } from "../../loadtest/bench/interleave.ts";
import { figuresOf, goalOf, type ScenarioFigures } from "../../loadtest/bench/throughput.ts";
import { requestText, SCENARIOS, type Scenario } from "../../loadtest/bench/throughput-scenarios.ts";
import { parseRules } from "../../shared/rule.ts";

const [QUIET] = SCENARIOS as readonly [Scenario];

describe("processor time", () => {
  test("is the first field of a thread's schedstat, in nanoseconds", () => {
    expect(schedstatNanoseconds("36486726 77760030 116\n")).toBe(36_486_726);
  });

  test("is not told by a schedstat that says nothing", () => {
    expect(schedstatNanoseconds("")).toBeUndefined();
    expect(schedstatNanoseconds("no\n")).toBeUndefined();
  });

  test("is user and kernel time of a stat, in ticks of 10 ms, whatever the command is called", () => {
    const fields = "S 1 1 1 0 -1 4194560 37583 0 0 0 402 1570 9 9 20 0 13 0 24";
    expect(statNanoseconds(`7 (workerd) ${fields}`)).toBe(19_720_000_000);
    expect(statNanoseconds(`7 (a ) S (b) ${fields}`)).toBe(19_720_000_000);
    expect(statNanoseconds("7")).toBeUndefined();
  });

  test.runIf(process.platform === "linux")("of this process never goes back", () => {
    const before = cpuNanoseconds(process.pid);
    expect(before).toBeGreaterThan(0);
    expect(cpuNanoseconds(process.pid)).toBeGreaterThanOrEqual(before);
  });

  test("of a process that is not there is one line", () => {
    expect(() => cpuNanoseconds(2 ** 30)).toThrow(/^the processor time of a process cannot be read: [^\n]+$/);
  });
});

/** Figures of sides whose every run takes these nanoseconds in turn: each run is of one request. */
async function figuresWith(without: number[], limited: number[]): Promise<ScenarioFigures> {
  let now = 0;
  const variant = (name: string, times: readonly number[]) => {
    let run = 0;
    const took = () => {
      now += times[run % times.length] ?? 0;
      run += 1;
    };
    return { name, operations: 1, run: took, now: () => now };
  };
  const measured = await interleave(
    [variant("without", without), variant("with", limited)],
    [{ faster: "with", slower: "without" }],
    // A clock that stands still: what the variants say of themselves counts.
    { rounds: 7, warmUps: 0, now: () => 0 },
  );
  return figuresOf(QUIET, measured, [10_000, 5_000]);
}

describe("figures", () => {
  test("are processor seconds for 100,000 requests, by the clock of each side's own server", async () => {
    const { without, with: limited } = await figuresWith([60_000], [80_000]);
    expect(without.cpuSeconds).toBe(6);
    expect(without.spread).toEqual({ least: 6, most: 6 });
    expect(limited.cpuSeconds).toBe(8);
  });

  test("tell requests per second besides", async () => {
    const { without, with: limited } = await figuresWith([60_000], [80_000]);
    expect([without.requestsPerSecond, limited.requestsPerSecond]).toEqual([10_000, 5_000]);
  });

  test("the ratio is what is left of the throughput: below 1 where the limiter costs something", async () => {
    expect((await figuresWith([60_000], [80_000])).ratio).toBe(0.75);
    expect((await figuresWith([60_000], [60_000])).ratio).toBe(1);
  });

  test("the noise is that of the side which differs more from itself", async () => {
    const { noise } = await figuresWith([100, 101], [100, 125]);
    expect(noise).toBeCloseTo(0.25);
    expect((await figuresWith([100, 110], [100, 101])).noise).toBeCloseTo(0.1);
  });
});

describe("goals", () => {
  const figures = (ratio: number, noise: number) => ({ ratio, noise }) as ScenarioFigures;
  const isMet = (ratio: number, noise: number) => goalOf({ ...QUIET, goal: 0.9 }, figures(ratio, noise)).met;

  test("are met at the goal and above, missed below it", () => {
    expect(isMet(0.9, 0)).toBe(true);
    expect(isMet(0.95, 0)).toBe(true);
    expect(isMet(0.899, 0)).toBe(false);
  });

  test("are missed by what noise alone may have put above them", () => {
    expect(isMet(0.93, 0.03)).toBe(true);
    expect(isMet(0.92, 0.03)).toBe(false);
  });

  test("a ratio that could not be measured meets none", () => {
    expect(isMet(Number.NaN, 0)).toBe(false);
    expect(isMet(1, Number.NaN)).toBe(false);
  });
});

describe("scenarios", () => {
  test("have rules that a wrangler.toml may have, and the goals that are promised", () => {
    for (const { rules } of SCENARIOS) expect(parseRules(rules)).toMatchObject({ ok: true });
    expect(SCENARIOS.map(({ name, goal }) => [name, goal])).toEqual([
      ["quiet", 0.9],
      ["blocked", 0.9],
      ["flood", 0.85],
      ["rules", 0.85],
    ]);
  });

  test("one has 40 rules", () => {
    expect(SCENARIOS.find(({ name }) => name === "rules")?.rules.length).toBe(40);
  });

  test("quiet clients come again, one that is blocked is always the same, those of a flood never come again", () => {
    const distinct = SCENARIOS.map(
      ({ address }) => new Set(Array.from({ length: 30_000 }, (_, index) => address(index))).size,
    );
    expect(distinct).toEqual([10_000, 1, 30_000, 10_000]);
  });

  test("a request names its client where Cloudflare does", () => {
    expect(requestText("127.0.0.1:8", "/a", "203.0.113.9")).toBe(
      "GET /a HTTP/1.1\r\nHost: 127.0.0.1:8\r\nUser-Agent: onecount-bench\r\nAccept: */*\r\n" +
        "CF-Connecting-IP: 203.0.113.9\r\n\r\n",
    );
  });
});

test("text: both sides with their A/A, the ratio with its noise, and whether the goal is met", async () => {
  const scenario = await figuresWith([60_000], [80_000]);
  const text = formatThroughput({
    rounds: 15,
    warmUps: 1,
    requestsPerTurn: 6_000,
    connections: 32,
    scenarios: [scenario],
    goals: [goalOf(QUIET, scenario)],
  });
  expect(
    text,
  ).toBe(`The Worker in workerd without a limiter and with it, over 32 connections: processor seconds of the server
for 100,000 requests, medians of 15 rounds of 2 × 6,000 requests

                        CPU s        rounds  against itself          rounds  requests/s
quiet clients, without   6.00  6.00 to 6.00           1.00×  1.00× to 1.00×      10,000
quiet clients, with      8.00  8.00 to 8.00           1.00×  1.00× to 1.00×       5,000

quiet clients: 0.75 of the throughput is left (0.75 to 0.75), noise 0.0 %

missed quiet clients: at least 0.90 of the throughput is left, beyond the noise: 0.75`);
});
