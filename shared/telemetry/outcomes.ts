/** The ways in which a request can be decided, and in which a degraded one came about, as they are counted. */
import type { DegradedCause, How } from "../pop/decide.ts";
import { OUTCOMES } from "./live.ts";

/** Why an owner was not heard, in the order in which they are counted. */
export const DEGRADED_CAUSES: readonly DegradedCause[] = [
  "deadline",
  "unreachable",
  "overloaded",
  "no-room",
  "claim-budget",
];

/** What else is counted of a rule: requests that credit held ahead paid for, and denials for what `strict` keeps back. */
export const AHEAD = 0;
export const KEPT_BACK = 1;
export const NO_FURTHER = [0, 0];
export const FURTHER_COUNT = NO_FURTHER.length;

/** Where `OUTCOMES` has what was denied in this way; what was admitted stands behind it. */
const FIRST: Readonly<Record<How, number>> = { credit: 0, owner: 2, blocked: 4, degraded: 6 };

/** The place in `OUTCOMES`. */
export const outcomeIndex = (how: How, admitted: boolean): number => FIRST[how] + (admitted ? 1 : 0);

export const OUTCOME_COUNT = OUTCOMES.length;

/** Upper ends of the buckets of the round trip to an owner, ms; one bucket more holds the rest. */
export const ASK_BUCKETS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500] as const;
export const ASK_BUCKET_COUNT = ASK_BUCKETS_MS.length + 1;

export function askBucket(ms: number): number {
  const index = ASK_BUCKETS_MS.findIndex((end) => ms <= end);
  return index < 0 ? ASK_BUCKETS_MS.length : index;
}
