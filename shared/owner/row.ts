/**
 * The row: one account as it is kept in a Durable Object's storage, in the envelope of the messages
 * (see docs/storage.md). What is not in the row is rebuilt: verdicts of being full are measured anew,
 * claims are announced anew under the higher epoch.
 *
 * Behind the row stands until when it is worth keeping. It is there for older code that an object is rolled
 * back to: it cannot read the row, and must neither delete it too early nor keep it for good.
 */
import * as v from "valibot";
import { ROW_KEEP_MAX, SOURCES_HARD_MAX } from "../limits.ts";
import { decode, encode, openEnvelope } from "../protocol/codec.ts";
import { count, policySchema, positive, time } from "../protocol/fields.ts";
import { SCHEMA, SCHEMA_MIN } from "../protocol/schema.ts";
import { after, type EpochMs, epochMs, NEVER } from "../time.ts";
import { type Account, expiresAt } from "./account.ts";

const rowSchema = v.object({
  key: v.string(),
  policy: policySchema,
  label: v.exactOptional(v.string()),
  claimedBy: v.string(),
  epoch: count,
  meter: v.object({
    window: count,
    current: count,
    previous: count,
    // Rows of schema 1 have neither.
    fill: v.exactOptional(count, 0),
    fillAt: v.exactOptional(time, NEVER),
  }),
  base: count,
  baseZero: v.exactOptional(count, 0),
  /** Source id, seq, window of that seq, granted, previous, last seen; after a reset what of the two was before it. */
  sources: v.pipe(
    v.array(
      v.tuple([
        v.string(),
        v.number(),
        v.number(),
        count,
        count,
        time,
        v.optional(count, 0),
        v.optional(count, 0),
      ]),
    ),
    v.maxLength(SOURCES_HARD_MAX),
  ),
  penaltyUntil: time,
  override: v.exactOptional(v.object({ limit: positive, until: time })),
});

/** Writes an account as a row. */
export function encodeRow(account: Account): Uint8Array {
  const { key, policy, label, claimedBy, epoch, meter, ledger, penaltyUntil, override } = account;
  const row = {
    key,
    policy,
    ...(label !== undefined && { label }),
    claimedBy,
    epoch,
    meter,
    base: ledger.base,
    ...(ledger.baseZero > 0 && { baseZero: ledger.baseZero }),
    sources: Array.from(ledger.sources, ([id, s]) => [
      id,
      s.seq,
      s.seqWindow,
      s.granted,
      s.previous,
      s.seenAt,
      ...(s.zero > 0 || s.previousZero > 0 ? [s.zero, s.previousZero] : []),
    ]),
    penaltyUntil,
    ...(override !== undefined && { override }),
  };
  return encode(row, SCHEMA, expiresAt(account));
}

/** Reads a row as a new incarnation: one epoch higher. `undefined` when it is no row that this code can read. */
export function decodeRow(bytes: unknown): Account | undefined {
  const decoded = decode(rowSchema, bytes);
  if (!decoded.ok) return undefined;
  const { key, policy, label, claimedBy, epoch, meter, base, baseZero, sources, penaltyUntil, override } =
    decoded.value;
  return {
    key,
    policy,
    label,
    claimedBy,
    epoch: epoch + 1,
    version: 0,
    ledger: {
      window: meter.window,
      base,
      baseZero,
      sources: new Map(
        sources.map(([id, seq, seqWindow, granted, previous, seenAt, zero, previousZero]) => [
          id,
          { seq, seqWindow, granted, previous, zero, previousZero, seenAt },
        ]),
      ),
    },
    meter,
    claimedUntil: NEVER,
    fullUntil: NEVER,
    penaltyUntil,
    releasedUntil: NEVER,
    override,
    epochUnwritten: true,
  };
}

/**
 * Until when to keep a row that `decodeRow` cannot read: newer code may come back to it, unless this object
 * replaces it with a row of its own before. NEVER for one that nobody can read, because it is damaged.
 */
export function keepUnreadableUntil(bytes: unknown, now: EpochMs): EpochMs {
  const envelope = openEnvelope(bytes);
  if (envelope === undefined) return NEVER;
  const { schema, rest } = envelope;
  if (schema >= SCHEMA_MIN && schema <= SCHEMA) return NEVER;
  const [until] = rest;
  return typeof until === "number" && until <= after(now, ROW_KEEP_MAX) ? epochMs(until) : NEVER;
}
