/**
 * Sliding window: the previous window's count fades out linearly while the current one fills,
 * `previous × (1 − elapsed/W) + current`. It is an estimate that needs two numbers per key; a log of every
 * request would be exact and cost memory per request.
 *
 * The fading share is rounded up, so an owner errs towards fewer grants. Counts are clamped to twice the
 * limit before they are weighed: above it a client is out either way, and the product with W stays below
 * 2^53 (rules keep limit × W ≤ 2^51).
 */
import type { RulePolicy } from "../../protocol/messages.ts";
import { after, between, durationMs, type EpochMs, later, windowStart } from "../../time.ts";
import type { MeterState } from "./meter.ts";

const weighable = (policy: RulePolicy, count: number): number => Math.min(count, 2 * policy.limit);

/** What is left of `count`, `elapsed` ms after its window ended. */
const faded = (count: number, elapsed: number, length: number): number =>
  Math.ceil((count * (length - elapsed)) / length);

/** The first `elapsed` at which at most `most` of `count` is left. */
const elapsedUntil = (count: number, most: number, length: number): number =>
  Math.max(0, Math.ceil((length * (count - most)) / count));

export function room(policy: RulePolicy, state: MeterState, now: EpochMs): number {
  const length = policy.grid.lengthMs;
  // A source ahead of this clock may have rolled the window: its start can lie in the future.
  const elapsed = Math.max(0, Math.min(length, between(windowStart(policy.grid, state.window), now)));
  return policy.limit - state.current - faded(weighable(policy, state.previous), elapsed, length);
}

export function nextRoomAt(policy: RulePolicy, state: MeterState, now: EpochMs): EpochMs {
  if (room(policy, state, now) >= 1) return now;
  const length = policy.grid.lengthMs;
  const most = policy.limit - 1;
  const start = windowStart(policy.grid, state.window);
  if (state.current <= most) {
    const wait = elapsedUntil(weighable(policy, state.previous), most - state.current, length);
    return later(now, after(start, durationMs(wait)));
  }
  const wait = length + elapsedUntil(weighable(policy, state.current), most, length);
  return later(now, after(start, durationMs(wait)));
}
