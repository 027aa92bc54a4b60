/**
 * Time as the core sees it: an argument, never a clock.
 *
 * `EpochMs` is a point (milliseconds since 1970, UTC), `DurationMs` a length. They are different
 * types so that one cannot be passed for the other; this file alone turns one into the other.
 */

declare const unit: unique symbol;
/** A point in time, milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number & { readonly [unit]: "EpochMs" };
/** A length of time in milliseconds. */
export type DurationMs = number & { readonly [unit]: "DurationMs" };

/** Labels a number read from a clock. Shells call it once per event. */
export const epochMs = (value: number): EpochMs => value as EpochMs;
/** Labels a number of milliseconds as a length. */
export const durationMs = (value: number): DurationMs => value as DurationMs;

/** A time that has always passed: "no verdict", "never". */
export const NEVER = 0 as EpochMs;

/** The point `length` after `start`. */
export const after = (start: EpochMs, length: DurationMs): EpochMs => (start + length) as EpochMs;
/** The length from `start` to `end`; negative when `end` is earlier. */
export const between = (start: EpochMs, end: EpochMs): DurationMs => (end - start) as DurationMs;
/** The later of two points. */
export const later = (a: EpochMs, b: EpochMs): EpochMs => (a > b ? a : b);
/** The earlier of two points. */
export const earlier = (a: EpochMs, b: EpochMs): EpochMs => (a < b ? a : b);
/** Whole seconds from `now` until `until`, rounded up, never negative. Used in headers. */
export const secondsUntil = (until: EpochMs, now: EpochMs): number =>
  until > now ? Math.ceil((until - now) / 1000) : 0;

/**
 * How one key's time is cut into windows: window `n` covers
 * `[n × lengthMs + offsetMs, (n + 1) × lengthMs + offsetMs)`.
 * The offset differs per key so that the world does not reset at :00.
 */
export interface WindowGrid {
  readonly lengthMs: DurationMs;
  readonly offsetMs: DurationMs;
}

/** The index of the window that holds `now`. */
export const windowAt = (grid: WindowGrid, now: EpochMs): number =>
  Math.floor((now - grid.offsetMs) / grid.lengthMs);
/** The first millisecond of window `index`. */
export const windowStart = (grid: WindowGrid, index: number): EpochMs =>
  (index * grid.lengthMs + grid.offsetMs) as EpochMs;
/** The first millisecond after window `index`. */
export const windowEnd = (grid: WindowGrid, index: number): EpochMs => windowStart(grid, index + 1);

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads `"500ms"`, `"10s"`, `"1m"`, `"1.5h"`, `"30d"`; `undefined` when it is none of these. */
export function parseDuration(text: string): DurationMs | undefined {
  const found = /^(\d{1,9})(?:\.(\d{1,6}))?(ms|s|m|h|d)$/.exec(text);
  const unitMs = UNIT_MS[found?.[3] ?? ""];
  if (found === null || unitMs === undefined) return undefined;
  // Digits first, then one division: 1.001 × 1000 is not 1001 in binary fractions.
  const fraction = found[2] ?? "";
  const value = (Number(`${found[1]}${fraction}`) * unitMs) / 10 ** fraction.length;
  return Number.isInteger(value) ? durationMs(value) : undefined;
}

/** Writes a length the way a rule would: the largest unit that divides it. */
export function formatDuration(length: DurationMs): string {
  for (const name of ["d", "h", "m", "s"] as const) {
    const unitMs = UNIT_MS[name] ?? 1;
    if (length !== 0 && length % unitMs === 0) return `${length / unitMs}${name}`;
  }
  return `${length}ms`;
}
