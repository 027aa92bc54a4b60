/** The part of a log that is replayed: `[from, from + length)`, in the order of time. */
import {
  after,
  between,
  type DurationMs,
  durationMs,
  type EpochMs,
  formatDuration,
} from "../../shared/time.ts";
import { fail } from "../tools/cli.ts";
import { REQUESTS_MAX } from "./bounds.ts";
import type { LogEntry } from "./log-line.ts";

export interface SliceWish {
  /** Absent: the time of the log's first request. */
  readonly from?: EpochMs;
  /** Absent: all that follows; without a start either, the whole log. */
  readonly length?: DurationMs;
}

export interface Slice {
  readonly from: EpochMs;
  readonly length: DurationMs;
  /** Whether it goes to the end of the log, because no length was named. */
  readonly open: boolean;
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
  const { length } = wish;
  let { from } = wish;
  let first: EpochMs | undefined;
  let last: EpochMs | undefined;
  let sorted = true;
  const entries: LogEntry[] = [];
  return {
    add(entry) {
      if (first === undefined || entry.at < first) first = entry.at;
      if (last === undefined || entry.at > last) last = entry.at;
      if (length !== undefined) from ??= entry.at;
      if (from !== undefined && entry.at < from) return;
      if (from !== undefined && length !== undefined && entry.at >= after(from, length)) return;
      if (entry.at < (entries.at(-1)?.at ?? entry.at)) sorted = false;
      if (entries.push(entry) > requestsMax) {
        fail(`the slice holds more than ${requestsMax} requests: choose a shorter --for`);
      }
    },
    finish() {
      from ??= first;
      if (from === undefined || first === undefined || last === undefined || entries.length === 0) {
        const range =
          first === undefined || last === undefined ? "nothing" : `${isoTime(first)} to ${isoTime(last)}`;
        const until = length === undefined ? "on" : `for ${formatDuration(length)}`;
        return fail(`no request from ${isoTime(from)} ${until}: the log holds ${range}`);
      }
      entries.sort((a, b) => a.at - b.at);
      const toEnd = durationMs(between(from, last) + 1);
      return { from, length: length ?? toEnd, open: length === undefined, entries, sorted };
    },
  };
}

/** `2026-01-12T07:27:00Z`, with milliseconds where there are any. */
export const isoTime = (at: EpochMs = 0 as EpochMs): string =>
  new Date(at).toISOString().replace(".000Z", "Z");

/** The time the slice's requests really cover. */
export const spanOf = (slice: Slice): DurationMs =>
  durationMs((slice.entries.at(-1)?.at ?? 0) - (slice.entries[0]?.at ?? 0));
