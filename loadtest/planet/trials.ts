/** Many trials, one for each seed, on as many threads as the machine has cores. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Violation } from "./checks/checker.ts";
import { type Fault, Tally } from "./faults.ts";
import type { PlanOptions } from "./plan.ts";

/** Seeds a thread takes at a time, and for how many another thread is worth its start. */
const BATCH = 25;
const THREAD_MIN = 50;
/** So many violations say enough: no more seeds are taken. */
const VIOLATIONS_MAX = 5;

export interface TrialsOptions extends PlanOptions {
  readonly from: number;
  readonly seeds: number;
}

/** What a thread is told once, and what it is told each time. */
export type BatchOptions = PlanOptions;
export interface Batch {
  readonly from: number;
  readonly count: number;
}
export interface BatchResult {
  readonly runs: number;
  readonly tally: Pick<Tally, Exclude<keyof Tally, "add">>;
  readonly violations: readonly Found[];
}

export interface Found extends Violation {
  readonly seed: number;
}

export interface TrialsReport {
  readonly from: number;
  /** Less than was asked for when enough violations were found before. */
  readonly runs: number;
  readonly faults: readonly Fault[];
  readonly pops: number | undefined;
  readonly tally: Tally;
  /** By seed; the first of each. */
  readonly violations: readonly Found[];
  readonly threads: number;
  readonly seconds: number;
}

/** @param progress told how many seeds are done */
export async function runTrials(
  { from, seeds, ...plan }: TrialsOptions,
  progress: (runs: number) => void,
): Promise<TrialsReport> {
  const started = performance.now();
  const tally = new Tally();
  const violations: Found[] = [];
  let runs = 0;
  let next = from;
  const take = (): Batch | undefined => {
    const count = Math.min(BATCH, from + seeds - next);
    if (count <= 0 || violations.length >= VIOLATIONS_MAX) return undefined;
    next += count;
    return { from: next - count, count };
  };
  const threads = Math.max(1, Math.min(availableParallelism(), Math.ceil(seeds / THREAD_MIN)));
  const thread = (): Promise<void> =>
    work(plan, take, (result) => {
      runs += result.runs;
      tally.add(result.tally);
      violations.push(...result.violations);
      progress(runs);
    });
  await Promise.all(Array.from({ length: threads }, thread));
  violations.sort((a, b) => a.seed - b.seed);
  const seconds = (performance.now() - started) / 1000;
  return { from, runs, faults: plan.faults, pops: plan.pops, tally, violations, threads, seconds };
}

/** One thread, until there is nothing left to take. */
function work(
  plan: BatchOptions,
  take: () => Batch | undefined,
  done: (result: BatchResult) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./trial-worker.ts", import.meta.url), { workerData: plan });
    const go = (): void => {
      const batch = take();
      if (batch !== undefined) worker.postMessage(batch);
      else void worker.terminate().then(() => resolve());
    };
    worker.on("message", (result: BatchResult) => {
      done(result);
      go();
    });
    worker.on("error", reject);
    go();
  });
}
