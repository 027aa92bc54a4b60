/** What a run was, as text in the manner of k6's own summary. */
import { duration, number, rate, table } from "../../tools/columns.ts";
import type { Series } from "./metrics.ts";
import { checks, registry } from "./session.ts";
import type { Verdict } from "./thresholds.ts";

const mark = (passed: boolean): string => (passed ? "✓" : "✗");

export function formatSummary(verdicts: readonly Verdict[], seconds: number): string {
  const parts = [
    section("thresholds", verdictLines(verdicts)),
    section(
      "checks",
      Array.from(checks, ([name, { passes, fails }]) =>
        fails === 0 ? `✓ ${name}` : `✗ ${name}: ${passes} of ${passes + fails}`,
      ),
    ),
    section("metrics", metricLines(seconds)),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

const section = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? "" : [title, ...lines.map((line) => `  ${line}`)].join("\n");

function verdictLines(verdicts: readonly Verdict[]): readonly string[] {
  if (verdicts.length === 0) return [];
  const rows = verdicts.map(({ metric, text, condition, found, passed }) => [
    mark(passed),
    metric,
    text,
    `${condition.aggregate}=${Number(found.toFixed(2))}`,
  ]);
  return table(rows, 4).split("\n");
}

function metricLines(seconds: number): readonly string[] {
  const used = Array.from(registry.series).filter(([, { samples }]) => samples > 0);
  const rows = used
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, series]) => [name, figures(name, series, seconds)]);
  return rows.length === 0 ? [] : table(rows, 2).split("\n");
}

function figures(name: string, series: Series, seconds: number): string {
  if (series.kind === "counter") return `${number(series.sum)}  ${rate(series.aggregate("rate", seconds))}/s`;
  if (series.kind === "rate") {
    return `${(100 * series.aggregate("rate", seconds)).toFixed(2)} %  ${series.sum} of ${series.samples}`;
  }
  // k6's own trends are times.
  const isTime = name.includes("_duration");
  const shown = (value: number): string => (isTime ? duration(value) : String(Number(value.toFixed(2))));
  return ["avg", "min", "med", "max", "p(90)", "p(95)"]
    .map((aggregate) => `${aggregate}=${shown(series.aggregate(aggregate, seconds))}`)
    .join(" ");
}
