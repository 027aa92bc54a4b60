/**
 * How a client that is spread thinly over the world is found: every request that is admitted silently is reported with a
 * certain probability, and so many reports of one window claim the client. How many sources it comes to does not matter.
 */
import type { Rule } from "../rule.ts";

export interface SpreadPlan {
  /** So many reports claim a client. */
  readonly reports: number;
  /** With this probability a unit of cost that is admitted silently is reported. */
  readonly probability: number;
}

/**
 * Three reports: one alone would claim every twelfth client of a limit of 100 for its first request, and more of them
 * would have to be gathered for each.
 */
const REPORTS = 3;
/** How many reports a client at its limit causes on average, for each that is needed. */
const MARGIN = 4;

/** The plan of a rule that looks for such clients; `undefined` for one that does not, or admits nothing silently. */
export function spreadPlan({
  spread,
  limit,
  threshold,
}: Pick<Rule, "spread" | "limit" | "threshold">): SpreadPlan | undefined {
  // An automatic threshold begins with this one and is never higher: what is not admitted silently is not picked.
  if (spread !== "auto" || threshold <= 1) return undefined;
  return { reports: REPORTS, probability: Math.min(1, (MARGIN * REPORTS) / limit) };
}

/** How likely it is that a client is not found yet when so much cost was admitted silently: fewer reports than needed. */
export function missProbability({ reports, probability }: SpreadPlan, admitted: number): number {
  if (probability >= 1) return admitted < reports ? 1 : 0;
  const odds = probability / (1 - probability);
  let term = (1 - probability) ** admitted;
  let sum = 0;
  for (let found = 0; found < reports; found++) {
    sum += term;
    term *= ((admitted - found) / (found + 1)) * odds;
  }
  return sum;
}
