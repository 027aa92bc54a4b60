/** What a planet run came to, for people and for programs. */
import { durationMs, formatDuration } from "../../shared/time.ts";
import { PRICES } from "../replay/prices.ts";
import { count, dollars, duration, number, rate, table } from "../tools/columns.ts";
import type { BoundViolation } from "./bound-check.ts";
import { type Decided, HOWS } from "./decision-tally.ts";
import type { PlanetReport } from "./planet-report.ts";
import type { Spread } from "./skew-figures.ts";
import { SHAPES } from "./traffic.ts";

/** One JSON document. */
export const planetJson = (report: PlanetReport): string => `${JSON.stringify(report, null, 2)}\n`;

/** Whether the guarantee held, and no block held sooner than distance allows. */
export const planetHolds = ({ bound, skew }: PlanetReport): boolean =>
  bound.violated === 0 && skew.tooSoon === 0;

/** The report for people. */
export function formatPlanet(report: PlanetReport): string {
  const parts = [
    facts(report),
    rulesTable(report),
    decisionsTable(report),
    shapesTable(report),
    boundText(report),
    skewTable(report),
    messagesTable(report),
    costs(report),
    verdict(report),
  ];
  return `${parts.join("\n\n")}\n`;
}

function facts({ places, isolates, clients, requests, virtualMs, seed, steps, machine }: PlanetReport) {
  const { elapsedMs, cpuMs, peakRssBytes } = machine;
  return [
    `${count(places, "place")}, ${count(isolates, "isolate")}, ${count(clients, "client")}, ` +
      `${count(requests, "request")} in ${duration(virtualMs)} of simulated time, seed ${seed}`,
    `took ${duration(elapsedMs)} (${duration(cpuMs)} of processor time), ${number(steps)} steps, ` +
      `at most ${bytes(peakRssBytes)} of memory`,
  ].join("\n");
}

function rulesTable({ rules }: PlanetReport): string {
  const time = (ms: number): string => formatDuration(durationMs(ms));
  const rows = rules.map(({ name, limit, windowMs, threshold, blockForMs }) => [
    name,
    `${number(limit)} per ${time(windowMs)}`,
    number(threshold),
    blockForMs === undefined ? "-" : time(blockForMs),
  ]);
  return table([["rule", "quota", "threshold", "blocks for"], ...rows], 2);
}

function decisionsTable({ decisions, requests, admitted, denied }: PlanetReport): string {
  const row = (name: string, decided: Decided): string[] => [
    name,
    number(decided.requests),
    percent(decided.requests / requests),
    number(decided.admitted),
    number(decided.denied),
  ];
  const rows = HOWS.map((how) => row(how, decisions[how]));
  const all = row("all", { requests, admitted, denied });
  return table([["decision", "requests", "share", "admitted", "denied"], ...rows, all], 1);
}

function shapesTable({ shapes }: PlanetReport): string {
  const rows = SHAPES.map((shape) => {
    const { clients, requests, admitted, denied } = shapes[shape];
    return [shape, ...[clients, requests, admitted, denied].map(number)];
  });
  return table([["traffic", "clients", "requests", "admitted", "denied"], ...rows], 1);
}

function boundText({ bound }: PlanetReport): string {
  const { windows, overLimit, excess, peakShare, violated, violations } = bound;
  return [
    `bound: ${count(windows, "window")} of clients checked, ${number(overLimit)} over the limit, ` +
      `by ${count(excess, "request")} in all`,
    `most over the limit: ${percent(peakShare)} of what is allowed beyond it, (k−1)(T−1); ` +
      `${count(violated, "violation")}`,
    ...violations.map(violationLine),
    ...(violated > violations.length ? [`  … ${count(violated - violations.length, "more")}`] : []),
  ].join("\n");
}

const violationLine = ({ rule, client, window, admitted, sources, bound }: BoundViolation): string =>
  `  rule ${rule}, client ${client}, window ${window}: ${number(admitted)} admitted by ` +
  `${count(sources, "source")}, at most ${number(bound)} are allowed`;

