/**
 * The row: one account as it is kept in a Durable Object's storage, under a schema number of its own
 * message format (see docs/storage.md). What is not in the row is rebuilt: verdicts of being full are
 * measured anew, claims are announced anew under the higher epoch.
 */
import * as v from "valibot";
import type { Account } from "../shared/owner/account.ts";
import { decode, encode } from "../shared/protocol/codec.ts";
import { durationMs, epochMs, NEVER } from "../shared/time.ts";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const time = v.pipe(count, v.transform(epochMs));
const length = v.pipe(count, v.transform(durationMs));

const rowSchema = v.object({
  key: v.string(),
  policy: v.object({
    version: v.string(),
    name: v.string(),
    algorithm: v.picklist(["fixed-window", "sliding-window"]),
    limit: count,
    grid: v.object({ lengthMs: length, offsetMs: length }),
  }),
  label: v.exactOptional(v.string()),
  claimedBy: v.string(),
  epoch: count,
  meter: v.object({ window: count, current: count, previous: count }),
  base: count,
  /** Source id, seq, window of that seq, granted, previous, last seen. */
  sources: v.array(v.tuple([v.string(), v.number(), v.number(), count, count, time])),
  penaltyUntil: time,
});

/** Writes an account as a row. */
export function encodeRow(account: Account): Uint8Array {
  const { key, policy, label, claimedBy, epoch, meter, ledger, penaltyUntil } = account;
  return encode({
    key,
    policy,
    ...(label !== undefined && { label }),
    claimedBy,
    epoch,
    meter,
    base: ledger.base,
    sources: Array.from(ledger.sources, ([id, s]) => [
      id,
      s.seq,
      s.seqWindow,
      s.granted,
      s.previous,
      s.seenAt,
    ]),
    penaltyUntil,
  });
}

/** Reads a row as a new incarnation: one epoch higher. `undefined` when it is no row that this code can read. */
export function decodeRow(bytes: Uint8Array): Account | undefined {
  const decoded = decode(rowSchema, bytes);
  if (!decoded.ok) return undefined;
  const { key, policy, label, claimedBy, epoch, meter, base, sources, penaltyUntil } = decoded.value;
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
      sources: new Map(
        sources.map(([id, seq, seqWindow, granted, previous, seenAt]) => [
          id,
          { seq, seqWindow, granted, previous, seenAt },
        ]),
      ),
    },
    meter,
    claimedWindow: -1,
    fullUntil: NEVER,
    penaltyUntil,
    epochUnwritten: true,
  };
}
