/** What must be so after a long silence: nothing is kept of anybody, and everybody is let in again. */
import type { Rule } from "../../../shared/rule.ts";
import type { Request } from "../request.ts";
import { Checker } from "./checker.ts";

/** Owners keep neither rows nor accounts of keys that nobody asks for. */
export class Memory extends Checker {
  readonly name = "memory";

  override afterQuiet(): void {
    for (const { name, rows, current } of this.truth.world.owners.values()) {
      if (rows.size > 0) this.fail(`${name} keeps ${rows.size} rows of keys that nobody asks for`);
      const accounts = current?.accounts.size ?? 0;
      if (accounts > 0) this.fail(`${name} keeps ${accounts} accounts of keys that nobody asks for`);
    }
  }
}

/** The windows in which there is time for nothing, ms. */
const SHORTEST_WINDOW = 1_000;

/** No block and no full count outlives its time: whoever comes back is let in, by credit or by the owner. */
export class Returned extends Checker {
  readonly name = "return";

  override returned(requests: readonly Request[]): void {
    for (const { client, isolate, decision } of requests) {
      if (decision?.how === "degraded" && mayTakeLonger(decision.rule)) continue;
      if (decision?.admitted !== true || decision.how === "degraded")
        this.fail(
          `${client} came back to ${isolate.name} after a long silence and was ` +
            `${decision === undefined ? "left waiting" : `not let in (${decision.how})`}`,
        );
    }
  }
}

/**
 * Whether a first talk to an owner on the other side of the planet may take longer than its deadline, though all is
 * well: the deadline is fixed; the windows are over before two clocks and two releases have found one another; or
 * the talk stands behind that of another key.
 */
const mayTakeLonger = ({ deadline, window, owners }: Rule): boolean =>
  deadline !== "auto" || window === SHORTEST_WINDOW || owners > 0;
