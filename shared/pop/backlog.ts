/** What waits in one isolate for owners: nothing once nobody sends any more, or something was left behind. */
import type { EpochMs } from "../time.ts";
import type { HotKey } from "./hot-key.ts";

export interface Backlog {
  /** Requests that wait, in a queue or carried by an Ask. */
  readonly waiting: number;
  /** Asks that are out and not given up. */
  readonly out: number;
}

/** Counts over hot-key records: whoever waits for an owner stands in one. */
export function backlogOf(hotKeys: Iterable<Pick<HotKey, "outbox">>, now: EpochMs): Backlog {
  let waiting = 0;
  let out = 0;
  for (const { outbox } of hotKeys) {
    const carried = outbox.flight?.carried.filter(({ state }) => state === "carried") ?? [];
    waiting += outbox.queue.length + carried.length;
    if (outbox.isOut(now)) out += 1;
  }
  return { waiting, out };
}