/** Block skew, and what it is measured against. */
const SPREADS = {
  skew: "to the last source that sees the client",
  listening: "to the last that listened to its hub then",
  overHub: "physical limit: one way over the hub",
  straight: "physical limit: straight to the farthest",
} as const;

function skewTable({ skew, skewByShape }: PlanetReport): string {
  const spread = ({ p50Ms, p99Ms, maxMs }: Spread): string[] =>
    [p50Ms, p99Ms, maxMs].map((value) => (skew.blocks === 0 ? "-" : rate(value)));
  const names = Object.keys(SPREADS) as (keyof typeof SPREADS)[];
  const spreads = names.map((name) => [SPREADS[name], ...spread(skew[name])]);
  const shapes = SHAPES.filter((shape) => skewByShape[shape].blocks > 0).map((shape) => {
    const { blocks, sources, unheard, ...figures } = skewByShape[shape];
    const medians = names.map((name) => rate(figures[name].p50Ms));
    return [shape, ...[blocks, sources, unheard].map(number), ...medians];
  });
  const { blocks, sources, unheard } = skew;
  return [
    `${count(blocks, "block")}, from the owner's first denial until it holds at the ${count(sources, "source")} that ` +
      `see the client (${number(unheard)} never heard)`,
    table([["ms", "p50", "p99", "max"], ...spreads], 1),
    "",
    table(
      [["p50 of", "blocks", "sources", "unheard", "last", "listening", "over hub", "straight"], ...shapes],
      1,
    ),
  ].join("\n");
}

function messagesTable({ messages, requests, waited, claims, heard, heardClaims }: PlanetReport): string {
  const { calls, asks, rowsWritten, announcements, frames, connections } = messages;
  const totals = { calls, asks, rows: rowsWritten, announced: announcements, frames, connections, waited };
  const per = Object.values(totals).map((total) => rate((1_000 * total) / requests));
  return [
    table(
      [
        ["messages", ...Object.keys(totals)],
        ["per 1,000 requests", ...per],
      ],
      1,
    ),
    `${count(claims, "window")} of clients had an owner; sources heard ${count(heard, "announcement")}, ` +
      `${number(heardClaims)} of them of claims only`,
  ].join("\n");
}

function costs({ bill, sourceBytes, replaced }: PlanetReport): string {
  const { objectRequests, objectDuration, rowsWritten, rowsRead, perMillion } = bill;
  const { entries, table: tableBytes, hotKeysMax, hotKeys } = sourceBytes;
  return [
    `bill for a million requests: ${dollars(perMillion)} = calls ${dollars(objectRequests)} + ` +
      `duration ${dollars(objectDuration)} + rows written ${dollars(rowsWritten)} + rows read ${dollars(rowsRead)}, ` +
      `prices of ${PRICES.asOf.durableObjects}`,
    `one source: table of ${number(entries)} entries, ${bytes(tableBytes)}; up to ${number(hotKeysMax)} hot keys, ` +
      `${bytes(hotKeys)}; replaced while they counted, in all: ${number(replaced)}`,
  ].join("\n");
}

function verdict(report: PlanetReport): string {
  if (planetHolds(report)) return "No violation.";
  const { bound, skew } = report;
  return [
    ...(bound.violated > 0
      ? [`VIOLATED: more was admitted than is guaranteed, in ${count(bound.violated, "window")}.`]
      : []),
    ...(skew.tooSoon > 0
      ? [`VIOLATED: ${count(skew.tooSoon, "block")} held sooner than distance allows.`]
      : []),
  ].join("\n");
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function bytes(value: number): string {
  const [scaled, unit] =
    value < 1e6 ? [value / 1e3, "kB"] : value < 1e9 ? [value / 1e6, "MB"] : [value / 1e9, "GB"];
  return `${scaled.toFixed(unit === "GB" ? 2 : 0)} ${unit}`;
}
