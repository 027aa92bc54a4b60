/** Draws from Zipf's law: rank r comes with a weight of 1 / r^exponent. */
import { drawBelow, type Random } from "../tools/random.ts";

/**
 * A drawer of ranks in [0, count), 0 the most frequent, at the same cost however many there are: Walker's
 * alias method with Vose's table (12 bytes a rank). Each draw takes two numbers from `random`.
 */
export function zipf(count: number, exponent: number, random: Random): () => number {
  const { keep, alias } = aliasTable(
    Float64Array.from({ length: count }, (_, rank) => (rank + 1) ** -exponent),
  );
  return () => {
    const rank = drawBelow(random, count);
    return random() < (keep[rank] as number) ? rank : (alias[rank] as number);
  };
}

/** For each rank how often it keeps its own draws, and which rank gets the others. */
function aliasTable(weights: Float64Array): { keep: Float64Array; alias: Int32Array } {
  const count = weights.length;
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / count;
  const keep = weights.map((weight) => weight / mean);
  const alias = Int32Array.from({ length: count }, (_, rank) => rank);
  const below: number[] = [];
  const above: number[] = [];
  for (let rank = 0; rank < count; rank++) ((keep[rank] as number) < 1 ? below : above).push(rank);
  for (;;) {
    const [small, large] = [below.pop(), above.at(-1)];
    if (small === undefined || large === undefined) break;
    alias[small] = large;
    keep[large] = (keep[large] as number) - (1 - (keep[small] as number));
    if ((keep[large] as number) < 1) below.push(above.pop() as number);
  }
  // What is left over is 1 but for rounding.
  for (const rank of [...below, ...above]) keep[rank] = 1;
  return { keep, alias };
}
