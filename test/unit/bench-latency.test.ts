/** The benchmark's added latency: which requests it sends, what it makes of their times, its goals and its text. */
import { describe, expect, test } from "vitest";
import { latencyRounds, measuredPops } from "../../loadtest/bench/latency.ts";
import {
  type LatencyFigure,
  latencyFigures,
  type MeasuredPop,
  type Round,
} from "../../loadtest/bench/latency-figures.ts";
import { formatLatency } from "../../loadtest/bench/latency-format.ts";
import { latencyGoals, leasedGoals } from "../../loadtest/bench/latency-goals.ts";
import {
  type Load,
  makeBusy,
  type Run,
  type RunInput,
  randomMoments,
  runOnce,
} from "../../loadtest/bench/latency-load.ts";
import type { Sample, Way } from "../../loadtest/bench/latency-way.ts";
import { seededRandom } from "../../loadtest/tools/random.ts";

const POPS: readonly MeasuredPop[] = [
  { name: "LHR", roundTripMs: 5 },
  { name: "TYO", roundTripMs: 100 },
];

const at = (pop: number, ...times: number[]): Sample[] => times.map((ms) => ({ pop, ms, decision: "" }));
const runOf = (run: Partial<Run>): Run => ({
  free: [],
  quiet: [],
  sequential: [],
  random: [],
  inFlight: [],
  ...run,
});
const figuresOf = (...rounds: Round[]): readonly LatencyFigure[] =>
  latencyFigures([{ name: "ours", rounds }], POPS);
const only = (figures: readonly LatencyFigure[], shape: string, pop: string): LatencyFigure | undefined =>
  figures.find((figure) => figure.shape === shape && figure.pop === pop);

describe("figures", () => {
  test("added is what is beyond the same POP's and round's median answer without a limiter", () => {
    const slow = runOf({ free: [...at(0, 1), ...at(1, 50)], sequential: at(1, 150) });
    const fast = runOf({ free: at(1, 10), sequential: at(1, 120) });
    const figure = only(figuresOf([slow, slow], [fast, fast], [fast, fast]), "sequential", "TYO");
    expect(figure).toMatchObject({ zeroMs: 10, p50Ms: 110, p99Ms: 110, requests: 6, roundTripMs: 100 });
    expect(figure?.spread).toEqual({ least: 100, most: 110 });
  });

  test("one slow round moves no median, but its requests are among the slowest", () => {
    const usual = runOf({ random: at(0, 7) });
    const slow = runOf({ random: at(0, 900) });
    const figure = only(figuresOf([usual, usual], [slow, slow], [usual, usual]), "random", "LHR");
    expect(figure).toMatchObject({ p50Ms: 7, p99Ms: 900 });
  });

  test("a way without a server adds all it takes", () => {
    const run = runOf({ quiet: at(0, 5, 6, 7) });
    expect(only(figuresOf([run, run]), "quiet", "LHR")).toMatchObject({ zeroMs: 0, p50Ms: 6 });
  });

  test("a way against itself is its second run's median over its first's", () => {
    const first = runOf({ inFlight: at(0, 10) });
    const second = runOf({ inFlight: at(0, 15) });
    expect(only(figuresOf([first, second], [second, first]), "inFlight", "LHR")?.same).toEqual({
      median: (1.5 + 10 / 15) / 2,
      spread: { least: 10 / 15, most: 1.5 },
    });
  });

  test("decisions are counted at each POP", () => {
    const quiet = [
      { pop: 0, ms: 1, decision: "credit" },
      { pop: 0, ms: 1, decision: "owner" },
      { pop: 1, ms: 1, decision: "credit" },
    ];
    const figures = figuresOf([runOf({ quiet }), runOf({ quiet })]);
    expect(only(figures, "quiet", "LHR")?.decisions).toEqual({ credit: 2, owner: 2 });
    expect(only(figures, "quiet", "TYO")?.decisions).toEqual({ credit: 2 });
  });
});

/** Figures of every shape at one POP, 100 ms away, that meet every goal; with one of them changed. */
function goodFigures(shape = "", change: Partial<LatencyFigure> = {}): readonly LatencyFigure[] {
  const base = {
    way: "ours",
    pop: "TYO",
    roundTripMs: 100,
    requests: 10,
    zeroMs: 1,
    spread: { least: 1, most: 1 },
    same: { median: 1, spread: { least: 1, most: 1 } },
  };
  const owner = { owner: 10 };
  const figures: LatencyFigure[] = [
    { ...base, shape: "quiet", p50Ms: 0, p99Ms: 1, decisions: { credit: 10 } },
    { ...base, shape: "sequential", p50Ms: 105, p99Ms: 300, decisions: owner },
    { ...base, shape: "random", p50Ms: 160, p99Ms: 225, decisions: owner },
    { ...base, shape: "inFlight", p50Ms: 160, p99Ms: 225, decisions: owner },
  ];
  return figures.map((figure) => (figure.shape === shape ? { ...figure, ...change } : figure));
}

