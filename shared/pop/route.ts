/**
 * A route: what waits in one isolate for an owner object that several keys share. One call is out at a time;
 * what comes meanwhile goes in the next, so a flood of keys is a handful of calls. If the context of a call
 * dies, the next sender takes over once the call's time has passed.
 */
import { BATCH_MAX, LEADER_MS_MAX } from "../limits.ts";
import { after, between, type DurationMs, type EpochMs, NEVER } from "../time.ts";

/** One call's load. `ticket` tells it from the calls before and after. */
export interface Load<Parcel> {
  readonly parcels: readonly Parcel[];
  readonly ticket: number;
}

export class Route<Parcel> {
  #waiting: Parcel[] = [];
  #outUntil: EpochMs = NEVER;
  #ticket = 0;

  /** Lets a parcel wait. True when nobody carries: then the sender has to, by `load`. */
  put(parcel: Parcel, now: EpochMs): boolean {
    this.#waiting.push(parcel);
    return this.#outUntil <= now;
  }

  /**
   * What goes in a carrier's next call; undefined when it has nothing more to do.
   * @param since when its context began to carry: it ends after a while, and whoever sends next goes on
   * @param patience how long the call may be out before somebody else makes another
   * @param done the ticket of the call that it made before; if another call has been made since, it stops
   */
  load(since: EpochMs, now: EpochMs, patience: DurationMs, done?: number): Load<Parcel> | undefined {
    if (done !== undefined && done !== this.#ticket) return undefined;
    if (this.isEmpty || between(since, now) >= LEADER_MS_MAX) {
      this.#outUntil = NEVER;
      return undefined;
    }
    this.#ticket += 1;
    this.#outUntil = after(now, patience);
    return { parcels: this.#waiting.splice(0, BATCH_MAX), ticket: this.#ticket };
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }
}
