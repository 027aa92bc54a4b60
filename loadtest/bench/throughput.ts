/**
 * The deployable Worker in workerd, against the same Worker without a limiter that answers the same: processor
 * time of the server for each request. Requests per second would also measure this client, and everybody else
 * who uses the machine; they are told besides.
 */
import { fail } from "../tools/cli.ts";
import { startLimiter, startPlain } from "./bench-server.ts";
import { cpuNanoseconds } from "./cpu.ts";
import type { Goal } from "./decide.ts";
import type { Answer } from "./http-answer.ts";
import {
  type Figure,
  type Interleaved,
  interleave,
  noiseOf,
  type Spread,
  type Variant,
} from "./interleave.ts";
import { SCENARIOS, type Scenario } from "./throughput-scenarios.ts";
import { CONNECTIONS, Side } from "./throughput-side.ts";

/** Requests in one run: the shorter it is, the less the machine changes until the other side's. */
const REQUESTS = 500;
/** Runs before the first round: so many that all code is compiled. */
const WARM_UPS = 80;
/**
 * Runs in one turn. V8 collects all garbage once in some 7,000 to 11,000 requests (see `bench-server.ts`), which is part of
 * the cost: so every turn has two or three of that, not one turn of two.
 */
const SLICES = 45;

/** Figures are told for so many requests. */
export const PER_REQUESTS = 100_000;

const [WITH, WITHOUT] = ["with", "without"] as const;

export interface SideFigures {
  /** Processor seconds of the server process for 100,000 requests, and the least and most of the rounds. */
  readonly cpuSeconds: number;
  readonly spread: Spread;
  /** The side against itself in the same round. */
  readonly same: Figure["same"];
  readonly requestsPerSecond: number;
}

export interface ScenarioFigures {
  readonly name: string;
  readonly text: string;
  readonly without: SideFigures;
  readonly with: SideFigures;
  /** Processor time without a limiter, divided by that with it: the share of the throughput that is left. */
  readonly ratio: number;
  readonly spread: Spread;
  /** How far from 1 the medians of the two sides against themselves are, as a share. */
  readonly noise: number;
}

export interface ThroughputFigures {
  readonly rounds: number;
  readonly warmUps: number;
  readonly requestsPerTurn: number;
  readonly connections: number;
  readonly scenarios: readonly ScenarioFigures[];
  readonly goals: readonly Goal[];
}

/** @param progress told what share is done, from 0 to 1 */
export async function benchThroughput(
  rounds: number,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<ThroughputFigures> {
  const scenarios: ScenarioFigures[] = [];
  const goals: Goal[] = [];
  for (const [done, scenario] of SCENARIOS.entries()) {
    const figures = await compare(
      scenario,
      rounds,
      (share) => progress((done + share) / SCENARIOS.length),
      signal,
    );
    scenarios.push(figures);
    goals.push(goalOf(scenario, figures));
  }
  return {
    rounds,
    warmUps: WARM_UPS,
    requestsPerTurn: SLICES * REQUESTS,
    connections: CONNECTIONS,
    scenarios,
    goals,
  };
}

async function compare(
  scenario: Scenario,
  rounds: number,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<ScenarioFigures> {
  const limited = new Side("with", scenario, await startLimiter(scenario.rules, signal), signal);
  try {
    const answer = await limited.sample();
    const plain = new Side("without", scenario, await startPlain(scenario.plain, answer, signal), signal);
    try {
      const figures = await measure(scenario, plain, limited, answer, rounds, progress);
      await checkOwners(scenario, limited);
      return figures;
    } finally {
      await plain.stop();
    }
  } finally {
    await limited.stop();
  }
}

async function measure(
  scenario: Scenario,
  plain: Side,
  limited: Side,
  answer: Answer,
  rounds: number,
  progress: (share: number) => void,
): Promise<ScenarioFigures> {
  const sides = [sideVariant(WITHOUT, plain, answer), sideVariant(WITH, limited, answer)] as const;
  const measured = await interleave(
    sides.map(({ variant }) => variant),
    [{ faster: WITH, slower: WITHOUT }],
    { rounds, warmUps: WARM_UPS, slices: SLICES, progress },
  );
  const [without = 0, within = 0] = sides.map(({ runs }) => REQUESTS / mean(runs.slice(WARM_UPS)));
  return figuresOf(scenario, measured, [without, within]);
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** A variant whose clock is the server's processor time; `runs` gets the seconds that each run took. */
function sideVariant(
  name: string,
  side: Side,
  answer: Answer,
): { readonly variant: Variant; readonly runs: number[] } {
  const runs: number[] = [];
  const run = async (): Promise<void> => {
    const start = performance.now();
    await side.load(REQUESTS, answer);
    runs.push((performance.now() - start) / 1000);
  };
  return { variant: { name, operations: REQUESTS, run, now: () => cpuNanoseconds(side.server.pid) }, runs };
}

/** Answers alone do not tell whether an owner was asked: on this machine it answers at once. */
async function checkOwners({ text, owners }: Scenario, limited: Side): Promise<void> {
  const found = await limited.server.owners();
  // Some of the clients may be counted exactly besides: by one object for the rule, which is no client's.
  if (found !== owners && found !== owners + 1)
    fail(`${text}: ${found} clients have an owner in place of ${owners}`);
}

/** @param requestsPerSecond without a limiter and with it */
export function figuresOf(
  { name, text }: Scenario,
  { figures: [without, limited], claims: [claim] }: Interleaved,
  requestsPerSecond: readonly [without: number, limited: number],
): ScenarioFigures {
  if (without === undefined || limited === undefined || claim === undefined)
    throw new Error("two sides and a claim");
  return {
    name,
    text,
    without: sideFigures(without, requestsPerSecond[0]),
    with: sideFigures(limited, requestsPerSecond[1]),
    ratio: claim.ratio,
    spread: claim.spread,
    noise: noiseOf([without.same.median, limited.same.median]),
  };
}

function sideFigures({ median: ns, spread, same }: Figure, requestsPerSecond: number): SideFigures {
  const scale = PER_REQUESTS / 1e9;
  return {
    cpuSeconds: ns * scale,
    spread: { least: spread.least * scale, most: spread.most * scale },
    same,
    requestsPerSecond,
  };
}

/** Met only where the ratio is above the goal by more than a side differs from itself. */
export function goalOf({ text, goal }: Scenario, { ratio, noise }: ScenarioFigures): Goal {
  return {
    text: `${text}: at least ${goal.toFixed(2)} of the throughput is left, beyond the noise`,
    actual: ratio,
    met: ratio / (1 + noise) >= goal,
  };
}
