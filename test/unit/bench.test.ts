/** The benchmark's statistics, its order of runs, what it measures, and its command line. No test takes a time. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { addressOf, CLIENTS, decideVariants, OTHERS, ours } from "../../loadtest/bench/decide.ts";
import { formatDecide, formatMachine } from "../../loadtest/bench/format.ts";
import {
  distance,
  interleave,
  median,
  noiseOf,
  spreadOf,
  type Variant,
} from "../../loadtest/bench/interleave.ts";
import { readOptions } from "../../loadtest/bench/options.ts";
import { messageOf } from "../../loadtest/tools/cli.ts";
import { canonicalAddress } from "../../shared/address.ts";

const MAIN = fileURLToPath(new URL("../../loadtest/bench/main.ts", import.meta.url));

describe("statistics", () => {
  test("the median is the middle value, or the mean of the two in the middle", () => {
    expect(median([9])).toBe(9);
    expect(median([10, 2, 1])).toBe(2);
    expect(median([100, 1, 2, 4])).toBe(3);
    expect(median([])).toBeNaN();
  });

  test("the median leaves its argument in order", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  test("the spread is the least and the most", () => {
    expect(spreadOf([2, 0.5, 1])).toEqual({ least: 0.5, most: 2 });
  });

  test("twice as fast is as far from 1 as half as fast", () => {
    expect([1, 2, 0.5, 1.25, 0.8].map(distance)).toEqual([0, 1, 1, 0.25, 0.25]);
  });

  test("the noise is what the farthest ratio shows, on either side", () => {
    expect(noiseOf([1, 1, 1])).toBe(0);
    expect(noiseOf([1, 1.25, 0.5])).toBe(1);
    expect(noiseOf([1, 1.5, 0.8])).toBe(0.5);
  });
});

/** A clock that only work moves: each run of a variant takes the next of its times, and then the last again. */
class Bench {
  now = 0;
  readonly runs: string[] = [];

  variant(name: string, times: readonly number[], more: Partial<Variant> = {}): Variant {
    let run = 0;
    return {
      name,
      operations: 1,
      run: () => {
        this.runs.push(name);
        this.now += times[Math.min(run, times.length - 1)] ?? 0;
        run += 1;
      },
      ...more,
    };
  }

  measure(variants: readonly Variant[], rounds: number, warmUps: number, claims: [string, string][] = []) {
    const tested = claims.map(([faster, slower]) => ({ faster, slower }));
    return interleave(variants, tested, { rounds, warmUps, now: () => this.now });
  }
}

