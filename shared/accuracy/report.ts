/**
 * What an isolate tells the auditor of a rule: what became of the requests of sampled keys. Rows only add to what was
 * told before; a report is told apart by its source and number, and counts once however often it arrives.
 */
import * as v from "valibot";
import { type Decoded, decode, encode } from "../protocol/codec.ts";
import { count, hex, length, policySchema, positive, time } from "../protocol/fields.ts";
import type { RulePolicy } from "../protocol/messages.ts";
import { type DurationMs, durationMs, type EpochMs } from "../time.ts";

/**
 * Requests of one cost in one step of a window: the step's number, what each costs, how many were admitted, how many
 * were denied by this rule, and how many of those admitted were so by `on_failure`.
 */
export type ObservedRow = readonly [
  step: number,
  cost: number,
  admitted: number,
  denied: number,
  unowned: number,
];

export interface ObservedWindow {
  /** The key's tag, 16 hex digits. */
  readonly key: string;
  /** Where its windows begin. */
  readonly offsetMs: DurationMs;
  readonly window: number;
  /** False when something of it is missing, or was decided by another limit than the rule's. */
  readonly complete: boolean;
  readonly rows: readonly ObservedRow[];
}

export interface Report {
  /** The isolate. */
  readonly source: string;
  /** From 1 on, one more for each report to this auditor. */
  readonly seq: number;
  /** The rule; the offset of its grid is no key's. */
  readonly rule: RulePolicy;
  /** How long a step is. */
  readonly stepMs: DurationMs;
  readonly windows: readonly ObservedWindow[];
  /** Until then something was seen of which no report tells. */
  readonly lostUntil?: EpochMs;
}

const windowSchema = v.object({
  key: hex(16),
  offsetMs: length,
  window: count,
  complete: v.boolean(),
  rows: v.array(v.tuple([count, positive, count, count, count])),
});

const reportSchema = v.object({
  source: v.pipe(v.string(), v.nonEmpty()),
  seq: positive,
  rule: policySchema,
  stepMs: v.pipe(positive, v.transform(durationMs)),
  windows: v.array(windowSchema),
  lostUntil: v.exactOptional(time),
});

export const encodeReport = (report: Report, schema?: number): Uint8Array => encode(report, schema);
export const decodeReport = (bytes: unknown): Decoded<Report> => decode(reportSchema, bytes);

/** The name of the object that audits a rule: no key's owner has it, for those begin with the version. */
export const auditorName = (ruleVersion: string): string => `accuracy:${ruleVersion}`;
