/** What many trials came to, for people and for programs. */
import { number } from "../tools/columns.ts";
import { FAULTS, type Fault, ROWS, type Row } from "./faults.ts";
import type { Found, TrialsReport } from "./trials.ts";

export function formatTrials(report: TrialsReport, more: string): string {
  const { runs, from, tally, violations, threads, seconds, faults } = report;
  const line = (count: number, name: string, text: string): string =>
    `${number(count).padStart(14)}  ${name.padEnd(10)} ${text}`;
  const on = threads === 1 ? "one thread" : `${threads} threads`;
  return [
    `${number(runs)} trials, seeds ${from} to ${from + runs - 1}, in ${seconds.toFixed(1)} s on ${on}`,
    `${number(tally.steps)} steps, ${number(tally.requests)} requests, ${number(tally.admitted)} of them admitted, ` +
      `${number(tally.asks)} Asks, ${number(tally.announcements)} announcements`,
    "",
    "Faults injected",
    ...faults.map((name) => line(tally.faults[name], name, FAULTS[name])),
    ...(faults.length === 0 ? ["  none"] : []),
    "",
    "Rows of the failure table reached",
    ...Object.entries(tally.rows).map(([name, count]) => line(count, name, ROWS[name as Row])),
    "",
    violations.length === 0 ? "No violation." : "Violations",
    ...violations.map((found) => formatViolation(found, more)),
    "",
  ].join("\n");
}

const formatViolation = ({ seed, checker, text, atMs }: Found, more: string): string =>
  `  seed ${seed}, ${(atMs / 1000).toFixed(3)} s: ${checker}: ${text}\n    ${replayOf(seed, more)}`;

/** @param more options besides the seed, as the trials had them */
const replayOf = (seed: number, more: string): string =>
  `npm run simulate -- --seed ${seed} --transcript${more}`;

export function trialsJson({ tally, violations, ...report }: TrialsReport, more: string): string {
  const { faults, rows, ...counts } = tally;
  const injected = Object.fromEntries(report.faults.map((name: Fault) => [name, faults[name]]));
  const found = violations.map((one) => ({ ...one, replay: replayOf(one.seed, more) }));
  return `${JSON.stringify({ ...report, ...counts, injected, rows, violations: found }, null, 2)}\n`;
}
