/**
 * A route: what waits in one isolate for an owner object that several keys share. One call is out at a time;
 * what comes meanwhile goes in the next, so a flood of keys is a handful of calls. If the context of a call
 * dies, the next sender takes over once the call's time has passed.
 *
 * What has waited for too long does not go at all. Of each key one Ask is out, so as many parcels wait as keys do,
 * and not more each second while calls hang; and once they do not, nothing stands behind what nobody waits for.
 */
import { BATCH_MAX, LEADER_MS_MAX } from "../limits.ts";
import { after, between, type DurationMs, type EpochMs, NEVER } from "../time.ts";

/** What goes in a call with others. */
export interface Parcel {
  /** From then on nobody waits for it. */
  readonly giveUpAt: EpochMs;
}

/** One call's load. `ticket` tells it from the calls before and after. */
export interface Load<P extends Parcel> {
  readonly parcels: readonly P[];
  readonly ticket: number;
}

export class Route<P extends Parcel> {
  #waiting: P[] = [];
  #outUntil: EpochMs = NEVER;
  #ticket = 0;

  /** Lets a parcel wait. True when nobody carries: then the sender has to, by `load`. */
  put(parcel: P, now: EpochMs): boolean {
    this.#waiting.push(parcel);
    return this.#outUntil <= now;
  }

  /**
   * What goes in a carrier's next call; undefined when it has nothing more to do.
   * @param since when its context began to carry: it ends after a while, and whoever sends next goes on
   * @param patience how long the call may be out before somebody else makes another
   * @param done the ticket of the call that it made before; if another call has been made since, it stops
   */
  load(since: EpochMs, now: EpochMs, patience: DurationMs, done?: number): Load<P> | undefined {
    if (done !== undefined && done !== this.#ticket) return undefined;
    if (this.isEmpty || between(since, now) >= LEADER_MS_MAX) {
      this.#outUntil = NEVER;
      return undefined;
    }
    this.#ticket += 1;
    this.#outUntil = after(now, patience);
    return { parcels: this.#waiting.splice(0, BATCH_MAX), ticket: this.#ticket };
  }

  /** Takes out what has waited for too long: its senders hear that it failed. Before each load. */
  expire(now: EpochMs): readonly P[] {
    const expired = this.#waiting.filter(({ giveUpAt }) => giveUpAt <= now);
    if (expired.length > 0) this.#waiting = this.#waiting.filter(({ giveUpAt }) => giveUpAt > now);
    return expired;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }
}
