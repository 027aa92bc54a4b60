/** A token bucket of whole things: so many at once, then so many per second. */
import { type EpochMs, NEVER } from "./time.ts";

export class Budget {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #at: EpochMs = NEVER;

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
  }

  /** Takes one; false when none is left. A clock that steps back refills nothing. */
  take(now: EpochMs): boolean {
    if (now > this.#at) {
      this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) / 1_000) * this.#perSecond);
      this.#at = now;
    }
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
