/** What an auditor sums up, window by window. */
import type { AccuracyFigures } from "../telemetry/live.ts";

/** In cost; `worst` and `bound` are of one window of one key. */
export type Totals = Omit<AccuracyFigures, "rule">;

export const NO_TOTALS: Totals = { admitted: 0, over: 0, under: 0, worst: 0, bound: 0 };

/** How far beyond its bound the worst window is. */
const excess = ({ worst, bound }: Totals): number => Math.max(0, worst - bound);

/** Whether `a` names the worse window: further beyond its bound, else further over. */
const isWorse = (a: Totals, b: Totals): boolean =>
  (excess(a) - excess(b) || a.worst - b.worst || a.bound - b.bound) > 0;

/** The totals of what either has. */
export function together(a: Totals, b: Totals): Totals {
  const { worst, bound } = isWorse(b, a) ? b : a;
  return {
    admitted: a.admitted + b.admitted,
    over: a.over + b.over,
    under: a.under + b.under,
    worst,
    bound,
  };
}
