/** The report as plain text: aligned columns, no colours, fit to be pasted. */
import { durationMs, formatDuration } from "../../shared/time.ts";
import { count, duration, ms, number, table } from "../tools/columns.ts";
import { comparedNotes, comparedTable } from "./format-compared.ts";
import type { Report } from "./report.ts";

/** The report for people. */
export function formatReport(report: Report): string {
  const parts = [
    facts(report),
    rulesTable(report),
    decisionsTable(report),
    comparedTable(report),
    clientsTable(report),
    notes(report),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function facts(report: Report): string {
  const { log, slice, run, late } = report;
  const lines: [string, string][] = [
    ["log", `${log.path}: ${count(log.lines, "line")}, ${log.unparsed} unparsed`],
    ...log.shown.map((line): [string, string] => [
      "",
      `line ${line.lineNumber}: ${line.problem}: ${line.text}`,
    ]),
  ];
  if (log.unparsed > log.shown.length)
    lines.push(["", `… ${count(log.unparsed - log.shown.length, "more")}`]);
  lines.push([
    "slice",
    `${slice.from} ${slice.open === true ? "on" : `for ${formatDuration(durationMs(slice.forMs))}`}: ${count(report.requests, "request")} of ` +
      `${count(report.clientCount, "client")} within ${duration(slice.spanMs)}`,
  ]);
  if (!slice.sorted) lines.push(["", "the log is not in the order of time: the slice was sorted"]);
  if (slice.malformed > 0)
    lines.push(["", `${count(slice.malformed, "malformed request line")}, sent as GET /`]);
  if (slice.unsendable > 0) {
    lines.push([
      "",
      `${count(slice.unsendable, "request")} with a method or target that cannot be sent, sent as GET`,
    ]);
  }
  const virtual = report.compared !== undefined;
  const where = run.cluster === undefined ? "" : ` at ${run.cluster}`;
  const pace = virtual ? "in virtual time" : `speed ${run.speed}`;
  lines.push([
    "cluster",
    `${run.pops.join(" ")}${where}, rules of ${run.rules}, ${pace}, spread ${run.spread}, seed ${run.seed}`,
  ]);
  if (!virtual) {
    lines.push([
      "sent",
      `within ${duration(run.tookMs)}, at most ${ms(late.maxMs)} ms late (p99 ${ms(late.p99Ms)} ms)`,
    ]);
  }
  lines.push(["answers", answersLine(report)]);
  return lines.map(([name, text]) => `${name.padEnd(9)}${text}`).join("\n");
}

function answersLine(report: Report): string {
  const parts = [`${number(report.admitted)} admitted`, `${number(report.denied)} denied`];
  if (report.undecided > 0) parts.push(`${number(report.undecided)} refused by the server before any Worker`);
  for (const [cause, times] of Object.entries(report.failures))
    parts.push(`${number(times)} failed (${cause})`);
  const statuses = Object.entries(report.statuses).map(([status, times]) => `${status} × ${number(times)}`);
  return `${parts.join(", ")} (${statuses.join(", ")})`;
}

function rulesTable({ rules, run }: Report): string {
  const rows = rules.map((rule) => [
    rule.mode === "shadow" ? `${rule.name} (shadow)` : rule.name,
    `${rule.limit} per ${rule.window}${run.speed === 1 ? "" : ` (run as ${duration(rule.windowRunMs)})`}`,
    number(rule.requests),
    number(rule.admitted),
    number(rule.denied + rule.deniedByOthers),
    rule.requests === 0 ? "-" : `${((100 * rule.waited) / rule.requests).toFixed(1)} %`,
    number(rule.claims),
    rule.excess === undefined ? "-" : number(rule.excess),
    rule.falseDenials === undefined ? "-" : number(rule.falseDenials),
    `${number(rule.admittedPerWindowMax)} of ${number(rule.bound)}`,
  ]);
  const head = [
    "rule",
    "quota",
    "requests",
    "admitted",
    "denied",
    "waited",
    "claims",
    "excess",
    "missing",
    "peak of bound",
  ];
  return table([head, ...rows], 2);
}

function decisionsTable({ decisions }: Report): string {
  const rows = decisions.map((row) => [
    row.decision,
    number(row.requests),
    ms(row.p50Ms),
    ms(row.p99Ms),
    row.addedP50Ms === undefined ? "-" : ms(row.addedP50Ms),
    row.addedP99Ms === undefined ? "-" : ms(row.addedP99Ms),
  ]);
  return table([["decision", "requests", "p50 ms", "p99 ms", "added p50", "added p99"], ...rows], 1);
}

function clientsTable({ clients }: Report): string {
  const rows = clients.map((row) => [
    row.client,
    number(row.requests),
    number(row.admitted),
    number(row.denied),
    row.pops.join(" "),
  ]);
  return table([["client", "requests", "admitted", "denied", "POPs"], ...rows], 1, [4]);
}

function notes({ decisions, keptPace, compared }: Report): string {
  const lines = [
    "waited: share that waited for an owner. claims: (client, window) pairs that got one.",
    "excess, missing: admitted beyond, or short of, an exact count of the same requests in the order sent.",
    "peak of bound: most admitted for one client in one window, and the guarantee's L + (k−1)(T−1+N), N being the grace.",
  ];
  if (decisions.some((row) => row.addedP50Ms !== undefined)) {
    lines.push("added: against the median answer that needed no owner (credit, unlimited).");
  }
  if (compared !== undefined) lines.push(...comparedNotes());
  if (!keptPace) {
    lines.push(
      "This machine was too slow for this speed: what it added to the requests' times exceeds 1 % of the shortest",
      "window, so excess and missing are blurred at the windows' edges. Choose a lower --speed.",
    );
  }
  return lines.join("\n");
}
