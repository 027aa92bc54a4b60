/**
 * A meter turns what sources spent into what may still be granted. It is fed deltas (already spent, asked
 * for, or handed back) and knows nothing of sources or messages. All arithmetic is on whole numbers below
 * 2^53, so that `nextRoomAt` and `room` agree to the millisecond.
 */
import { unreachable } from "../../assert.ts";
import { capacity } from "../../capacity.ts";
import type { Algorithm, RulePolicy } from "../../protocol/messages.ts";
import { type EpochMs, NEVER, windowEnd } from "../../time.ts";
import * as fixed from "./fixed-window.ts";
import * as sliding from "./sliding-window.ts";
import * as bucket from "./token-bucket.ts";

/** What was counted: by window under every algorithm, and for a token bucket also what is missing from it. */
export interface MeterState {
  window: number;
  /** Cost counted in `window` and in the one before it. */
  current: number;
  previous: number;
  /** What was missing from a full bucket at `fillAt`, in cost × window (ms); 0 under other algorithms. */
  fill: number;
  fillAt: EpochMs;
}

export const emptyMeter = (window: number): MeterState => ({
  window,
  current: 0,
  previous: 0,
  fill: 0,
  fillAt: NEVER,
});

/** Nothing counts any more. */
export function resetMeter(state: MeterState): void {
  state.current = 0;
  state.previous = 0;
  state.fill = 0;
}

/** Moves the meter to a later window; windows never go back. */
export function rollMeter(state: MeterState, window: number): void {
  if (window <= state.window) return;
  state.previous = window === state.window + 1 ? state.current : 0;
  state.current = 0;
  state.window = window;
}

/** Counts `delta` in the current window (negative: handed back). */
export function charge(policy: RulePolicy, state: MeterState, delta: number, now: EpochMs): void {
  state.current = Math.max(0, state.current + delta);
  if (policy.algorithm === "token-bucket") bucket.charge(policy, state, delta, now);
}

/**
 * Counts `delta` in the previous window: news that came after it ended. A token bucket has no windows and is
 * charged now: it cannot know how much of it would have been refilled since.
 */
export function chargePrevious(policy: RulePolicy, state: MeterState, delta: number, now: EpochMs): void {
  state.previous = Math.max(0, state.previous + delta);
  if (policy.algorithm === "token-bucket") bucket.charge(policy, state, delta, now);
}

/** Cost that may be granted now; 0 or less when full. */
export function room(policy: RulePolicy, state: MeterState, now: EpochMs): number {
  const algorithm: Algorithm = policy.algorithm;
  switch (algorithm) {
    case "fixed-window":
      return fixed.room(policy, state);
    case "sliding-window":
      return sliding.room(policy, state, now);
    case "token-bucket":
      return bucket.room(policy, state, now);
    default:
      return unreachable(algorithm);
  }
}

/** The first moment, not before `now`, at which a unit may be granted if nothing else happens. */
export function nextRoomAt(policy: RulePolicy, state: MeterState, now: EpochMs): EpochMs {
  const algorithm: Algorithm = policy.algorithm;
  switch (algorithm) {
    case "fixed-window":
      return fixed.nextRoomAt(policy, state, now);
    case "sliding-window":
      return sliding.nextRoomAt(policy, state, now);
    case "token-bucket":
      return bucket.nextRoomAt(policy, state, now);
    default:
      return unreachable(algorithm);
  }
}

/** When quota comes back: when a unit is free again; while there is room, the window's end, or when the bucket is full. */
export function resetAt(policy: RulePolicy, state: MeterState, now: EpochMs): EpochMs {
  if (room(policy, state, now) < 1) return nextRoomAt(policy, state, now);
  return policy.algorithm === "token-bucket"
    ? bucket.fullAt(policy, state, now)
    : windowEnd(policy.grid, state.window);
}

/** The count a person sees: cost that weighs against the limit (or the bucket's burst) now. */
export const counted = (policy: RulePolicy, state: MeterState, now: EpochMs): number =>
  capacity(policy) - room(policy, state, now);

/** When the meter says the same as an empty one, if nothing else happens; its own windows aside. */
export const forgottenAt = (policy: RulePolicy, state: MeterState): EpochMs =>
  policy.algorithm === "token-bucket" ? bucket.fullAt(policy, state, NEVER) : NEVER;