const missed = (figures: readonly LatencyFigure[]): readonly string[] =>
  latencyGoals(figures)
    .filter(({ met }) => !met)
    .map(({ text }) => text);

describe("goals", () => {
  test("are met up to their very bounds", () => {
    expect(missed(goodFigures())).toEqual([]);
    expect(latencyGoals(goodFigures())).toHaveLength(7);
  });

  test("with leases, at random moments and always in flight, are the same", () => {
    const met = (figures: readonly LatencyFigure[]): readonly string[] =>
      leasedGoals(figures).flatMap((goal) => (goal.met ? [goal.text] : []));
    expect(met(goodFigures())).toHaveLength(4);
    expect(met(goodFigures("inFlight", { p50Ms: 160.1 }))).toEqual([
      "with leases, at random moments, TYO: p50 at most 1.6 RTT, 160.0 ms",
      "with leases, at random moments, TYO: p99 at most 2 RTT + 25 ms, 225.0 ms",
      "with leases, always in flight, TYO: p99 at most 2 RTT + 25 ms, 225.0 ms",
    ]);
  });

  test.each([
    ["quiet", { decisions: { credit: 9, owner: 1 } }, /quiet client waits/],
    ["quiet", { decisions: { credit: 9 } }, /quiet client waits/],
    ["quiet", { requests: 0, decisions: {} }, /quiet client waits/],
    ["sequential", { p50Ms: 105.1 }, /one after another, TYO: p50 at most 1 RTT \+ 5 ms, 105\.0 ms/],
    ["random", { p50Ms: 160.1 }, /random moments, TYO: p50 at most 1\.6 RTT, 160\.0 ms/],
    ["random", { p99Ms: 225.1 }, /random moments, TYO: p99 at most 2 RTT \+ 25 ms, 225\.0 ms/],
    ["inFlight", { p50Ms: 160.1 }, /in flight, TYO: p50/],
    ["inFlight", { p99Ms: 225.1 }, /in flight, TYO: p99/],
    ["inFlight", { decisions: { owner: 9, degraded: 1 } }, /degraded/],
    ["sequential", { decisions: { owner: 9, degraded: 1 } }, /degraded/],
  ])("%s clients with %j miss one", (shape, change, text) => {
    expect(missed(goodFigures(shape, change))).toEqual([expect.stringMatching(text)]);
  });
});

const LOAD: Load = {
  visits: 3,
  visitEveryMs: 0,
  sequentialMs: 0,
  perSecond: 1_000,
  randomMs: 10,
  inFlight: 4,
  inFlightMs: 0,
};

/** A way that answers at the next turn and writes down who asked where. */
function witness(free: boolean): { way: Way; asked: string[]; highest: () => number } {
  const asked: string[] = [];
  let [open, highest] = [0, 0];
  const answer = async (pop: number, words: string): Promise<Sample> => {
    asked.push(words);
    open += 1;
    highest = Math.max(highest, open);
    await new Promise(setImmediate);
    open -= 1;
    return { pop, ms: 1, decision: "" };
  };
  const way: Way = {
    name: "witness",
    limited: (pop, client) => answer(pop, `${client}@${pop}`),
    ...(free ? { free: (pop: number) => answer(pop, `free@${pop}`) } : {}),
    stop: async () => undefined,
  };
  return { way, asked, highest: () => highest };
}

function inputOf(way: Way, load: Partial<Load> = {}, signal = new AbortController().signal): RunInput {
  let clients = 0;
  const newClient = (): string => {
    clients += 1;
    return `quiet-${clients}`;
  };
  const random = seededRandom(1);
  return { way, pops: 2, load: { ...LOAD, ...load }, busyClient: "busy", newClient, random, signal };
}

