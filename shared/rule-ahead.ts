/** What a rule lets its sources hold ahead of asking: leases and grace. */
import { LEASE_LIFE_MAX, LEASE_LIFE_SHARE } from "./limits.ts";
import type { Rule } from "./rule.ts";
import { type DurationMs, durationMs } from "./time.ts";

/** Whether sources hold anything ahead under a rule. */
export const holdsAhead = ({ lease, grace }: Pick<Rule, "lease" | "grace">): boolean =>
  lease !== 0 || grace !== 0;

/** How long what is held ahead is kept while nobody uses it. */
export const leaseLife = ({ window }: Pick<Rule, "window">): DurationMs =>
  durationMs(Math.min(LEASE_LIFE_MAX, Math.floor(window * LEASE_LIFE_SHARE)));

/** Half the threshold: a rule that counts nothing silently is exact, and stays so. */
export const graceAuto = (threshold: number): number => Math.floor(threshold / 2);
