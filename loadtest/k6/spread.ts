/** The case that local counting is worst at: one client thinly over all POPs, at each below the threshold at first. */
import exec from "k6/execution";
import type { Options } from "k6/options";
import { addressOf, lasting, planned, popAt, type Run, send, setup, thresholds, vusFor } from "./lib.ts";

export { setup };

const { limit, bound, windows, rate, seconds } = planned("spread");

export const options: Options = {
  discardResponseBodies: true,
  scenarios: {
    spread: {
      executor: "constant-arrival-rate",
      rate,
      duration: lasting(seconds),
      preAllocatedVUs: vusFor(rate),
    },
  },
  thresholds: thresholds({
    admitted: [`count<=${bound * windows}`, `count>=${Math.min(limit, Math.floor(rate * seconds) - 1)}`],
  }),
};

export default async function (run: Run): Promise<void> {
  await send("spread", popAt(exec.scenario.iterationInTest), addressOf(run, 0));
}
