/** How many first claims one isolate may make: a bucket of CLAIMS_BURST that fills with CLAIMS_PER_SECOND. */
import { CLAIMS_BURST, CLAIMS_PER_SECOND } from "../limits.ts";
import { type EpochMs, NEVER } from "../time.ts";

export class ClaimBudget {
  #left = CLAIMS_BURST;
  #at: EpochMs = NEVER;

  /** Takes one claim; false when none is left. A clock that steps back refills nothing. */
  take(now: EpochMs): boolean {
    if (now > this.#at) {
      const refill = ((now - this.#at) / 1000) * CLAIMS_PER_SECOND;
      this.#left = Math.min(CLAIMS_BURST, this.#left + refill);
      this.#at = now;
    }
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
