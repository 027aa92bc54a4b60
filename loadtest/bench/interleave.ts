/**
 * Measures variants against one another on a machine that is never quiet: interleaved, A B … A B …, so that
 * whatever slows the machine down slows all of them, and judged by medians, which one slow run does not move.
 *
 * Every round goes through all variants twice. What a variant took the second time, divided by what it took the
 * first time, would be 1 on a quiet machine: how far from 1 it gets (A/A) is what a claim must exceed.
 */

/** Something that is measured. */
export interface Variant {
  readonly name: string;
  /** Operations in one run. */
  readonly operations: number;
  /** Before each run, outside of the time taken. */
  readonly prepare?: () => void;
  /** Awaited only where it returns a promise. */
  readonly run: () => unknown;
  /** A clock of its own, nanoseconds, where what it takes is not time: such as the processor time of a server. */
  readonly now?: () => number;
}

export interface InterleaveOptions {
  readonly rounds: number;
  /** Runs of each variant before the first round: compilers take a few. */
  readonly warmUps: number;
  /**
   * Runs of each variant in one turn, in turn with the other variants', added up: for what has to be long, on a
   * machine that changes faster than that. Default 1.
   */
  readonly slices?: number;
  /** A clock in nanoseconds. */
  readonly now?: () => number;
  /** Told what share of the runs is done, from 0 to 1. */
  readonly progress?: (share: number) => void;
}

/** That one variant is faster than another, to be tested. */
export interface Claim {
  readonly faster: string;
  readonly slower: string;
}

/** The least and the most of some values. */
export interface Spread {
  readonly least: number;
  readonly most: number;
}

/** Nanoseconds per operation: the median of the rounds, and how far they lie apart. */
export interface Figure {
  readonly name: string;
  readonly median: number;
  readonly spread: Spread;
  /** The variant against itself. */
  readonly same: { readonly median: number; readonly spread: Spread };
}

export interface ClaimResult extends Claim {
  /** How many times faster: the median of the rounds' own ratios. */
  readonly ratio: number;
  readonly spread: Spread;
  /** How far from 1 the two variants get against themselves. */
  readonly noise: number;
  /** Whether the ratio is farther from 1 than that. If not, the claim says nothing. */
  readonly beyondNoise: boolean;
}

export interface Interleaved {
  readonly rounds: number;
  readonly warmUps: number;
  readonly figures: readonly Figure[];
  readonly claims: readonly ClaimResult[];
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

export const spreadOf = (values: readonly number[]): Spread => ({
  least: Math.min(...values),
  most: Math.max(...values),
});

/** How far from 1 ratios lie, the same for 2 and for 1/2. A ratio of 1 is 0 away. */
export const distance = (ratio: number): number => Math.max(ratio, 1 / ratio) - 1;

/** The noise in ratios that ought to be 1: the distance of the farthest. */
export const noiseOf = (ratios: readonly number[]): number => Math.max(0, ...ratios.map(distance));

/** A variant's nanoseconds per operation, in the order of the rounds. */
interface Series {
  readonly first: number[];
  readonly second: number[];
}

/** Runs the variants, whose names differ, and tests the claims. */
export async function interleave(
  variants: readonly Variant[],
  claims: readonly Claim[],
  { rounds, warmUps, slices = 1, now = nanoseconds, progress }: InterleaveOptions,
): Promise<Interleaved> {
  const series = new Map(variants.map(({ name }): [string, Series] => [name, { first: [], second: [] }]));
  const runs = variants.length * (warmUps + 2 * rounds * slices);
  let done = 0;
  const once = async (variant: Variant): Promise<number> => {
    const took = await timed(variant, variant.now ?? now);
    done += 1;
    progress?.(done / runs);
    // Whoever shows the progress gets a turn.
    await new Promise(setImmediate);
    return took / variant.operations;
  };
  for (let warmUp = 0; warmUp < warmUps; warmUp++) for (const variant of variants) await once(variant);
  for (let round = 0; round < rounds; round++) {
    for (const turn of ["first", "second"] as const) {
      const took = variants.map(() => 0);
      for (let slice = 0; slice < slices; slice++) {
        for (const [at, variant] of variants.entries()) took[at] = (took[at] ?? 0) + (await once(variant));
      }
      for (const [at, { name }] of variants.entries())
        series.get(name)?.[turn].push((took[at] ?? 0) / slices);
    }
  }
  return {
    rounds,
    warmUps,
    figures: variants.map(({ name }) => figureOf(name, seriesOf(series, name))),
    claims: claims.map((claim) =>
      claimResult(claim, seriesOf(series, claim.faster), seriesOf(series, claim.slower)),
    ),
  };
}

async function timed(variant: Variant, now: () => number): Promise<number> {
  variant.prepare?.();
  const start = now();
  const result = variant.run();
  // Waiting for what is no promise would cost a turn of the event loop.
  if (result instanceof Promise) await result;
  return now() - start;
}

const nanoseconds = (): number => performance.now() * 1e6;

function seriesOf(all: ReadonlyMap<string, Series>, name: string): Series {
  const series = all.get(name);
  if (series === undefined) throw new Error(`a claim about ${name}, which is not measured`);
  return series;
}

/** What a round says of a variant: the mean of its two runs. */
const roundsOf = ({ first, second }: Series): number[] =>
  first.map((took, round) => (took + (second[round] ?? took)) / 2);

const selfRatios = ({ first, second }: Series): number[] =>
  first.map((took, round) => (second[round] ?? took) / took);

function figureOf(name: string, series: Series): Figure {
  const figures = roundsOf(series);
  const ratios = selfRatios(series);
  return {
    name,
    median: median(figures),
    spread: spreadOf(figures),
    same: { median: median(ratios), spread: spreadOf(ratios) },
  };
}

function claimResult(claim: Claim, faster: Series, slower: Series): ClaimResult {
  const slowerRounds = roundsOf(slower);
  const ratios = roundsOf(faster).map((took, round) => (slowerRounds[round] ?? Number.NaN) / took);
  const ratio = median(ratios);
  const noise = noiseOf([...selfRatios(faster), ...selfRatios(slower)]);
  return { ...claim, ratio, spread: spreadOf(ratios), noise, beyondNoise: distance(ratio) > noise };
}
