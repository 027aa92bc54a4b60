/** How much a rule can grant at once. */
import type { Algorithm } from "./protocol/messages.ts";

/** The largest cost that can ever be granted: what a full bucket holds, or the limit. A request that costs more is denied. */
export const capacity = (rule: {
  readonly algorithm: Algorithm;
  readonly limit: number;
  readonly burst?: number;
}): number => (rule.algorithm === "token-bucket" ? (rule.burst ?? rule.limit) : rule.limit);
