/**
 * Token bucket: it holds up to `burst`, and `limit` flows in per window, evenly. What is granted or learnt is
 * taken out. Silent spending that is learnt may take it below zero, at most to −limit: a debt is paid off in
 * one window, and what goes beyond it is forgiven.
 *
 * The state is what is missing from a full bucket, times the window in ms: `fill = (burst − level) × W`. A
 * millisecond takes `limit` off it, so all is in whole numbers, and `room` and `nextRoomAt` agree exactly. Rules
 * keep burst × W and limit × W ≤ 2^51: `fill` is at most 2^52, and a quotient of it by a whole number, rounded
 * by the hardware, never reaches a whole number that the true one does not.
 *
 * Credit that is handed back refills the bucket as if it had never been granted; what flowed in meanwhile for
 * its sake stays (no grant is remembered one by one), so a hand-back may make a bucket full a little early.
 */
import { capacity } from "../../capacity.ts";
import type { RulePolicy } from "../../protocol/messages.ts";
import { after, durationMs, type EpochMs, later } from "../../time.ts";
import type { MeterState } from "./meter.ts";

/** What is missing at `now`. A clock that steps back refills nothing. */
function missing({ limit }: RulePolicy, { fill, fillAt }: MeterState, now: EpochMs): number {
  const elapsed = Math.max(0, now - fillAt);
  // Compared in ms first: limit × elapsed is exact only while something is left to refill.
  return elapsed >= Math.ceil(fill / limit) ? 0 : fill - elapsed * limit;
}

/** The first moment, not before `now`, at which no more than `most` is missing. */
function missingAtMost(most: number, { limit }: RulePolicy, state: MeterState, now: EpochMs): EpochMs {
  if (state.fill <= most) return now;
  return later(now, after(state.fillAt, durationMs(Math.ceil((state.fill - most) / limit))));
}

/** Takes `delta` out (negative: puts it back in). */
export function charge(policy: RulePolicy, state: MeterState, delta: number, now: EpochMs): void {
  const length = policy.grid.lengthMs;
  const most = (capacity(policy) + policy.limit) * length;
  // A delta so large that its product is not exact ends at one of the bounds either way.
  state.fill = Math.max(0, Math.min(most, missing(policy, state, now) + delta * length));
  state.fillAt = later(state.fillAt, now);
}

export function room(policy: RulePolicy, state: MeterState, now: EpochMs): number {
  const length = policy.grid.lengthMs;
  return Math.floor((capacity(policy) * length - missing(policy, state, now)) / length);
}

export const nextRoomAt = (policy: RulePolicy, state: MeterState, now: EpochMs): EpochMs =>
  missingAtMost((capacity(policy) - 1) * policy.grid.lengthMs, policy, state, now);

/** When the bucket is full again if nothing else happens. */
export const fullAt = (policy: RulePolicy, state: MeterState, now: EpochMs): EpochMs =>
  missingAtMost(0, policy, state, now);
