/** An auditor's state as it is stored: see docs/storage.md. */
import * as v from "valibot";
import { decode, encode } from "../protocol/codec.ts";
import { count, length, policySchema, positive, time } from "../protocol/fields.ts";
import { durationMs } from "../time.ts";
import type { AuditState } from "./auditor.ts";

const rowSchema = v.tuple([count, positive, count, count, count]);

const windowSchema = v.tuple([
  count,
  v.object({
    rows: v.array(rowSchema),
    admitted: count,
    unowned: count,
    exact: count,
    sources: v.array(count),
  }),
]);

const keySchema = v.tuple([
  v.string(),
  v.object({
    offsetMs: length,
    exact: v.object({
      meter: v.object({ window: count, current: count, previous: count, fill: count, fillAt: time }),
      penaltyUntil: time,
    }),
    trustedFrom: time,
    windows: v.array(windowSchema),
  }),
]);

const stateSchema = v.object({
  policy: policySchema,
  stepMs: v.pipe(positive, v.transform(durationMs)),
  totals: v.object({ admitted: count, over: count, under: count, worst: count, bound: count }),
  trustedFrom: time,
  sourcesNumbered: count,
  sources: v.array(v.tuple([v.string(), v.object({ number: count, seq: count, seenAt: time })])),
  keys: v.array(keySchema),
});

export function encodeAudit(state: AuditState): Uint8Array {
  const { keys, sources, ...rest } = state;
  return encode({
    ...rest,
    sources: [...sources],
    keys: Array.from(keys, ([tag, { windows, ...key }]) => [
      tag,
      {
        ...key,
        windows: Array.from(windows, ([index, window]) => [
          index,
          { ...window, sources: [...window.sources] },
        ]),
      },
    ]),
  });
}

/** `undefined` when newer code wrote it, or it is damaged. */
export function decodeAudit(bytes: unknown): AuditState | undefined {
  const decoded = decode(stateSchema, bytes);
  if (!decoded.ok) return undefined;
  const { keys, sources, ...rest } = decoded.value;
  return {
    ...rest,
    sources: new Map(sources),
    keys: new Map(
      keys.map(([tag, { windows, ...key }]) => [
        tag,
        {
          ...key,
          windows: new Map(
            windows.map(([index, window]) => [index, { ...window, sources: new Set(window.sources) }]),
          ),
        },
      ]),
    ),
  };
}
