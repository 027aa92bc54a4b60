/** The built-in runner for k6 scripts, in virtual time, and what the command makes of k6's own figures. */
import { describe, expect, test } from "vitest";
import { PLANS } from "../../loadtest/k6/plans.ts";
import { reportOf } from "../../loadtest/k6/report.ts";
import { boundOf, ruleOf, windowsTouched } from "../../loadtest/k6/rules.ts";
import { countersIn, findK6, installHint } from "../../loadtest/k6/run-k6.ts";
import type { Clock } from "../../loadtest/k6/runner/clock.ts";
import { only } from "../../loadtest/k6/runner/error.ts";
import { GRACE_MS, runArrivals, runShared } from "../../loadtest/k6/runner/executor.ts";
import { Registry } from "../../loadtest/k6/runner/metrics.ts";
import { readScenarios } from "../../loadtest/k6/runner/scenarios.ts";
import { constantArrivals, durationOf, rampingArrivals } from "../../loadtest/k6/runner/schedule.ts";
import { evaluate, parseCondition, readThresholds } from "../../loadtest/k6/runner/thresholds.ts";
import { parseRules } from "../../shared/rule.ts";

/** Time that jumps to the next thing that anybody waits for. */
class VirtualClock implements Clock {
  #now = 1_000;
  #waiting: { due: number; wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  until(due: number): Promise<void> {
    return new Promise((wake) => this.#waiting.push({ due, wake }));
  }

  /** Lets time pass until `work` is done. */
  async during<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const end = (): void => {
      done = true;
    };
    work.then(end, end);
    for (;;) {
      // All that follows from what has happened so far comes first.
      await new Promise((resolve) => setImmediate(resolve));
      if (done) return work;
      this.#waiting.sort((a, b) => a.due - b.due);
      const next = this.#waiting.shift();
      if (next === undefined) throw new Error("nobody waits for anything");
      this.#now = Math.max(this.#now, next.due);
      next.wake();
    }
  }
}

/** Iterations of a length, and when they started. */
function iterationsOf(clock: VirtualClock, lengthMs: number) {
  const starts: { at: number; vu: number; iteration: number }[] = [];
  const began = clock.now();
  const iterate = async (vu: number, iteration: number): Promise<void> => {
    starts.push({ at: clock.now() - began, vu, iteration });
    await clock.until(clock.now() + lengthMs);
  };
  return { starts, iterate };
}

describe("a threshold", () => {
  test("is read with its aggregate, operator and value", () => {
    expect(parseCondition("p(95)<1000")).toEqual({ aggregate: "p(95)", operator: "<", value: 1000 });
    expect(parseCondition(" count == 0 ")).toEqual({ aggregate: "count", operator: "==", value: 0 });
    expect(parseCondition("rate>=0.99")).toEqual({ aggregate: "rate", operator: ">=", value: 0.99 });
  });

  test.each([
    "count=0",
    "count===0",
    "p95<1",
    "count<",
    "count<a",
    "count<1 && count>0",
    { threshold: "count<1" },
  ])("that cannot be read is refused: %j", (text) => {
    expect(() => parseCondition(text)).toThrow("cannot read the threshold");
  });

  test("passes or fails by what was measured", () => {
    const registry = new Registry();
    registry.declare("admitted", "counter");
    registry.declare("ok", "rate");
    registry.declare("took", "trend");
    const thresholds = readThresholds(
      {
        admitted: ["count<=3", "count<3", "rate==1.5", "count!=3"],
        "admitted{pop:LHR}": ["count==2"],
        "admitted{pop:TYO}": ["count==0"],
        ok: ["rate==0.75"],
        took: ["min==0", "max<=40", "med==20", "p(75)==30", "p(90)>36", "avg>20"],
        "took{pop:TYO}": ["p(95)<1"],
      },
      registry,
    );
    registry.add("admitted", 2, { pop: "LHR", client: "1" });
    registry.add("admitted", 1);
    for (const ok of [true, true, false, true]) registry.add("ok", ok);
    for (const took of [40, 0, 20, 10, 30]) registry.add("took", took, { pop: "LHR" });
    const failed = thresholds
      .map((threshold) => evaluate(threshold, 2))
      .filter(({ passed }) => !passed)
      .map(({ metric, text, found }) => [metric, text, Number(found.toFixed(6))]);
    expect(failed).toEqual([
      ["admitted", "count<3", 3],
      ["admitted", "count!=3", 3],
      ["took", "p(90)>36", 36],
      ["took", "avg>20", 20],
    ]);
  });

  test("of another run in the same process is judged by what that run measured alone", () => {
    const registry = new Registry();
    registry.declare("admitted", "counter");
    registry.declare("took", "trend");
    const given = { admitted: ["count==1"], "admitted{pop:LHR}": ["count==1"], took: ["max==5"] };
    readThresholds(given, registry);
    registry.add("admitted", 7, { pop: "LHR" });
    registry.add("took", 9);
    registry.clear();
    registry.add("admitted", 1, { pop: "LHR" });
    registry.add("took", 5);
    const verdicts = readThresholds(given, registry).map((threshold) => evaluate(threshold, 1));
    expect(verdicts.map(({ passed }) => passed)).toEqual([true, true, true]);
  });

  test("is refused when there is no such metric, or no such aggregate of it", () => {
    const registry = new Registry();
    registry.declare("admitted", "counter");
    expect(() => readThresholds({ granted: ["count<1"] }, registry)).toThrow("there is no metric granted");
    expect(() => readThresholds({ admitted: ["p(95)<1"] }, registry)).toThrow("no p(95) of a counter");
    expect(() => readThresholds({ admitted: "count<1" }, registry)).toThrow("not a list");
  });
});

