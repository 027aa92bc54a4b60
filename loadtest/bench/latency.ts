/**
 * What a limiter adds to an answer, at POPs that are as far from what counts as their cities are: ours with and without
 * leases, one object call per request, and `rate-limiter-flexible` with Redis. All count in the same place, next to the first
 * POP, and are measured in turn, A B C D A B C D in each round.
 */

import { roundTripMs } from "../cluster/distance.ts";
import { DEFAULT_POPS, resolvePops } from "../cluster/pops.ts";
import { seededRandom } from "../tools/random.ts";
import type { Goal } from "./decide.ts";
import {
  type LatencyFigure,
  latencyFigures,
  type MeasuredPop,
  type MeasuredWay,
  type Round,
} from "./latency-figures.ts";
import { latencyGoals, leasedGoals } from "./latency-goals.ts";
import { type Load, makeBusy, type Run, type RunInput, runOnce } from "./latency-load.ts";
import { startNaive } from "./latency-naive.ts";
import { startOurs } from "./latency-ours.ts";
import { startRedisWay } from "./latency-redis.ts";
import { THRESHOLD } from "./latency-rule.ts";
import type { Way } from "./latency-way.ts";
import { ROUNDS_MIN } from "./options.ts";
import { findRedis } from "./redis-server.ts";

/**
 * A run takes about 2.3 s. One object takes 200 to 500 requests a second with a write each, on the platform too:
 * what comes at random moments stays below that in all, or the middle way would show its queue instead.
 */
const LOAD: Load = {
  visits: 10,
  visitEveryMs: 10,
  sequentialMs: 500,
  perSecond: 50,
  randomMs: 600,
  inFlight: 20,
  inFlightMs: 350,
};

const OURS = "ours";
const LEASED = "ours, with leases";
const NAIVE = "one object call each";
const REDIS = "rate-limiter-flexible";

export interface LatencyReport {
  readonly rounds: number;
  readonly load: Load;
  readonly pops: readonly MeasuredPop[];
  readonly figures: readonly LatencyFigure[];
  /** Ways that were not measured, and why. */
  readonly skipped: readonly string[];
  readonly goals: readonly Goal[];
}

/** A round takes 18 s, which is long beside those of other parts: half as many do. */
export const latencyRounds = (rounds: number): number => Math.max(ROUNDS_MIN, Math.ceil(rounds / 2));

/** @param progress told what share is done, from 0 to 1 */
export const benchLatency = (
  rounds: number,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<LatencyReport> => measure(latencyRounds(rounds), progress, signal);

async function measure(
  rounds: number,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<LatencyReport> {
  const pops = measuredPops();
  const ways: Way[] = [];
  try {
    const skipped = await startWays(ways, pops, signal);
    const measured = await runRounds(ways, pops, rounds, progress, signal);
    const figures = latencyFigures(measured, pops);
    const goals = [
      ...latencyGoals(figures.filter(({ way }) => way === OURS)),
      ...leasedGoals(figures.filter(({ way }) => way === LEASED)),
    ];
    return { rounds, load: LOAD, pops, figures, skipped, goals };
  } finally {
    await Promise.all(ways.map((way) => way.stop()));
  }
}

/** The cluster's POPs; what counts stands next to the first of them. */
export function measuredPops(): readonly MeasuredPop[] {
  const cities = resolvePops(DEFAULT_POPS);
  return cities.map(({ name, city }) => ({
    name,
    roundTripMs: roundTripMs(city, cities[0]?.city ?? city),
  }));
}

/** Puts into `ways` each that it has started, so that those are stopped if the next does not start. */
async function startWays(
  ways: Way[],
  pops: readonly MeasuredPop[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  ways.push(await startOurs(OURS, signal));
  ways.push(await startOurs(LEASED, signal, { lease: "auto", grace: "auto" }));
  ways.push(await startNaive(NAIVE, signal));
  const redis = findRedis(process.env);
  if (redis === undefined) return [`${REDIS}: there is no redis-server on the PATH or in /usr/bin`];
  const trips = pops.map((pop) => pop.roundTripMs);
  ways.push(await startRedisWay(REDIS, redis, trips, signal));
  return [];
}

async function runRounds(
  ways: readonly Way[],
  pops: readonly MeasuredPop[],
  rounds: number,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<readonly MeasuredWay[]> {
  const inputs = ways.map((way) => inputOf(way, pops.length, signal));
  for (const input of inputs) await makeBusy(input, 2 * THRESHOLD);
  const turns = 1 + 2 * rounds;
  let turn = 0;
  /** Every way once. */
  const once = async (): Promise<readonly Run[]> => {
    const runs: Run[] = [];
    for (const input of inputs) {
      runs.push(await runOnce(input));
      progress((turn + runs.length / inputs.length) / turns);
    }
    turn += 1;
    return runs;
  };
  // Compilers and connections: not counted.
  await once();
  const measured: { first: readonly Run[]; second: readonly Run[] }[] = [];
  for (let round = 0; round < rounds; round++) measured.push({ first: await once(), second: await once() });
  return ways.map(({ name }, way) => ({
    name,
    rounds: measured.map(({ first, second }): Round => [first[way] as Run, second[way] as Run]),
  }));
}

/** Each way gets the same clients and the same moments. */
function inputOf(way: Way, pops: number, signal: AbortSignal): RunInput {
  let clients = 0;
  return {
    way,
    pops,
    load: LOAD,
    busyClient: "10.0.0.1",
    newClient: () => {
      clients += 1;
      return `10.1.${clients >> 8}.${clients & 255}`;
    },
    random: seededRandom(1),
    signal,
  };
}
