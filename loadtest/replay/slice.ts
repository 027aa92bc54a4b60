/** The part of a log that is replayed: `[from, from + length)`, in the order of time. */
import { after, type DurationMs, durationMs, type EpochMs, formatDuration } from "../../shared/time.ts";
import { fail } from "../tools/cli.ts";
import { REQUESTS_MAX } from "./bounds.ts";
import type { LogEntry } from "./log-line.ts";

export interface SliceWish {
  /** Absent: the time of the log's first request. */
  readonly from?: EpochMs;
  readonly length: DurationMs;
}

export interface Slice {
  readonly from: EpochMs;
  readonly length: DurationMs;
  /** By time; requests of one time keep the log's order. */
  readonly entries: readonly LogEntry[];
  /** Whether the log itself was in the order of time within the slice. */
  readonly sorted: boolean;
}

export interface SliceCollector {
  add(entry: LogEntry): void;
  /** The slice; ends the command when nothing lies in it, naming the log's range. */
  finish(): Slice;
}

export function collectSlice(wish: SliceWish, requestsMax = REQUESTS_MAX): SliceCollector {
  let from = wish.from;
  let first: EpochMs | undefined;
  let last: EpochMs | undefined;
  let sorted = true;
  const entries: LogEntry[] = [];
  return {
    add(entry) {
      from ??= entry.at;
      if (first === undefined || entry.at < first) first = entry.at;
      if (last === undefined || entry.at > last) last = entry.at;
      if (entry.at < from || entry.at >= after(from, wish.length)) return;
      if (entry.at < (entries.at(-1)?.at ?? entry.at)) sorted = false;
      if (entries.push(entry) > requestsMax) {
        fail(`the slice holds more than ${requestsMax} requests: choose a shorter --for`);
      }
    },
    finish() {
      if (from === undefined || first === undefined || last === undefined || entries.length === 0) {
        const range =
          first === undefined || last === undefined ? "nothing" : `${isoTime(first)} to ${isoTime(last)}`;
        return fail(
          `no request from ${isoTime(from ?? first)} for ${formatDuration(wish.length)}: the log holds ${range}`,
        );
      }
      entries.sort((a, b) => a.at - b.at);
      return { from, length: wish.length, entries, sorted };
    },
  };
}

/** `2026-01-12T07:27:00Z`, with milliseconds where there are any. */
export const isoTime = (at: EpochMs = 0 as EpochMs): string =>
  new Date(at).toISOString().replace(".000Z", "Z");

/** The time the slice's requests really cover. */
export const spanOf = (slice: Slice): DurationMs =>
  durationMs((slice.entries.at(-1)?.at ?? 0) - (slice.entries[0]?.at ?? 0));
