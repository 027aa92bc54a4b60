/** The load on owners as text for people. */
import { number, rate, table } from "../tools/columns.ts";
import type { AsksFigures } from "./asks.ts";
import type { ClusterFigures } from "./asks-cluster.ts";
import type { NamedFigures } from "./asks-loads.ts";
import { formatGoals, section } from "./format.ts";

const percent = (part: number, whole: number): string =>
  whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
const perSecond = (count: number, seconds: number): string => rate(count / seconds);

export function formatAsks(figures: AsksFigures): string {
  const { pops, roundTripsMs, asksPerSecondMax, cluster, virtual, goals } = figures;
  const trips = pops.map((pop, index) => `${pop} ${(roundTripsMs[index] ?? 0).toFixed(1)}`).join(", ");
  return section("The load on an owner, whatever the rate", [
    `Round trips to it, ms: ${trips}. The sum of 1/RTT: ${rate(asksPerSecondMax)} a second.`,
    table([CLUSTER_HEAD, ...cluster.map(clusterRow)], 1),
    table([VIRTUAL_HEAD, ...virtual.map(virtualRow)], 1),
    WORDS,
    formatGoals(goals),
  ]);
}

const CLUSTER_HEAD = [
  "cluster",
  "requests/s",
  "Asks/s",
  "requests per Ask",
  "no I/O",
  "owner",
  "degraded",
  "sent twice",
];

function clusterRow(figures: ClusterFigures): readonly string[] {
  const { kind, seconds, requests, decisions, asks, repeated } = figures;
  return [
    figures.rate === undefined ? `${kind}, flat out` : `${kind}, ${number(figures.rate)}/s`,
    perSecond(requests, seconds),
    perSecond(asks, seconds),
    asks === 0 ? "-" : rate(requests / asks),
    percent(decisions.blocked ?? 0, requests),
    percent(decisions.owner ?? 0, requests),
    percent(decisions.degraded ?? 0, requests),
    number(repeated),
  ];
}

const VIRTUAL_HEAD = [
  "virtual time",
  "Asks/s",
  "calls/s",
  "rows per 1,000",
  "announced/s",
  "no I/O",
  "owner",
  "at once",
  "timed out",
  "waiting",
  "longest, ms",
];

function virtualRow(figures: NamedFigures): readonly string[] {
  const { kind, seconds, requests, asks, calls, rowsWritten, announcements } = figures;
  return [
    `${kind}, ${number(figures.rate)}/s`,
    perSecond(asks, seconds),
    perSecond(calls, seconds),
    (requests === 0 ? 0 : (1000 * rowsWritten) / requests).toFixed(2),
    perSecond(announcements, seconds),
    percent(figures.blocked + figures.credit, requests),
    percent(figures.owner, requests),
    percent(figures.degradedAtOnce, requests),
    percent(figures.timedOut, requests),
    number(figures.waitingMost),
    figures.waitedMostMs.toFixed(0),
  ];
}

const WORDS = `busy: one client under its limit, so every request needs its owner. blocked: one client over its limit.
shared: 200 busy clients of one owner object. leased: the same, where the rule leases ("auto"). cut off: 2,000 of
them without leases, and no Ask reaches the owner.
calls: RPCs to owners. rows: written per 1,000 requests. announced: RPCs to hubs. at once: on_failure decided on
arrival, as too many waited. timed out: on_failure decided after a wait. waiting: the most in one isolate at a time.`;
