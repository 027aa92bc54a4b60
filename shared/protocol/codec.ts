/**
 * Messages as bytes: msgpack behind a schema number. Every frame begins with the number of the schema it is
 * written in, because new Workers talk to old objects for minutes after a deploy. Fields go by name, so a
 * field that is added needs no new schema; a reader that meets a number it does not know, or a frame that
 * is no message, says so instead of guessing.
 */
import { Packr } from "msgpackr/index-no-eval";
import * as v from "valibot";
import { durationMs, epochMs } from "../time.ts";
import type { Announcement, Answer, Ask } from "./messages.ts";

/** The schema this code writes. Raise it when a field changes meaning or goes away. */
export const SCHEMA = 1;

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: "unknown-schema" | "malformed"; readonly schema: number };

const packr = new Packr({ useRecords: false });

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const time = v.pipe(count, v.transform(epochMs));
const length = v.pipe(count, v.transform(durationMs));
const hex = (digits: number) => v.pipe(v.string(), v.length(digits), v.hexadecimal());

const policy = v.object({
  version: hex(16),
  name: v.string(),
  algorithm: v.picklist(["fixed-window", "sliding-window"]),
  limit: v.pipe(count, v.minValue(1)),
  grid: v.object({ lengthMs: v.pipe(count, v.minValue(1), v.transform(durationMs)), offsetMs: length }),
});

const askSchema = v.object({
  source: v.pipe(v.string(), v.nonEmpty()),
  pop: v.string(),
  rule: policy,
  key: hex(32),
  label: v.exactOptional(v.string()),
  window: count,
  seq: count,
  epochSeen: count,
  spent: count,
  counted: count,
  previousSpent: count,
  want: v.array(v.pipe(count, v.minValue(1))),
});

const verdicts = {
  epoch: count,
  version: count,
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
  }),
  v.object({ kind: v.literal("refused"), seq: count, window: count, now: time }),
  v.object({ kind: v.literal("dropped"), seq: count }),
]);

const announcementSchema = v.object({
  key: hex(32),
  ruleVersion: hex(16),
  label: v.exactOptional(v.string()),
  ...verdicts,
  claimedUntil: v.exactOptional(time),
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
}

const feedSchema = v.object({
  feed: v.string(),
  after: count,
  upTo: count,
  news: v.array(announcementSchema),
});

/** Writes any message or row under this code's schema number. */
export const encode = (value: unknown): Uint8Array => packr.pack([SCHEMA, value]);

/** Reads a frame: its schema number, and the value if `schema` describes it. Never throws. */
export function decode<S extends v.GenericSchema>(schema: S, bytes: Uint8Array): Decoded<v.InferOutput<S>> {
  let frame: unknown;
  try {
    frame = packr.unpack(bytes);
  } catch {
    return { ok: false, error: "malformed", schema: 0 };
  }
  if (!Array.isArray(frame) || typeof frame[0] !== "number")
    return { ok: false, error: "malformed", schema: 0 };
  if (frame[0] !== SCHEMA) return { ok: false, error: "unknown-schema", schema: frame[0] };
  const parsed = v.safeParse(schema, frame[1]);
  return parsed.success
    ? { ok: true, value: parsed.output }
    : { ok: false, error: "malformed", schema: SCHEMA };
}

export const encodeAsks = (asks: readonly Ask[]): Uint8Array => encode(asks);
export const decodeAsks = (bytes: Uint8Array): Decoded<readonly Ask[]> => decode(v.array(askSchema), bytes);

/** An owner's reply to a frame of Asks: one answer each, in order, or why the frame could not be read. */
export type Reply =
  | { readonly answers: readonly Answer[] }
  | { readonly error: "unknown-schema" | "malformed"; readonly speaks: number };

const replySchema = v.union([
  v.object({ answers: v.array(answerSchema) }),
  v.object({ error: v.picklist(["unknown-schema", "malformed"]), speaks: count }),
]);

export const encodeReply = (reply: Reply): Uint8Array => encode(reply);
export const decodeReply = (bytes: Uint8Array): Decoded<Reply> => decode(replySchema, bytes);

export const encodeNews = (news: readonly Announcement[]): Uint8Array => encode(news);
export const decodeNews = (bytes: Uint8Array): Decoded<readonly Announcement[]> =>
  decode(v.array(announcementSchema), bytes);

export const encodeFeed = (frame: FeedFrame): Uint8Array => encode(frame);
export const decodeFeed = (bytes: Uint8Array): Decoded<FeedFrame> => decode(feedSchema, bytes);