describe("a run", () => {
  test("has a new quiet client come to the first POP and then to every other, once", async () => {
    const { way, asked } = witness(true);
    const run = await runOnce(inputOf(way));
    const quiet = asked.filter((words) => words.startsWith("quiet"));
    expect([...quiet].sort()).toEqual([1, 2, 3].flatMap((n) => [`quiet-${n}@0`, `quiet-${n}@1`]));
    for (const n of [1, 2, 3])
      expect(quiet.indexOf(`quiet-${n}@0`)).toBeLessThan(quiet.indexOf(`quiet-${n}@1`));
    expect(run.quiet).toHaveLength(6);
  });

  test("asks as often without a limiter, and not at all where there is no server", async () => {
    const served = witness(true);
    expect((await runOnce(inputOf(served.way))).free).toHaveLength(6);
    expect(served.asked.filter((words) => words.startsWith("free"))).toHaveLength(6);
    expect((await runOnce(inputOf(witness(false).way))).free).toEqual([]);
  });

  test("the busy client sends in every other shape, at every POP", async () => {
    const { way } = witness(true);
    const run = await runOnce(inputOf(way));
    for (const shape of ["sequential", "random", "inFlight"] as const) {
      expect(new Set(run[shape].map(({ pop }) => pop))).toEqual(new Set([0, 1]));
    }
    expect(run.sequential).toHaveLength(2);
    expect(run.inFlight).toHaveLength(8);
  });

  test("keeps so many in flight at each POP, and no more", async () => {
    const { way, highest } = witness(true);
    await runOnce(inputOf(way, { visits: 0, randomMs: 0, inFlight: 9 }));
    expect(highest()).toBe(18);
  });

  test("rejects when it is stopped, and when a request fails", async () => {
    const stopped = inputOf(witness(true).way, {}, AbortSignal.abort(new Error("stopped")));
    await expect(runOnce(stopped)).rejects.toThrow("stopped");
    const { way } = witness(true);
    const broken: Way = { ...way, limited: () => Promise.reject(new Error("no answer")) };
    await expect(runOnce(inputOf(broken))).rejects.toThrow("no answer");
  });

  test("a client is made busy at the first POP before any other", async () => {
    const { way, asked } = witness(true);
    await makeBusy(inputOf(way), 2);
    expect(asked).toEqual(["busy@0", "busy@0", "busy@1", "busy@1"]);
  });

  test("random moments come at their rate, in order, the same for a seed", () => {
    const moments = randomMoments(50, 100_000, seededRandom(7));
    expect(moments.length).toBeGreaterThan(4_700);
    expect(moments.length).toBeLessThan(5_300);
    expect(moments.toSorted((a, b) => a - b)).toEqual(moments);
    expect(moments.at(-1)).toBeLessThan(100_000);
    expect(randomMoments(50, 100_000, seededRandom(7))).toEqual(moments);
  });
});

describe("the part", () => {
  test("takes half the rounds, but never fewer than make a median", () => {
    expect([7, 14, 15, 100].map(latencyRounds)).toEqual([7, 7, 8, 50]);
  });

  test("stands what counts next to the first POP, and the others as far away as their cities are", () => {
    const pops = measuredPops();
    expect(pops.map(({ name }) => name)).toEqual(["LHR", "CDG", "CHI", "TYO"]);
    expect(pops.map(({ roundTripMs }) => Math.round(roundTripMs))).toEqual([5, 10, 107, 158]);
  });
});

describe("text", () => {
  const report = {
    rounds: 8,
    load: { ...LOAD, perSecond: 50, inFlight: 20 },
    pops: POPS,
    figures: goodFigures(),
    skipped: [],
    goals: latencyGoals(goodFigures("sequential", { p50Ms: 120 })),
  };

  test("has each POP's round trip beside what is added, in ms and in round trips", () => {
    const text = formatLatency({ ...report, figures: goodFigures("sequential", { p50Ms: 104 }) });
    expect(text).toMatch(/TYO +100\.0 +ours +104\.0 +1\.04 /);
    expect(text).toContain("stands next to LHR");
    expect(text).toContain("medians of 8 rounds");
  });

  test("names a POP once for all ways", () => {
    const figures = goodFigures().flatMap((figure) => [figure, { ...figure, way: "theirs", decisions: {} }]);
    expect(formatLatency({ ...report, figures, goals: [] }).match(/TYO/g)).toHaveLength(4);
  });

  test("says how requests were decided, where that is said", () => {
    const text = formatLatency(report);
    expect(text).toContain("ours, decided: 10 by credit");
    expect(text).not.toContain("theirs, decided");
  });

  test("says which goals are missed, and what was skipped", () => {
    const text = formatLatency({ ...report, skipped: ["a way: it is not here"] });
    expect(text).toMatch(/^missed one after another, TYO: .*: 120\.00$/m);
    expect(text).toMatch(/^SKIPPED a way: it is not here$/m);
    expect(formatLatency(report)).not.toContain("SKIPPED");
  });

  test("tells the load as it was", () => {
    const text = formatLatency(report);
    expect(text).toContain("50 requests a second at random moments");
    expect(text).toContain("20 requests in flight");
  });
});
