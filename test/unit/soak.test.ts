/** The soak's judgement: minutes from readings, flat or not, the rate that keeps a machine busy, who still waits. */
import { describe, expect, test } from "vitest";
import { PLANS, SOAK_LOGIN } from "../../loadtest/k6/plans.ts";
import { rulesOf } from "../../loadtest/k6/rules.ts";
import { calibrate, next, type Step } from "../../loadtest/k6/soaking/calibrate.ts";
import { busiestShare, busyShare, residentIn } from "../../loadtest/k6/soaking/machine.ts";
import { isFlat, type MemorySample, memoryOf, minutesIn } from "../../loadtest/k6/soaking/memory.ts";
import { reportOf, soakRows } from "../../loadtest/k6/soaking/report.ts";
import { parseRules } from "../../shared/rule.ts";

/** Readings of two isolates, one each `everyMs`; the POP's memory is `bytes` of the time. */
function readings(seconds: number, bytes: (atMs: number) => number, everyMs = 5_000): MemorySample[] {
  return Array.from({ length: Math.ceil((1_000 * seconds) / everyMs) }, (_, index) => {
    const atMs = index * everyMs;
    const heaps = [
      { isolate: "core", bytes: 3e6 },
      { isolate: "pop-LHR", bytes: bytes(atMs) },
    ];
    return { atMs, heaps, resident: 2e8 };
  });
}
const left = { waiting: 0, out: 0 };
const seen = { rate: 9, share: 0.7, steps: [], minutes: 3, hungUp: 5, left, printed: [], exitCode: 0 };

