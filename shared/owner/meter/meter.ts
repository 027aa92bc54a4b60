/**
 * A meter turns what sources spent into what may still be granted. It is fed deltas (already spent, asked
 * for, or handed back) and knows nothing of sources or messages. All arithmetic is on whole numbers below
 * 2^53, so that `nextRoomAt` and `room` agree to the millisecond.
 */
import { unreachable } from "../../assert.ts";
import type { Algorithm, RulePolicy } from "../../protocol/messages.ts";
import { type EpochMs, windowEnd } from "../../time.ts";
import * as fixed from "./fixed-window.ts";
import * as sliding from "./sliding-window.ts";

/** Cost counted in the owner's window and in the one before it. */
export interface MeterState {
  window: number;
  current: number;
  previous: number;
}

export const emptyMeter = (window: number): MeterState => ({ window, current: 0, previous: 0 });

/** Moves the meter to a later window; windows never go back. */
export function rollMeter(state: MeterState, window: number): void {
  if (window <= state.window) return;
  state.previous = window === state.window + 1 ? state.current : 0;
  state.current = 0;
  state.window = window;
}

/** Counts `delta` in the current window (negative: handed back). */
export function charge(state: MeterState, delta: number): void {
  state.current = Math.max(0, state.current + delta);
}

/** Counts `delta` in the previous window: news that came after it ended. */
export function chargePrevious(state: MeterState, delta: number): void {
  state.previous = Math.max(0, state.previous + delta);
}

/** Cost that may be granted now; 0 or less when full. */
export function room(policy: RulePolicy, state: MeterState, now: EpochMs): number {
  const algorithm: Algorithm = policy.algorithm;
  switch (algorithm) {
    case "fixed-window":
      return fixed.room(policy, state);
    case "sliding-window":
      return sliding.room(policy, state, now);
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
    default:
      return unreachable(algorithm);
  }
}

/** When quota comes back: the window's end, or sooner when a unit is free again before it. */
export function resetAt(policy: RulePolicy, state: MeterState, now: EpochMs): EpochMs {
  return room(policy, state, now) < 1 ? nextRoomAt(policy, state, now) : windowEnd(policy.grid, state.window);
}

/** The count a person sees: cost that weighs against the limit now. */
export const counted = (policy: RulePolicy, state: MeterState, now: EpochMs): number =>
  policy.limit - room(policy, state, now);