describe("the schedule", () => {
  test("at a constant rate starts at once and ends before the end", () => {
    expect([...constantArrivals(4, 1_000, 1_000)]).toEqual([0, 250, 500, 750]);
    expect([...constantArrivals(50, 1_000, 20_000)]).toHaveLength(1_000);
    expect([...constantArrivals(0, 1_000, 20_000)]).toEqual([]);
  });

  test("of a ramp follows the area under the rate", () => {
    // From 0 to 8 a second within 4 s: the area is t², so the n-th starts at √n seconds.
    const up = [...rampingArrivals(0, 1_000, [{ target: 8, durationMs: 4_000 }])];
    expect(up).toHaveLength(16);
    up.forEach((at, index) => {
      expect(at).toBeCloseTo(1_000 * Math.sqrt(index + 1), 6);
    });
  });

  test("goes on over stages: up, along, a jump, down to nothing", () => {
    const stages = [
      { target: 10, durationMs: 2_000 },
      { target: 10, durationMs: 1_000 },
      { target: 20, durationMs: 0 },
      { target: 0, durationMs: 1_000 },
    ];
    const all = [...rampingArrivals(0, 1_000, stages)];
    const inStage = (from: number, to: number): number =>
      all.filter((at) => at > from && at <= to + 1e-6).length;
    expect([inStage(0, 2_000), inStage(2_000, 3_000), inStage(3_000, 4_000)]).toEqual([10, 10, 10]);
    expect(all).toEqual(all.toSorted((a, b) => a - b));
    expect(all.slice(10, 13).map(Math.round)).toEqual([2_100, 2_200, 2_300]);
  });

  test("reads lengths of time as k6 writes them", () => {
    expect(["250ms", "1.5s", "2m", "1h"].map((text) => durationOf("it", text))).toEqual([
      250, 1_500, 120_000, 3_600_000,
    ]);
    expect(() => durationOf("s.duration", "10")).toThrow('s.duration is "10"');
    expect(() => durationOf("s.duration", undefined)).toThrow("s.duration is undefined");
  });
});

