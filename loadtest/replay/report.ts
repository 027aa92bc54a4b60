/** The report as one document; format.ts prints it for people. */

import type { Algorithm } from "../../shared/protocol/messages.ts";
import type { Counting } from "./comparisons.ts";
import type { Figures, RuleFigures } from "./figures.ts";
import type { LogSummary } from "./log-reader.ts";

/** A rule as it is written and as it was run. */
export interface ReportedRule extends RuleFigures {
  readonly limit: number;
  /** As in the rules file, such as `"1m"`. */
  readonly window: string;
  /** Divided by the speed. */
  readonly windowRunMs: number;
  readonly threshold: number;
  readonly algorithm: Algorithm;
  readonly mode: "enforce" | "shadow";
  /** What may be admitted in one window at most: L + (k−1)(T−1+N), N being the grace and k the POPs that a client uses. */
  readonly bound: number;
}

export interface Report extends Omit<Figures, "rules"> {
  readonly log: { readonly path: string } & LogSummary;
  readonly slice: {
    readonly from: string;
    readonly forMs: number;
    /** No length was named: it goes to the end of the log. */
    readonly open?: boolean;
    /** From its first request to its last. */
    readonly spanMs: number;
    /** Whether the log was in the order of time; if not, the slice was sorted. */
    readonly sorted: boolean;
    /** Request lines that were no HTTP, sent as `GET /`. */
    readonly malformed: number;
    /** Requests with a method or target that cannot be sent, sent as GET. */
    readonly unsendable: number;
  };
  readonly run: {
    readonly startedAt: string;
    readonly tookMs: number;
    readonly rules: string;
    readonly speed: number;
    readonly spread: number;
    readonly seed: number;
    readonly pops: readonly string[];
    /** The cluster's URL when it was not started for this run. */
    readonly cluster?: string;
  };
  readonly rules: readonly ReportedRule[];
  /**
   * False when this machine was too slow for the speed: what it added to each request's time blurs which
   * window the request belongs to, and with it excess and missing.
   */
  readonly keptPace: boolean;
  /** Only of a run in virtual time: the same requests under this and two other ways of counting. */
  readonly compared?: readonly Counting[];
}

/** Share of the shortest window that requests may be late in all before counts per window are blurred. */
const BLUR_MAX = 0.01;

/** Whether the sender's lateness and the answers that need no I/O together stay small against the windows. */
export function keptPace(
  figures: Pick<Figures, "late" | "decisions">,
  windowsMs: readonly number[],
): boolean {
  const local = figures.decisions.find(({ decision }) => decision === "credit" || decision === "blocked");
  return figures.late.p99Ms + (local?.p50Ms ?? 0) <= BLUR_MAX * Math.min(...windowsMs);
}

/** The report for programs: one JSON document, times to the microsecond. */
export const reportJson = (report: Report): string => roundedJson(report);

/** A document without the noise of binary fractions: three digits after the point. */
export const roundedJson = (document: object): string =>
  `${JSON.stringify(document, (_name, value) => (typeof value === "number" ? Math.round(value * 1e3) / 1e3 : value), 2)}\n`;
