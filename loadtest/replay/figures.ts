/** The figures of a replay: what a report says of the requests. */
import type { Decision } from "./sender.ts";

export interface RuleFigures {
  readonly name: string;
  /** Requests that fell under the rule and were decided. */
  readonly requests: number;
  readonly admitted: number;
  /** Denied by this rule. */
  readonly denied: number;
  /** Denied by another rule of the same request; they charge nothing here. */
  readonly deniedByOthers: number;
  /** Requests that waited for an owner (decisions `owner` and `degraded`). */
  readonly waited: number;
  /** (client, window) pairs for which an owner decided. */
  readonly claims: number;
  /** Σ over (client, window) of what was admitted beyond the exact count. Absent in shadow mode. */
  readonly excess?: number;
  /** Σ over (client, window) of what the exact count admits and the cluster did not. Absent in shadow mode. */
  readonly falseDenials?: number;
  /** The most that was admitted for one client in one window. */
  readonly admittedPerWindowMax: number;
}

export interface DecisionFigures {
  readonly decision: Decision;
  readonly requests: number;
  /** Time to the answer's headers at the client, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The same minus the run's median answer without I/O; absent when no request was answered so. */
  readonly addedP50Ms?: number;
  readonly addedP99Ms?: number;
}

export interface ClientFigures {
  readonly client: string;
  readonly requests: number;
  readonly admitted: number;
  readonly denied: number;
  readonly pops: readonly string[];
}

export interface Figures {
  readonly requests: number;
  readonly admitted: number;
  readonly denied: number;
  /** Answers by HTTP status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Answered before any Worker saw them. */
  readonly undecided: number;
  /** Never answered, by cause. */
  readonly failures: Readonly<Record<string, number>>;
  readonly rules: readonly RuleFigures[];
  readonly decisions: readonly DecisionFigures[];
  readonly clients: readonly ClientFigures[];
  readonly clientCount: number;
  /** How late the sender was, ms. */
  readonly late: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
}
