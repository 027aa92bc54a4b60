/** The sweep as a table in Markdown, fit to be pasted into a document. */
import { count, dollars, number, rate } from "../tools/columns.ts";
import { peakText } from "./format-compared.ts";
import { PRICES } from "./prices.ts";
import { roundedJson } from "./report.ts";
import type { Sweep, SweepRow } from "./sweep.ts";

const HEAD = [
  "threshold",
  "spread",
  "wrong decisions",
  "peak of bound",
  "waited",
  "owner calls per 1,000",
  "bill per million",
];

/** The table with a line above and notes below. */
export function formatSweep(sweep: Sweep): string {
  const { log, slice, run, requests } = sweep;
  const rows = sweep.rows.map((row) => cells(row, requests, several(sweep)));
  const parts = [
    `${log.path} from ${slice.from} on, ${count(requests, "request")} of ${count(sweep.clientCount, "client")} ` +
      `over ${run.pops.join(" ")} in virtual time, rules of ${run.rules}, seed ${run.seed}`,
    markdown([HEAD, ...rows]),
    notes(sweep).join("\n"),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** One JSON document. */
export const sweepJson = (sweep: Sweep): string => roundedJson(sweep);

/** Whether peaks have to say which rule they are of. */
const several = ({ rows }: Sweep): boolean =>
  new Set(rows.map(({ counting }) => counting.peak.rule)).size > 1;

function cells(
  { threshold, spread, waited, counting }: SweepRow,
  requests: number,
  named: boolean,
): string[] {
  const { name, excess, missing, peak, messages, bill } = counting;
  return [
    threshold === undefined ? name : threshold === "auto" ? threshold : number(threshold),
    spread === undefined ? "any" : number(spread),
    excess === undefined || missing === undefined ? "-" : wrong(excess, missing),
    peakText(peak, named),
    `${rate(100 * waited)} %`,
    rate((1_000 * messages.calls) / requests),
    dollars(bill.perMillion),
  ];
}

const wrong = (excess: number, missing: number): string =>
  excess + missing === 0 ? "0" : `${number(excess + missing)} (+${number(excess)} −${number(missing)})`;

function markdown(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  const rule = `|${widths.map((width, column) => `${"-".repeat(width + 1)}${column === 0 ? "-" : ":"}`).join("|")}|`;
  return [line(head), rule, ...body.map(line)].join("\n");
}

function notes({ clipped }: Sweep): string[] {
  return [
    ...clipped.map(
      ({ rule, limit, below }) =>
        `Thresholds above the limit of rule ${rule} (${below.map(number).join(", ")}) were run as its limit, ${number(limit)}.`,
    ),
    "Wrong decisions: admitted beyond (+) and short of (−) an exact count of the same requests in the order sent.",
    `Bill: what objects cost, by the prices of ${PRICES.asOf.durableObjects}, monthly allowances left out.`,
  ];
}