describe("interleaving", () => {
  test("warms every variant, then goes through all of them twice a round", async () => {
    const bench = new Bench();
    await bench.measure([bench.variant("a", [1]), bench.variant("b", [1])], 2, 3);
    expect(bench.runs.join("")).toBe("ababab" + "abab" + "abab");
  });

  test("tells figures per operation, and leaves the warm-up out", async () => {
    const bench = new Bench();
    const slowAtFirst = bench.variant("a", [9_000, 9_000, 400], { operations: 4 });
    const { figures } = await bench.measure([slowAtFirst], 3, 2);
    expect(figures).toEqual([
      {
        name: "a",
        median: 100,
        spread: { least: 100, most: 100 },
        same: { median: 1, spread: { least: 1, most: 1 } },
      },
    ]);
  });

  test("a round is the mean of its two runs; the variant against itself is the second over the first", async () => {
    const bench = new Bench();
    const { figures } = await bench.measure([bench.variant("a", [10, 20, 40, 40, 80, 40])], 3, 0);
    expect(figures[0]).toEqual({
      name: "a",
      median: 40,
      spread: { least: 15, most: 60 },
      same: { median: 1, spread: { least: 0.5, most: 2 } },
    });
  });

  test("one slow round moves no median", async () => {
    const bench = new Bench();
    const a = bench.variant("a", [10, 10, 10, 10, 990, 990, 10]);
    const b = bench.variant("b", [40]);
    const { claims, figures } = await bench.measure([a, b], 5, 0, [["a", "b"]]);
    expect(figures.map((figure) => figure.median)).toEqual([10, 40]);
    expect(claims[0]).toMatchObject({ ratio: 4, noise: 0, beyondNoise: true });
    expect(claims[0]?.spread).toEqual({ least: 40 / 990, most: 4 });
  });

  test("a claim holds only beyond what the variants show against themselves", async () => {
    const bench = new Bench();
    const noisy = bench.variant("noisy", [10, 15, 10, 15]);
    const third = bench.variant("third", [15]);
    const double = bench.variant("double", [25]);
    const { claims } = await bench.measure([noisy, third, double], 2, 0, [
      ["noisy", "third"],
      ["noisy", "double"],
      ["third", "double"],
      ["double", "third"],
    ]);
    expect(claims).toMatchObject([
      { ratio: 1.2, noise: 0.5, beyondNoise: false },
      { ratio: 2, noise: 0.5, beyondNoise: true },
      { noise: 0, beyondNoise: true },
      { ratio: 0.6, noise: 0, beyondNoise: true },
    ]);
  });

  test("variants that take the same are not told apart", async () => {
    const bench = new Bench();
    const { claims } = await bench.measure([bench.variant("a", [7]), bench.variant("b", [7])], 7, 1, [
      ["a", "b"],
    ]);
    expect(claims).toMatchObject([{ ratio: 1, noise: 0, beyondNoise: false }]);
  });

  test("prepares before each run, outside of its time, and waits for what is a promise", async () => {
    const bench = new Bench();
    let prepared = 0;
    const { figures } = await bench.measure(
      [
        bench.variant("a", [], {
          prepare: () => {
            prepared += 1;
            bench.now += 1_000;
          },
          run: async () => {
            await new Promise(setImmediate);
            bench.now += 5;
          },
        }),
      ],
      2,
      1,
    );
    expect(prepared).toBe(5);
    expect(figures[0]?.median).toBe(5);
  });

  test("a turn may be several runs, in turn with the other variants', and is their mean", async () => {
    const bench = new Bench();
    const variants = [bench.variant("a", [1, 5, 6, 12]), bench.variant("b", [2])];
    const shares: number[] = [];
    const { figures } = await interleave(variants, [], {
      rounds: 1,
      warmUps: 0,
      slices: 2,
      now: () => bench.now,
      progress: (share) => shares.push(share),
    });
    expect(bench.runs.join("")).toBe("abababab");
    expect(figures[0]).toMatchObject({ median: 6, same: { median: 3 } });
    expect(shares.at(-1)).toBe(1);
  });

  test("goes by a variant's own clock where it has one", async () => {
    const bench = new Bench();
    let spent = 0;
    const run = (): void => {
      bench.now += 1_000;
      spent += 30;
    };
    const served = bench.variant("served", [], { operations: 10, run, now: () => spent });
    const { figures } = await bench.measure([served, bench.variant("here", [7])], 1, 0);
    expect(figures.map(({ median }) => median)).toEqual([3, 7]);
  });

  test("tells how far it is, up to the end", async () => {
    const bench = new Bench();
    const shares: number[] = [];
    const progress = (share: number): unknown => shares.push(share);
    await interleave([bench.variant("a", [1])], [], { rounds: 1, warmUps: 2, now: () => 0, progress });
    expect(shares).toEqual([0.25, 0.5, 0.75, 1]);
  });

  test("a claim about something else is a mistake", async () => {
    const bench = new Bench();
    await expect(bench.measure([bench.variant("a", [1])], 1, 0, [["a", "b"]])).rejects.toThrow(
      "a claim about b, which is not measured",
    );
  });
});

