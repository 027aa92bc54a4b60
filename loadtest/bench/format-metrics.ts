/** What counting for the metrics costs, as text for people. */
import { table } from "../tools/columns.ts";
import { formatGoals, section, spread, times } from "./format.ts";
import type { MetricsFigures } from "./metrics.ts";

export function formatMetrics({ figures, rounds, goals }: MetricsFigures): string {
  const ns = (value: number): string => value.toFixed(0);
  const rows = figures.map(({ name, median, spread: range, same }) => [
    name,
    ns(median),
    spread(range, ns),
    times(same.median),
    spread(same.spread, times),
  ]);
  return section(`What metrics cost a request: ns each, medians of ${rounds} rounds`, [
    table([["", "ns", "rounds", "against itself", "rounds"], ...rows], 1),
    formatGoals(goals),
  ]);
}
