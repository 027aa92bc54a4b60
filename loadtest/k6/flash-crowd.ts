/** Everybody at once: one client (think of a key that many share) at all POPs, more and more often. */
import exec from "k6/execution";
import type { Options } from "k6/options";
import { addressOf, lasting, planned, popAt, type Run, send, setup, thresholds, vusFor } from "./lib.ts";

export { setup };

const { limit, bound, windows, rate, seconds } = planned("flash-crowd");

export const options: Options = {
  discardResponseBodies: true,
  scenarios: {
    crowd: {
      executor: "ramping-arrival-rate",
      startRate: Math.ceil(rate / 10),
      stages: [
        { target: rate, duration: lasting(0.4 * seconds) },
        { target: rate, duration: lasting(0.4 * seconds) },
        { target: 0, duration: lasting(0.2 * seconds) },
      ],
      preAllocatedVUs: vusFor(rate),
    },
  },
  thresholds: thresholds({
    // The ramp sends more than half of what the peak would.
    admitted: [`count<=${bound * windows}`, `count>=${Math.min(limit, Math.floor((rate * seconds) / 2))}`],
  }),
};

export default async function (run: Run): Promise<void> {
  await send("flash-crowd", popAt(exec.scenario.iterationInTest), addressOf(run, 0));
}
