/**
 * The requests that wait in one isolate, whatever their keys. Each key has a cap of its own; this one is over all
 * of them, so that many clients at once cannot fill an isolate's memory with requests of which no owner answers any.
 *
 * A key may let one more request wait while fewer of its own wait than places are left (the dynamic thresholds of
 * Choudhury and Hahne, 1998): however many clients press in, each leaves room for one that has nobody in there.
 */
import { WAIT_MAX, WAITERS_MAX_ALL, WAITERS_RECOUNT_MIN } from "../limits.ts";
import { between, type EpochMs, NEVER } from "../time.ts";
import type { Waiter } from "./outbox.ts";

export class WaitingRoom {
  /**
   * All that wait, and some that waited. Nobody checks out: a request whose context died could not, and its place
   * would be lost for good. Who is still there is counted when the list has doubled, or seems to be full.
   */
  #waiters: Waiter[] = [];
  #countAt = WAITERS_RECOUNT_MIN;
  #countedAt: EpochMs = NEVER;

  /** Whether a key of which `own` requests wait may let another one wait. */
  hasRoom(own: number, now: EpochMs): boolean {
    if (own < WAITERS_MAX_ALL - this.#waiters.length) return true;
    // Once a millisecond: a full room must not cost every request a count.
    if (now === this.#countedAt) return false;
    this.#count(now);
    return own < WAITERS_MAX_ALL - this.#waiters.length;
  }

  enter(waiter: Waiter, now: EpochMs): void {
    this.#waiters.push(waiter);
    if (this.#waiters.length >= this.#countAt) this.#count(now);
  }

  #count(now: EpochMs): void {
    this.#waiters = this.#waiters.filter((waiter) => isThere(waiter, now));
    this.#countedAt = now;
    this.#countAt = Math.max(WAITERS_RECOUNT_MIN, 2 * this.#waiters.length);
  }
}

const isThere = ({ state, queuedAt }: Waiter, now: EpochMs): boolean =>
  (state === "queued" || state === "carried") && between(queuedAt, now) < WAIT_MAX;
