/**
 * Randomness that a seed repeats. Not for secrets.
 *
 * mulberry32 (Tommy Ettinger, public domain): 32 bits of state are enough to spread requests, and every
 * machine draws the same numbers. Texts are turned into seeds with FNV-1a and murmur3's finaliser, so that
 * neighbouring addresses get unrelated draws.
 */

/** Draws numbers in [0, 1). */
export type Random = () => number;

/** A generator for `seed` (any whole number; its low 32 bits count). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A seed of its own for `text` under `seed`: the same pair always gives the same one. */
export function seedFor(seed: number, text: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A whole number in [0, below). */
export const drawBelow = (random: Random, below: number): number => Math.floor(random() * below);

/** The items in a drawn order (Fisher and Yates). The argument stays as it is. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const drawn = [...items];
  for (let last = drawn.length - 1; last > 0; last--) {
    const other = drawBelow(random, last + 1);
    const [a, b] = [drawn[last], drawn[other]];
    if (a === undefined || b === undefined) continue;
    drawn[last] = b;
    drawn[other] = a;
  }
  return drawn;
}
