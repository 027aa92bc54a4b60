/**
 * Starts iterations. With an arrival rate the load is open: an iteration starts at its time however slow the
 * answers are, and when no VU is free then, it is dropped and never made up for.
 */
import type { Clock } from "./clock.ts";

/** How long iterations may go on after the last start, as in k6. */
export const GRACE_MS = 30_000;

/** One iteration. When it rejects, the run ends and rejects as well. */
export type Iterate = (vu: number, iteration: number) => Promise<void>;

export interface Outcome {
  readonly started: number;
  readonly dropped: number;
  /** Still running when the grace was over. */
  readonly interrupted: number;
}

export interface Arrivals {
  /** Ms from the start, ascending. */
  readonly arrivals: Iterable<number>;
  readonly preAllocatedVUs: number;
  /** VUs added, one for each iteration that found none, up to so many. */
  readonly maxVUs: number;
}

export async function runArrivals(
  { arrivals, preAllocatedVUs, maxVUs }: Arrivals,
  iterate: Iterate,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Outcome> {
  const free = Array.from({ length: preAllocatedVUs }, (_, index) => preAllocatedVUs - index);
  const running = new Set<Promise<void>>();
  const start = clock.now();
  let vus = preAllocatedVUs;
  let started = 0;
  let dropped = 0;
  let failures: readonly unknown[] = [];
  for (const at of arrivals) {
    await clock.until(start + at, signal);
    if (signal?.aborted || failures.length > 0) break;
    const vu = free.pop();
    if (vu === undefined) {
      dropped += 1;
      if (vus < maxVUs) free.push(++vus);
      continue;
    }
    const iteration = iterate(vu, started)
      .catch((error: unknown) => {
        failures = [...failures, error];
      })
      .finally(() => {
        running.delete(iteration);
        free.push(vu);
      });
    running.add(iteration);
    started += 1;
  }
  await atMost(GRACE_MS, Promise.all(running), clock, signal);
  if (failures.length > 0) throw failures[0];
  return { started, dropped, interrupted: running.size };
}

export interface Shared {
  readonly vus: number;
  readonly iterations: number;
  readonly maxDurationMs: number;
}

/** So many VUs share so many iterations, one after the other; what `maxDuration` leaves undone is dropped. */
export async function runShared(
  { vus, iterations, maxDurationMs }: Shared,
  iterate: Iterate,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Outcome> {
  const end = clock.now() + maxDurationMs;
  let started = 0;
  let ended = 0;
  const work = async (vu: number): Promise<void> => {
    while (started < iterations && clock.now() < end && !signal?.aborted) {
      started += 1;
      await iterate(vu, started - 1);
      ended += 1;
    }
  };
  const all = Promise.all(Array.from({ length: vus }, (_, index) => work(index + 1)));
  await atMost(maxDurationMs + GRACE_MS, all, clock, signal);
  return { started, dropped: iterations - started, interrupted: started - ended };
}

async function atMost(
  lengthMs: number,
  work: Promise<unknown>,
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  const done = new AbortController();
  const signals = signal === undefined ? [done.signal] : [done.signal, signal];
  await Promise.race([work, clock.until(clock.now() + lengthMs, AbortSignal.any(signals))]);
  done.abort();
}
