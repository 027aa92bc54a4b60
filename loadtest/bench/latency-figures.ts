/** What the runs of the ways say: figures by shape, way and POP. Pure. */
import { percentile } from "../replay/measure.ts";
import { median, type Spread, spreadOf } from "./interleave.ts";
import { type Run, SHAPES, type Shape } from "./latency-load.ts";
import type { Sample } from "./latency-way.ts";

/** One round of a way: the same run twice. */
export type Round = readonly [first: Run, second: Run];

export interface MeasuredWay {
  readonly name: string;
  readonly rounds: readonly Round[];
}

/** A POP, with its round trip to the owner. */
export interface MeasuredPop {
  readonly name: string;
  readonly roundTripMs: number;
}

/** Milliseconds that a way adds to an answer at one POP. */
export interface LatencyFigure {
  readonly shape: Shape;
  readonly way: string;
  readonly pop: string;
  readonly roundTripMs: number;
  readonly requests: number;
  /** What the same server takes to answer without a limiter: the median of the rounds. */
  readonly zeroMs: number;
  /** Beyond that: the median of the rounds' medians, and how far these lie apart. */
  readonly p50Ms: number;
  readonly spread: Spread;
  /** Over the requests of all rounds. */
  readonly p99Ms: number;
  /** The second run's median latency divided by the first's, zero included: 1 on a quiet machine. */
  readonly same: { readonly median: number; readonly spread: Spread };
  /** How many requests were decided how, as `x-onecount` says; empty where nothing says so. */
  readonly decisions: Readonly<Record<string, number>>;
}

/** Of every shape, POP and way, in this order. */
export function latencyFigures(
  ways: readonly MeasuredWay[],
  pops: readonly MeasuredPop[],
): readonly LatencyFigure[] {
  return SHAPES.flatMap((shape) =>
    pops.flatMap((_, pop) => ways.map((way) => figureOf(shape, way, pops, pop))),
  );
}

function figureOf(shape: Shape, way: MeasuredWay, pops: readonly MeasuredPop[], pop: number): LatencyFigure {
  const { name = "", roundTripMs = Number.NaN } = pops[pop] ?? {};
  const at = (samples: readonly Sample[]): number[] =>
    samples.filter((sample) => sample.pop === pop).map(({ ms }) => ms);
  const rounds = way.rounds.map(([first, second]) => {
    const zeroMs = zeroOf([...at(first.free), ...at(second.free)]);
    const took = [...at(first[shape]), ...at(second[shape])];
    return {
      zeroMs,
      added: took.map((ms) => ms - zeroMs),
      same: median(at(second[shape])) / median(at(first[shape])),
    };
  });
  const medians = rounds.map(({ added }) => median(added));
  const all = rounds.flatMap(({ added }) => added);
  const same = rounds.map((round) => round.same);
  return {
    shape,
    way: way.name,
    pop: name,
    roundTripMs,
    requests: all.length,
    zeroMs: median(rounds.map(({ zeroMs }) => zeroMs)),
    p50Ms: median(medians),
    spread: spreadOf(medians),
    p99Ms: percentile(all, 0.99),
    same: { median: median(same), spread: spreadOf(same) },
    decisions: decisionsOf(
      way.rounds
        .flatMap((round) => round.flatMap((run) => run[shape]))
        .filter((sample) => sample.pop === pop),
    ),
  };
}

/** A way without a server in between adds to nothing. */
const zeroOf = (free: readonly number[]): number => (free.length === 0 ? 0 : median(free));

function decisionsOf(samples: readonly Sample[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { decision } of samples) {
    if (decision !== "") counts[decision] = (counts[decision] ?? 0) + 1;
  }
  return counts;
}