describe("memory", () => {
  test("of a minute is what stays, whatever most of its moments held", () => {
    const samples = readings(180, (atMs) =>
      atMs % 60_000 === 20_000 ? 1e7 + Math.floor(atMs / 60_000) : 9e7,
    );
    expect(memoryOf(samples, 3)).toEqual([
      { isolate: "core", minutes: [3e6, 3e6, 3e6], growth: 0 },
      { isolate: "pop-LHR", minutes: [1e7, 1e7 + 1, 1e7 + 2], growth: expect.closeTo(2e-7, 9) },
    ]);
  });

  test("counts full minutes only: neither what was read after the last, nor a minute that was cut short", () => {
    const samples = readings(185, (atMs) => (atMs < 180_000 ? 1e7 : 9e7));
    expect(memoryOf(samples, 3)[1]?.minutes).toEqual([1e7, 1e7, 1e7]);
    expect([59, 60, 119, 180].map(minutesIn)).toEqual([0, 1, 1, 3]);
  });

  test("is flat up to 5 % above the first minute, and when it falls", () => {
    const growing = (percent: number) =>
      memoryOf(
        readings(180, (atMs) => 1e7 * (1 + (percent * atMs) / 12e6)),
        3,
      );
    expect([-20, 0, 4.9, 5.1, 40].map((percent) => growing(percent).every(isFlat))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  test("is not judged by one minute, and no reading at all is no sign of flatness in the report", () => {
    const short = reportOf({ ...seen, minutes: 1, samples: readings(60, (atMs) => 1e7 + 100 * atMs) });
    expect(short.failures).toEqual([]);
    expect(short.memory.map(({ growth }) => growth)).toEqual([null, null]);
    expect(soakRows(short).flat().join("\n")).toContain("not judged");
    expect(reportOf({ ...seen, samples: [] }).failures).toEqual(["memory was not read in every minute"]);
  });
});

describe("a soak", () => {
  const flat = readings(180, () => 1e7);

  test("passes when memory is flat, nobody waits and nothing was printed", () => {
    const report = reportOf({ ...seen, samples: flat });
    expect(report.failures).toEqual([]);
    expect(soakRows(report).at(-1)).toEqual(["soak", "✓ passed"]);
  });

  test("fails with its script, for an isolate that grows, for a request or an Ask left behind, for a line that was printed", () => {
    const failuresOf = (other: object): readonly string[] =>
      reportOf({ ...seen, samples: flat, ...other }).failures;
    expect(failuresOf({ samples: readings(180, (atMs) => 1e7 + 10 * atMs) })).toEqual([
      "memory grows in pop-LHR",
    ]);
    expect(failuresOf({ left: { waiting: 2, out: 1 } })).toEqual([
      "2 requests still wait",
      "1 Ask is still out",
    ]);
    expect(failuresOf({ exitCode: 99 })).toEqual(["the script has failed"]);
    expect(failuresOf({ printed: ["limiter-fault"] })).toEqual(["the Workers printed 1 line"]);
  });

  test("has rules that the limiter takes, of which one shares its owners", () => {
    const parsed = parseRules(rulesOf("soak", PLANS.soak));
    expect(parsed).toMatchObject({ ok: true });
    expect(parsed.ok && parsed.rules.map(({ owners }) => owners)).toEqual([0, SOAK_LOGIN.owners]);
  });
});

describe("the machine", () => {
  const core = (busy: number, idle: number) => ({ times: { user: busy, nice: 0, sys: 0, irq: 0, idle } });

  test("is as busy as all of its cores together", () => {
    expect(busyShare([core(100, 500), core(7, 7)], [core(190, 510), core(57, 57)])).toBeCloseTo(0.7);
    expect(busyShare([core(1, 1)], [core(1, 1)])).toBe(0);
  });

  test("is as busy as the thread of a server that rests least", () => {
    const before = new Map([
      ["1", 5e9],
      ["2", 1e9],
    ]);
    const after = new Map([
      ["1", 5.1e9],
      ["2", 1.35e9],
      // One that was not there before is not judged.
      ["3", 9e9],
    ]);
    expect(busiestShare(before, after, 500)).toBeCloseTo(0.7);
    expect(busiestShare(before, after, 100)).toBe(1);
    expect(busiestShare(new Map(), new Map(), 500)).toBe(0);
  });

  test("says in /proc what a process holds, in KiB", () => {
    expect(residentIn("Name:\tworkerd\nVmHWM:\t  300000 kB\nVmRSS:\t  238308 kB\nRssAnon:\t 1 kB\n")).toBe(
      1_024 * 238_308,
    );
    expect(residentIn("Name:\tkthreadd\n")).toBeUndefined();
  });
});

describe("the calibration", () => {
  /** A machine on which others keep `base` busy, each iteration costs `perRate`, and `edge` is the most it can. */
  const machine = (base: number, perRate: number, edge = Number.POSITIVE_INFINITY) => {
    const tried: number[] = [];
    const take = async (rate: number): Promise<Step> => {
      tried.push(rate);
      return { rate, share: Math.min(1, base + perRate * Math.min(rate, edge)), kept: rate <= edge };
    };
    return { tried, take };
  };

  test.each([
    [0, 0.001],
    [0, 0.01],
    [0.05, 0.004],
    [0.2, 0.0001],
  ])(
    "finds the rate that keeps 70 %% busy, with %d busy anyway and %d for each iteration",
    async (base, perRate) => {
      const { tried, take } = machine(base, perRate);
      const { found } = await calibrate(take);
      expect(found).toMatchObject({ kind: "hold", reached: true });
      const share = found.kind === "hold" ? base + perRate * found.rate : 0;
      expect(share).toBeGreaterThan(0.67);
      expect(share).toBeLessThan(0.73);
      expect(tried).toEqual(tried.toSorted((a, b) => a - b));
      tried.forEach((rate, index) => {
        expect(rate).toBeLessThanOrEqual(2 * (tried[index - 1] ?? 10));
      });
    },
  );

  test("goes below its first step where that is too much already", async () => {
    const { found } = await calibrate(machine(0, 0.07).take);
    expect(found).toEqual({ kind: "hold", rate: 14, reached: true });
  });

  test("keeps away from the edge where the cluster is at its limit before the machine is busy", async () => {
    const { tried, take } = machine(0, 0.004, 100);
    const { found } = await calibrate(take);
    expect(found).toMatchObject({ kind: "hold", reached: false });
    expect(found.kind === "hold" && found.rate).toBeGreaterThan(80);
    expect(found.kind === "hold" && found.rate).toBeLessThanOrEqual(90);
    expect(tried.length).toBeLessThanOrEqual(10);
  });

  test("keeps away from the edge also where the machine is as busy as it should be just before it", () => {
    const steps = [
      { rate: 100, share: 0.55, kept: true },
      { rate: 131, share: 0.72, kept: false },
      { rate: 123, share: 0.7, kept: true },
    ];
    expect(next(steps)).toEqual({ kind: "hold", rate: 111, reached: true });
    expect(next([{ rate: 160, share: 0.9, kept: false }, ...steps.toSpliced(1, 1)])).toEqual({
      kind: "hold",
      rate: 123,
      reached: true,
    });
  });

  test("gives up where not even the first rate is kept", async () => {
    expect(await calibrate(machine(0, 0.01, 5).take)).toMatchObject({ found: { kind: "hopeless" } });
  });

  test("ends also on a machine whose share says nothing", () => {
    const steps: Step[] = [];
    for (let taken = next(steps); taken.kind === "step"; taken = next(steps)) {
      steps.push({ rate: taken.rate, share: 0, kept: true });
      expect(steps.length).toBeLessThan(20);
    }
    expect(next(steps)).toMatchObject({ kind: "hold", reached: false });
  });
});
