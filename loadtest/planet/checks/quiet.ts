/** What must be so after a long silence: nothing is kept of anybody, and everybody is let in again. */
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
      // A fixed deadline may be shorter than the way to an owner on the other side of the planet, and a window than
      // the talk of two whose clocks differ and whose releases do.
      const { deadline, window } = decision?.rule ?? {};
      if (decision?.how === "degraded" && (deadline !== "auto" || window === SHORTEST_WINDOW)) continue;
      if (decision?.admitted !== true || decision.how === "degraded")
        this.fail(
          `${client} came back to ${isolate.name} after a long silence and was ` +
            `${decision === undefined ? "left waiting" : `not let in (${decision.how})`}`,
        );
    }
  }
}
