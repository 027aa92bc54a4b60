/** What the limiter did in a run: claims, requests that waited, and what it admitted beyond the limit. */
import type { ClusterState } from "../cluster/shapes.ts";
import { count, duration, number, table } from "../tools/columns.ts";
import type { Plan } from "./plans.ts";
import { boundOf } from "./rules.ts";
import { THRESHOLDS_FAILED } from "./runner/run.ts";
import { type SoakReport, soakRows } from "./soaking/report.ts";

export interface LimiterReport {
  readonly script: string;
  /** `k6 v1.8.1`, or `built-in`. */
  readonly runner: string;
  readonly exitCode: number;
  readonly pops: readonly string[];
  readonly limit: number;
  readonly threshold: number;
  readonly windowSeconds: number;
  /** Windows that the run touched, at most. */
  readonly windows: number;
  /** For one client in one window. */
  readonly bound: number;
  readonly admitted: number;
  readonly denied: number;
  /** Requests that waited for their client's owner, and their share. */
  readonly waited: number;
  readonly waitedShare: number;
  /** Clients that have an owner. */
  readonly claims: number;
  /** Admitted beyond the limit, over all clients. */
  readonly excess: number;
  /** Of a soak. */
  readonly soak?: SoakReport;
}

export interface Ran {
  readonly script: string;
  readonly runner: string;
  readonly exitCode: number;
  readonly plan: Plan;
  readonly pops: readonly string[];
  readonly windows: number;
  readonly counters: ReadonlyMap<string, number>;
  readonly state: ClusterState;
  readonly soak?: SoakReport | undefined;
}

/** The figures of a run; `undefined` when its runner left no counters. */
export function reportOf({ counters, state, plan, soak, ...ran }: Ran): LimiterReport | undefined {
  if (counters.size === 0) return undefined;
  const counted = (name: string): number => counters.get(name) ?? 0;
  const [admitted, denied, waited] = [counted("admitted"), counted("denied"), counted("waited")];
  const soakFailed = soak !== undefined && soak.failures.length > 0;
  return {
    ...ran,
    exitCode: ran.exitCode === 0 && soakFailed ? THRESHOLDS_FAILED : ran.exitCode,
    limit: plan.limit,
    threshold: plan.threshold,
    windowSeconds: plan.windowSeconds,
    bound: boundOf(plan, ran.pops.length),
    admitted,
    denied,
    waited,
    waitedShare: admitted + denied === 0 ? 0 : waited / (admitted + denied),
    claims: new Set(state.owners.map(({ key }) => key)).size,
    excess: excessOf(counters, plan.limit * ran.windows),
    ...(soak !== undefined && { soak }),
  };
}

/**
 * The script's own count where it has one; else by client, as far as the script tells clients apart. A script
 * that does not has one client, or none above its limit.
 */
function excessOf(counters: ReadonlyMap<string, number>, quota: number): number {
  const own = counters.get("excess");
  if (own !== undefined) return own;
  const beyond = (admitted: number): number => Math.max(0, admitted - quota);
  const clients = Array.from(counters).filter(([name]) => name.startsWith("admitted{client:"));
  if (clients.length > 0) return clients.reduce((sum, [, admitted]) => sum + beyond(admitted), 0);
  return (counters.get("denied") ?? 0) === 0 ? 0 : beyond(counters.get("admitted") ?? 0);
}

/** The report as text. */
export function formatReport(report: LimiterReport): string {
  const { admitted, denied, pops, limit, windowSeconds, threshold, windows, bound } = report;
  const rows = [
    [
      "limiter",
      `${limit} per ${duration(1_000 * windowSeconds)}, threshold ${threshold}, at ${pops.join(" ")}`,
    ],
    ["requests", `${number(admitted)} admitted, ${number(denied)} denied`],
    ["claims", `${count(report.claims, "client")} with an owner`],
    ["waited", `${(100 * report.waitedShare).toFixed(1)} % (${number(report.waited)}) for an owner`],
    [
      "excess",
      `${number(report.excess)} beyond the limit; at most ${bound} for one client in a window, of which the run touched ${number(windows)}`,
    ],
    ...(report.soak === undefined ? [] : soakRows(report.soak)),
  ];
  return `${table(rows, 2)}\n`;
}
