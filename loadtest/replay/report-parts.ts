/** The parts of a report that are the same however the requests were sent. */
import { bound, bucketBound } from "../../shared/bound.ts";
import type { Rule } from "../../shared/rule.ts";
import { formatDuration } from "../../shared/time.ts";
import { modeOf } from "./charges.ts";
import type { RuleFigures } from "./figures.ts";
import type { Report, ReportedRule } from "./report.ts";
import type { ReplayRules } from "./rules.ts";
import { isoTime, type Slice, spanOf } from "./slice.ts";

export function sliceFacts(slice: Slice): Report["slice"] {
  const changed = (kind: string): number =>
    slice.entries.filter(({ request }) => request.changed === kind).length;
  return {
    from: isoTime(slice.from),
    forMs: slice.length,
    ...(slice.open && { open: true }),
    spanMs: spanOf(slice),
    sorted: slice.sorted,
    malformed: changed("malformed"),
    unsendable: changed("unsendable"),
  };
}

/** @param spread POPs that a client uses. Each has one isolate, so a client has as many sources */
export const reportedRules = (
  figures: readonly RuleFigures[],
  rules: ReplayRules,
  spread: number,
): ReportedRule[] =>
  figures.flatMap((figure, index) => {
    const [written, run] = [rules.written[index], rules.run[index]];
    if (written === undefined || run === undefined) return [];
    return [
      {
        ...figure,
        limit: run.limit,
        window: formatDuration(written.window),
        windowRunMs: run.window,
        threshold: run.threshold,
        algorithm: run.algorithm,
        mode: modeOf(run, rules),
        bound: requestsAtMost(run, spread),
      },
    ];
  });

/** What the guarantee lets through in one window, in requests. */
export function requestsAtMost(rule: Rule, sources: number): number {
  const { limit, burst, threshold, grace, algorithm, cost } = rule;
  const most =
    algorithm === "token-bucket"
      ? bucketBound({ limit, burst, threshold, grace, sources, windows: 1 })
      : bound({ limit, threshold, grace, sources });
  return Math.floor(most / cost);
}
