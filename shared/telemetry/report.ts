/**
 * What an isolate hands to its hub now and then: all that it counted, cumulative, so that a repeated report counts
 * once; and what it is like at the moment.
 */
import * as v from "valibot";
import { KEYS_REPORTED_MAX, RULES_REPORTED_MAX } from "../limits.ts";
import { type Decoded, decode, encode } from "../protocol/codec.ts";
import { count, hex, time } from "../protocol/fields.ts";
import { ASK_BUCKET_COUNT, DEGRADED_CAUSES, FURTHER_COUNT, NO_FURTHER, OUTCOME_COUNT } from "./outcomes.ts";
import type { TallyReading } from "./tally.ts";

const counts = (length: number) => v.pipe(v.array(count), v.length(length));

const ruleSchema = v.object({
  version: hex(16),
  name: v.string(),
  mode: v.picklist(["enforce", "shadow"]),
  counts: counts(OUTCOME_COUNT),
  degraded: counts(DEGRADED_CAUSES.length),
  // Isolates of older releases do not count it.
  further: v.exactOptional(counts(FURTHER_COUNT), NO_FURTHER),
});

const keySchema = v.object({
  /** The rule's version. */
  rule: hex(16),
  /** 16 hex digits: where POPs keep the key. */
  tag: hex(16),
  /** 32 hex digits, the tag first, once somebody has computed them. */
  hash: v.nullable(hex(32)),
  /** The readable key, only where KEY_DISPLAY allows it. */
  label: v.nullable(v.string()),
  window: count,
  used: count,
  /** What it holds ahead of asking, and the threshold in force where that is automatic. */
  ahead: v.exactOptional(count),
  threshold: v.exactOptional(count),
  claimed: v.boolean(),
  blockedUntil: v.nullable(time),
  /** When this isolate learnt of the block. */
  blockedSince: v.nullable(time),
});

const reportSchema = v.object({
  /** The isolate's id and which of its tallies this is: `3f9c21d07ab84e55.1`. */
  source: v.pipe(v.string(), v.nonEmpty(), v.maxLength(64)),
  /** One more than the report before; a report that is repeated has the same bytes. */
  seq: count,
  pop: v.pipe(v.string(), v.maxLength(64)),
  rules: v.pipe(v.array(ruleSchema), v.maxLength(RULES_REPORTED_MAX)),
  unlimited: count,
  faults: count,
  heard: count,
  busy: count,
  asks: counts(ASK_BUCKET_COUNT),
  askMs: v.pipe(v.number(), v.finite(), v.minValue(0)),
  /** How long ago this isolate last had a connection to its hub, ms; 0 while it has one, null before the first. */
  watchAgeMs: v.nullable(count),
  /** Clients in the credit table, the most that fit in, and how many were pushed out while they still counted. */
  entries: count,
  capacity: count,
  replacements: count,
  /** The automatic thresholds in force, by the rule's name. */
  thresholds: v.exactOptional(v.pipe(v.array(v.tuple([v.string(), count])), v.maxLength(RULES_REPORTED_MAX))),
  /** The busiest clients, only while somebody looks. */
  keys: v.pipe(v.array(keySchema), v.maxLength(KEYS_REPORTED_MAX)),
});

export type Report = v.InferOutput<typeof reportSchema>;
export type ReportedKey = v.InferOutput<typeof keySchema>;

/** What of a report is not counted but looked up when it leaves. */
export type Situation = Pick<
  Report,
  "pop" | "watchAgeMs" | "entries" | "capacity" | "replacements" | "thresholds" | "keys"
> & {
  /** By rule, requests that credit held ahead paid for since the last report. It is taken over into the counts. */
  readonly paidAhead?: Float64Array;
};

/** What a hub has stored: which report of whom. */
export interface Receipt {
  readonly source: string;
  readonly seq: number;
  /** Its counts are part of a sum, with that report as the last: what comes later has to be counted from there. */
  readonly putAway?: boolean;
}

const receiptSchema = v.union([
  v.object({ source: v.string(), seq: count, putAway: v.exactOptional(v.boolean()) }),
  v.object({ error: v.picklist(["unknown-schema", "malformed"]), speaks: count }),
]);

export type ReceiptReply = v.InferOutput<typeof receiptSchema>;

export const encodeReport = (report: Receipt & TallyReading & Omit<Situation, "paidAhead">): Uint8Array =>
  encode(report);
export const decodeReport = (bytes: unknown): Decoded<Report> => decode(reportSchema, bytes);
export const encodeReceipt = (reply: ReceiptReply, schema?: number): Uint8Array => encode(reply, schema);
export const decodeReceipt = (bytes: unknown): Decoded<ReceiptReply> => decode(receiptSchema, bytes);
