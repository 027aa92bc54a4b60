/** How much an owner object has to do: Asks a second, of all its accounts. */
import { OWNER_ASKS_HIGH } from "../limits.ts";
import type { EpochMs } from "../time.ts";

const SECOND_MS = 1_000;

export class Load {
  #second = -1;
  #count = 0;
  /** What the second before had. */
  #before = 0;

  /** Takes note of so many Asks. */
  note(asks: number, now: EpochMs): void {
    this.#moveTo(now);
    this.#count += asks;
  }

  /**
   * Whether so much comes that sources should ask less often: what came within the last second, the one before fading out
   * as in a sliding window.
   */
  isHigh(now: EpochMs): boolean {
    this.#moveTo(now);
    const left = 1 - (now % SECOND_MS) / SECOND_MS;
    return this.#before * left + this.#count > OWNER_ASKS_HIGH;
  }

  /** Seconds never go back: a clock that is put back changes nothing. */
  #moveTo(now: EpochMs): void {
    const second = Math.floor(now / SECOND_MS);
    if (second <= this.#second) return;
    this.#before = second === this.#second + 1 ? this.#count : 0;
    this.#count = 0;
    this.#second = second;
  }
}