describe("iterations", () => {
  test("start at their times however long they take, when there are VUs", async () => {
    const clock = new VirtualClock();
    const { starts, iterate } = iterationsOf(clock, 900);
    const load = { arrivals: constantArrivals(10, 1_000, 1_000), preAllocatedVUs: 10, maxVUs: 10 };
    const outcome = await clock.during(runArrivals(load, iterate, clock));
    expect(outcome).toEqual({ started: 10, dropped: 0, interrupted: 0 });
    expect(starts.map(({ at }) => at)).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    expect(starts.map(({ iteration }) => iteration)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("that find no free VU are dropped and never made up for", async () => {
    const clock = new VirtualClock();
    const { starts, iterate } = iterationsOf(clock, 450);
    const load = { arrivals: constantArrivals(10, 1_000, 1_000), preAllocatedVUs: 2, maxVUs: 2 };
    const outcome = await clock.during(runArrivals(load, iterate, clock));
    expect(outcome).toEqual({ started: 4, dropped: 6, interrupted: 0 });
    expect(starts.map(({ at }) => at)).toEqual([0, 100, 500, 600]);
    expect(new Set(starts.map(({ vu }) => vu))).toEqual(new Set([1, 2]));
  });

  test("are dropped while VUs are added, up to maxVUs", async () => {
    const clock = new VirtualClock();
    const { starts, iterate } = iterationsOf(clock, 10_000);
    const load = { arrivals: constantArrivals(10, 1_000, 1_000), preAllocatedVUs: 1, maxVUs: 3 };
    const outcome = await clock.during(runArrivals(load, iterate, clock));
    expect(outcome).toEqual({ started: 3, dropped: 7, interrupted: 0 });
    expect(starts.map(({ at }) => at)).toEqual([0, 200, 400]);
  });

  test("that do not end are interrupted after the grace", async () => {
    const clock = new VirtualClock();
    const { iterate } = iterationsOf(clock, 3 * GRACE_MS);
    const load = { arrivals: [0], preAllocatedVUs: 1, maxVUs: 1 };
    const outcome = await clock.during(runArrivals(load, iterate, clock));
    expect(outcome).toEqual({ started: 1, dropped: 0, interrupted: 1 });
    expect(clock.now()).toBe(1_000 + GRACE_MS);
  });

  test("end the run when the runner itself cannot do what they want", async () => {
    const clock = new VirtualClock();
    const load = { arrivals: constantArrivals(10, 1_000, 1_000), preAllocatedVUs: 9, maxVUs: 9 };
    let started = 0;
    const iterate = async (): Promise<void> => {
      started += 1;
      throw new Error("no");
    };
    await expect(clock.during(runArrivals(load, iterate, clock))).rejects.toThrow("no");
    expect(started).toBe(1);
  });

  test("that are shared count as dropped when maxDuration leaves no time for them", async () => {
    const clock = new VirtualClock();
    const { starts, iterate } = iterationsOf(clock, 400);
    const shared = { vus: 2, iterations: 7, maxDurationMs: 1_000 };
    const outcome = await clock.during(runShared(shared, iterate, clock));
    expect(outcome).toEqual({ started: 6, dropped: 1, interrupted: 0 });
    expect(starts.map(({ at }) => at)).toEqual([0, 0, 400, 400, 800, 800]);
  });
});

test("what the runner cannot do is refused before the run", () => {
  const refused = (scenario: object): (() => unknown) => {
    return () => readScenarios({ load: scenario });
  };
  expect(refused({ executor: "ramping-vus" })).toThrow('has no executor "ramping-vus"');
  expect(refused({ executor: "shared-iterations", exec: "other" })).toThrow("has no exec of load");
  expect(
    refused({ executor: "constant-arrival-rate", rate: 1.5, duration: "1s", preAllocatedVUs: 1 }),
  ).toThrow("load.rate is 1.5: a whole number is needed");
  expect(refused({ executor: "constant-arrival-rate", rate: 1, preAllocatedVUs: 1 })).toThrow(
    "load.duration",
  );
  expect(() => readScenarios({})).toThrow("no scenario");
  const exec: Record<string, number> = only("exec", { known: 1 });
  expect(exec.known).toBe(1);
  expect(() => exec.instance).toThrow("has no exec.instance: run this script with k6");
});

describe("the command", () => {
  test("has a usable rule for each script, and knows the windows of a run", () => {
    for (const [name, plan] of Object.entries(PLANS)) {
      expect(parseRules([ruleOf(name, plan)])).toMatchObject({ ok: true });
    }
    expect(boundOf(PLANS.slide, 4)).toBe(19);
    expect(boundOf(PLANS["credential-stuffing"], 4)).toBe(7);
    const minute = 60_000;
    const plan = { ...PLANS.soak, windowSeconds: 60 };
    expect(windowsTouched({ ...plan, seconds: 45 }, 100 * minute)).toBe(1);
    expect(windowsTouched({ ...plan, seconds: 55 }, 100 * minute)).toBe(2);
    expect(windowsTouched({ ...plan, seconds: 600 }, 100 * minute + 1)).toBe(11);
  });

  test("counts the excess by client where the script tells clients apart", () => {
    const ran = {
      script: "soak",
      runner: "built-in",
      exitCode: 0,
      plan: { ...PLANS.soak, limit: 60 },
      windows: 1,
      pops: ["LHR", "TYO"],
    };
    const state = { now: 0, pops: [], owners: [], announcements: 0 };
    const report = (counters: Record<string, number>) =>
      reportOf({ ...ran, state, counters: new Map(Object.entries(counters)) });
    const found = report({
      admitted: 125,
      denied: 75,
      waited: 50,
      "admitted{client:0}": 62,
      "admitted{client:1}": 63,
    });
    expect(found).toMatchObject({ excess: 5, waitedShare: 0.25, claims: 0, bound: 63, admitted: 125 });
    expect(report({ admitted: 61, denied: 1 })?.excess).toBe(1);
    expect(report({ admitted: 500, denied: 0 })?.excess).toBe(0);
    expect(report({ admitted: 500, denied: 9, excess: 3 })?.excess).toBe(3);
    expect(report({})).toBeUndefined();
  });

  test("reads k6's summary, says how to get k6 where there is none", async () => {
    const metrics = {
      admitted: { count: 3, rate: 1 },
      checks: { passes: 1 },
      "admitted{client:0}": { count: 2 },
    };
    expect(Object.fromEntries(countersIn(JSON.stringify({ metrics })))).toEqual({
      admitted: 3,
      "admitted{client:0}": 2,
    });
    expect(countersIn("{}").size).toBe(0);
    expect(await findK6({ K6: "/nonexistent/k6" })).toBe("there is no k6 at $K6 (/nonexistent/k6)");
    expect(await findK6({ K6: process.execPath })).toMatch(/^there is no k6|^what is at \$K6/);
    expect(installHint("darwin", {})).toBe("brew install k6");
    expect(installHint("win32", {})).toMatch(/^winget install k6/);
    expect(installHint("linux", {})).toContain("https://grafana.com/docs/k6");
  });
});
