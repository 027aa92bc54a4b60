/** The part of a report in virtual time that compares ways of counting: what each did, and what it needs. */
import { dollars, number, rate, table } from "../tools/columns.ts";
import type { Counting, Peak } from "./comparisons.ts";
import { PRICES } from "./prices.ts";
import type { Report } from "./report.ts";

const HEAD = [
  "counting",
  "excess",
  "missing",
  "peak of bound",
  "calls",
  "asks",
  "rows",
  "announced",
  "frames",
  "watches",
  "$ per million",
];

/** Empty for a run over HTTP, which does not count messages. */
export function comparedTable({ compared = [], requests, rules }: Report): string {
  if (compared.length === 0) return "";
  return table([HEAD, ...compared.map((one) => row(one, requests, rules.length > 1))], 1);
}

function row({ name, excess, missing, peak, messages, bill }: Counting, requests: number, named: boolean) {
  const per = (total: number): string => rate((1_000 * total) / requests);
  return [
    name,
    excess === undefined ? "-" : number(excess),
    missing === undefined ? "-" : number(missing),
    peakText(peak, named),
    per(messages.calls),
    per(messages.asks),
    per(messages.rowsWritten),
    per(messages.announcements),
    per(messages.frames),
    per(messages.connections),
    dollars(bill.perMillion),
  ];
}

/** The most that was admitted for one client in one window, and the most that can be. */
export const peakText = ({ rule, admitted, bound }: Peak, named: boolean): string =>
  `${named ? `${rule} ` : ""}${number(admitted)} of ${number(bound)}`;

/** What the columns mean. */
export const comparedNotes = (): readonly string[] => [
  "calls to owners, the Asks in them, rows written, announcements to hubs, frames from hubs, connections to hubs:",
  "for each 1,000 requests. $: what objects would cost for a million requests, by the prices of",
  `${PRICES.asOf.durableObjects}, monthly allowances left out.`,
];
