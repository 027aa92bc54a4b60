/**
 * One exact count of one key: what a limiter in a single place would have made of the same requests, by the rule's own
 * meter and without any credit that is not asked for.
 *
 * Of requests in one step it is not known which came first, nor how many of the units that flow back during the step
 * were there in time: it counts those that were when the step began. So it is exact for fixed windows, and may be short
 * of the truth by `slackOf` under the other algorithms.
 */
import { capacity } from "../capacity.ts";
import { charge, emptyMeter, type MeterState, rollMeter, room } from "../owner/meter/meter.ts";
import type { RulePolicy } from "../protocol/messages.ts";
import { after, type DurationMs, durationMs, type EpochMs, NEVER } from "../time.ts";

export interface ExactCount {
  readonly meter: MeterState;
  /** Denied until then by the rule's `block_for`. */
  penaltyUntil: EpochMs;
}

export const emptyCount = (window: number): ExactCount => ({
  meter: emptyMeter(window),
  penaltyUntil: NEVER,
});

/** How many of `requests` of one cost the exact count admits at `at`, in `window`. */
export function admitExactly(
  policy: RulePolicy,
  exact: ExactCount,
  { window, at, cost, requests }: { window: number; at: EpochMs; cost: number; requests: number },
): number {
  const { meter } = exact;
  rollMeter(meter, window);
  const free = exact.penaltyUntil > at ? 0 : Math.max(0, room(policy, meter, at));
  const admitted = Math.min(requests, Math.floor(free / cost));
  if (admitted > 0) charge(policy, meter, admitted * cost, at);
  const { blockForMs } = policy;
  const full = admitted < requests && room(policy, meter, at) < 1;
  if (full && blockForMs !== undefined && exact.penaltyUntil <= at)
    exact.penaltyUntil = after(at, blockForMs);
  return admitted;
}

/** Cost that the exact count may be off by in a window, either way: what flows back in one step. */
export const slackOf = ({ algorithm, limit, grid }: RulePolicy, stepMs: DurationMs): number =>
  algorithm === "fixed-window" ? 0 : Math.ceil((limit * stepMs) / grid.lengthMs);

/** How long what happened to a key acts on what is admitted: before a window is judged, all of that must be known. */
export function memoryOf(policy: RulePolicy): DurationMs {
  const { algorithm, limit, grid, blockForMs = 0 } = policy;
  const windows = { "fixed-window": 0, "sliding-window": 1, "token-bucket": capacity(policy) / limit }[
    algorithm
  ];
  return durationMs(Math.ceil(windows) * grid.lengthMs + blockForMs);
}
