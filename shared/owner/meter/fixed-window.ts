/** Fixed window: what was spent in this window counts, whole, until it ends. */
import type { RulePolicy } from "../../protocol/messages.ts";
import { type EpochMs, later, windowEnd } from "../../time.ts";
import type { MeterState } from "./meter.ts";

export const room = (policy: RulePolicy, state: MeterState): number => policy.limit - state.current;

export const nextRoomAt = (policy: RulePolicy, state: MeterState, now: EpochMs): EpochMs =>
  room(policy, state) >= 1 ? now : later(now, windowEnd(policy.grid, state.window));
