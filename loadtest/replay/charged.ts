/** The requests of a run in virtual time, each with what it counts under: worked out once, used by every way of counting. */
import { type EpochMs, epochMs } from "../../shared/time.ts";
import type { Charges } from "./charges.ts";
import type { MeasuredCharge } from "./measure.ts";
import type { Planned } from "./schedule.ts";

export interface ChargedRequest {
  readonly planned: Planned;
  /** When it is sent: whole milliseconds, as every clock gives them. */
  readonly sentAt: EpochMs;
  readonly charges: readonly MeasuredCharge[];
}

/** @param start virtual time at the beginning of the schedule */
export const chargeAll = (
  plan: readonly Planned[],
  start: EpochMs,
  chargesOf: Charges["chargesOf"],
): readonly ChargedRequest[] =>
  plan.map((planned) => ({
    planned,
    sentAt: epochMs(Math.floor(start + planned.atMs)),
    charges: chargesOf(planned.request, planned.client),
  }));
