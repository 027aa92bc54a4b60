/** What a rule lets its sources hold ahead of asking: leases and grace. */
import { AHEAD_MIN, AHEAD_MIN_SHARE, LEASE_LIFE_MAX, LEASE_LIFE_SHARE } from "./limits.ts";
import type { Rule } from "./rule.ts";
import { type DurationMs, durationMs } from "./time.ts";

/** Whether sources hold anything ahead under a rule. */
export const holdsAhead = ({ lease, grace }: Pick<Rule, "lease" | "grace">): boolean =>
  lease !== 0 || grace !== 0;

/** How long what is held ahead is kept while nobody uses it. */
export const leaseLife = ({ window }: Pick<Rule, "window">): DurationMs =>
  durationMs(Math.min(LEASE_LIFE_MAX, Math.floor(window * LEASE_LIFE_SHARE)));

/** What a source asks for ahead at least. */
export const aheadMin = ({ limit }: Pick<Rule, "limit">): number =>
  Math.min(AHEAD_MIN, Math.ceil(limit * AHEAD_MIN_SHARE));

/** What may stay with a source until the window ends, used or not. */
export const reserveAhead = (rule: Pick<Rule, "limit" | "lease" | "grace">): number =>
  rule.lease === 0 ? rule.grace : Math.max(rule.grace, aheadMin(rule));

/** Half the threshold: a rule that counts nothing silently is exact, and stays so. */
export const graceAuto = (threshold: number): number => Math.floor(threshold / 2);
