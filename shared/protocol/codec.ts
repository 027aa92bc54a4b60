/**
 * Messages as bytes: msgpack of `[schema, value]`, the one thing that no schema changes. Fields go by name, and
 * what a reader does not know it leaves out. A reader that meets a number it does not know, or a frame that is no
 * message, says so instead of guessing. What the numbers mean stands in `schema.ts`.
 */
import { Packr } from "msgpackr/index-no-eval";
import * as v from "valibot";
import { assert } from "../assert.ts";
import type { EpochMs } from "../time.ts";
import { count, hex, policySchema, positive, time } from "./fields.ts";
import type { Announcement, Answer, Ask } from "./messages.ts";
import { SCHEMA, SCHEMA_MIN } from "./schema.ts";

/** What was read, and the schema it was written in; 0 when the bytes do not even say that. */
export type Decoded<T> =
  | { readonly ok: true; readonly schema: number; readonly value: T }
  | { readonly ok: false; readonly schema: number; readonly error: "unknown-schema" | "malformed" };

const packr = new Packr({ useRecords: false });

const askSchema = v.object({
  source: v.pipe(v.string(), v.nonEmpty()),
  pop: v.string(),
  rule: policySchema,
  key: hex(32),
  label: v.exactOptional(v.string()),
  window: count,
  seq: count,
  epochSeen: count,
  spent: count,
  kept: v.exactOptional(count),
  counted: count,
  previousSpent: count,
  claimSeen: v.exactOptional(time),
  want: v.array(positive),
  ahead: v.exactOptional(count),
});

const verdicts = {
  epoch: count,
  version: count,
  claimedUntil: v.exactOptional(time),
  fullUntil: v.exactOptional(time),
  penaltyUntil: v.exactOptional(time),
};

const answerSchema = v.variant("kind", [
  v.object({
    kind: v.literal("granted"),
    ...verdicts,
    window: count,
    seq: count,
    granted: count,
    remaining: count,
    resetAt: time,
    sources: v.exactOptional(count),
    limit: v.exactOptional(positive),
    keptBack: v.exactOptional(count),
    busy: v.exactOptional(v.boolean()),
  }),
  v.object({ kind: v.literal("refused"), seq: count, window: count, now: time }),
  v.object({ kind: v.literal("dropped"), seq: count }),
]);

const announcementSchema = v.object({
  key: hex(32),
  ruleVersion: hex(16),
  label: v.exactOptional(v.string()),
  claimedBy: v.exactOptional(v.string()),
  sources: v.exactOptional(count),
  found: v.exactOptional(v.boolean()),
  ...verdicts,
  released: v.exactOptional(v.boolean()),
});

/** A hub's frame to a watcher: announcements `from`–`to` of the feed's numbering, both ends included. */
export interface FeedFrame {
  /** The hub's incarnation; a hub that restarts numbers its feed anew under another one. */
  readonly feed: string;
  /** The number before the first announcement here: a watcher that is not there yet has missed some. */
  readonly after: number;
  /** The number of the last announcement here. */
  readonly upTo: number;
  readonly news: readonly Announcement[];
  /** Somebody looks at this region: until when, and which clients are wanted, as rule version, dot, tag. */
  readonly watched?: { readonly until: EpochMs; readonly keys: readonly string[] };
}

const feedSchema = v.object({
  feed: v.string(),
  after: count,
  upTo: count,
  news: v.array(announcementSchema),
  watched: v.exactOptional(v.object({ until: time, keys: v.array(v.string()) })),
});

/**
 * Writes any message or row.
 * @param schema from SCHEMA_MIN to SCHEMA
 * @param rest what follows the value; readers of any schema find it there
 */
export function encode(value: unknown, schema: number = SCHEMA, ...rest: readonly unknown[]): Uint8Array {
  assert(schema >= SCHEMA_MIN && schema <= SCHEMA, `this code writes no schema ${schema}`);
  return packr.pack([schema, value, ...rest]);
}

interface Envelope {
  readonly schema: number;
  readonly value: unknown;
  readonly rest: readonly unknown[];
}

/** What holds in every schema. `undefined` when the bytes are none of ours. Never throws, whatever it is given. */
export function openEnvelope(bytes: unknown): Envelope | undefined {
  if (!(bytes instanceof Uint8Array)) return undefined;
  try {
    const frame: unknown = packr.unpack(bytes);
    if (!Array.isArray(frame)) return undefined;
    const [schema, value, ...rest] = frame as readonly unknown[];
    return typeof schema === "number" && Number.isSafeInteger(schema) ? { schema, value, rest } : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a frame: its schema number, and the value if `shape` describes it. Never throws. */
export function decode<S extends v.GenericSchema>(shape: S, bytes: unknown): Decoded<v.InferOutput<S>> {
  const envelope = openEnvelope(bytes);
  if (envelope === undefined) return { ok: false, schema: 0, error: "malformed" };
  const { schema, value } = envelope;
  if (schema < SCHEMA_MIN || schema > SCHEMA) return { ok: false, schema, error: "unknown-schema" };
  const parsed = v.safeParse(shape, value);
  return parsed.success
    ? { ok: true, schema, value: parsed.output }
    : { ok: false, schema, error: "malformed" };
}

export const encodeAsks = (asks: readonly Ask[], schema?: number): Uint8Array => encode(asks, schema);
export const decodeAsks = (bytes: Uint8Array): Decoded<readonly Ask[]> => decode(v.array(askSchema), bytes);

/** An owner's reply to a frame of Asks: one answer each, in order, or why it could not be read and what is. */
export type Reply =
  | { readonly answers: readonly Answer[] }
  | { readonly error: "unknown-schema" | "malformed"; readonly speaks: number };

const replySchema = v.union([
  v.object({ answers: v.array(answerSchema) }),
  v.object({ error: v.picklist(["unknown-schema", "malformed"]), speaks: count }),
]);

export const encodeReply = (reply: Reply, schema?: number): Uint8Array => encode(reply, schema);
export const decodeReply = (bytes: Uint8Array): Decoded<Reply> => decode(replySchema, bytes);

export const encodeNews = (news: readonly Announcement[], schema?: number): Uint8Array =>
  encode(news, schema);
export const decodeNews = (bytes: Uint8Array): Decoded<readonly Announcement[]> =>
  decode(v.array(announcementSchema), bytes);

export const encodeFeed = (frame: FeedFrame, schema?: number): Uint8Array => encode(frame, schema);
export const decodeFeed = (bytes: Uint8Array): Decoded<FeedFrame> => decode(feedSchema, bytes);