describe("what is measured", () => {
  test("clients are distinct, each with one spelling, and a fifth of them come by IPv6", () => {
    const addresses = Array.from({ length: CLIENTS }, (_, index) => addressOf(index));
    expect(new Set(addresses.map(canonicalAddress)).size).toBe(CLIENTS);
    expect(addresses.map(canonicalAddress)).not.toContain(undefined);
    expect(addresses.filter((address) => address.includes(":")).length).toBe(CLIENTS / 5);
  });

  test("our decision is by credit, and is counted", () => {
    const { source, decide } = ours();
    for (let times = 0; times < 3; times++) {
      expect(decide("203.0.113.9")).toMatchObject({ kind: "decided", admitted: true, how: "credit" });
    }
    expect([...source.table.slots()].map((slot) => source.spent(slot))).toEqual([3]);
  });

  test("the others count too", async () => {
    const twice = async (name: string): Promise<unknown> => {
      const count = OTHERS[name]?.();
      await count?.("203.0.113.9");
      return count?.("203.0.113.9");
    };
    expect(await twice("rate-limiter-flexible")).toMatchObject({ consumedPoints: 2 });
    expect(await twice("express-rate-limit")).toMatchObject({ totalHits: 2 });
  });

  test("every variant has a name of its own", () => {
    const names = decideVariants().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(["ours", ...Object.keys(OTHERS)]));
  });
});

describe("text", () => {
  test("the machine, with or without a commit", () => {
    const machine = { cpu: "Z80", cores: 2, node: "24.0.0", date: "2026-01-12T00:00:00.000Z" };
    expect(formatMachine(machine)).toBe("Z80, 2 cores, Node 24.0.0, 2026-01-12T00:00:00.000Z");
    expect(formatMachine({ ...machine, commit: "abc" })).toMatch(/, commit abc$/);
  });

  test("a claim within the noise says so", async () => {
    const bench = new Bench();
    const variants = [bench.variant("a", [10, 15]), bench.variant("b", [15])];
    const measured = await bench.measure(variants, 1, 0, [["a", "b"]]);
    const text = formatDecide({ ...measured, clients: 1, ipv6Every: 5, decisionsPerRun: 1, goals: [] });
    expect(text).toContain("a: 1.20× as fast as b (1.20× to 1.20×); not beyond the noise of 50 %");
  });
});

function refusalOf(...args: string[]): string {
  try {
    readOptions(["decide", "memory"], args);
  } catch (error) {
    return messageOf(error);
  }
  throw new Error(`it took ${args.join(" ")}`);
}

describe("the command line", () => {
  test("measures everything unless told otherwise", () => {
    expect(readOptions(["decide", "memory"], [])).toEqual({
      only: ["decide", "memory"],
      rounds: 15,
      json: false,
    });
  });

  test("runs parts in their own order, each once", () => {
    const args = ["--only", "memory,decide,memory", "--rounds", "7", "--json"];
    expect(readOptions(["decide", "memory"], args)).toEqual({
      only: ["decide", "memory"],
      rounds: 7,
      json: true,
    });
  });

  test.each([
    [["--only", "nonsense"], '--only "nonsense": some of decide, memory are allowed'],
    [["--only", "decide,nonsense"], '--only "decide,nonsense": some of decide, memory are allowed'],
    [["--only", ""], '--only "": some of decide, memory are allowed'],
    [["--rounds", "6"], '--rounds "6": a whole number from 7 to 1000 is allowed'],
    [["--rounds", "many"], '--rounds "many": a whole number from 7 to 1000 is allowed'],
    [["decide"], 'unexpected argument "decide" (see --help)'],
    [["--round", "7"], "unknown option '--round' (see --help)"],
  ])("refuses %j", (args, message) => {
    expect(refusalOf(...args)).toBe(message);
  });

  test("a part that does not exist is one line, with those that do", async () => {
    const ended = await new Promise((resolve) => {
      execFile(process.execPath, [MAIN, "--only", "nonsense"], (error, stdout, stderr) => {
        resolve({ code: error?.code, stdout, stderr });
      });
    });
    expect(ended).toEqual({
      code: 1,
      stdout: "",
      stderr:
        'onecount: --only "nonsense": some of decide, metrics, memory, asks, latency, throughput, profile, page are allowed\n',
    });
  });
});
