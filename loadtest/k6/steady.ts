/** Everyday traffic: many clients, each at a POP of its own and below the limit. Nobody may be denied. */
import exec from "k6/execution";
import type { Options } from "k6/options";
import { addressOf, lasting, planned, popAt, type Run, send, setup, thresholds, vusFor } from "./lib.ts";

export { setup };

const { limit, rate, seconds } = planned("steady");
/** So many that each one sends half of its limit in the whole run. */
const CLIENTS = Math.ceil((2 * rate * seconds) / limit);

export const options: Options = {
  discardResponseBodies: true,
  scenarios: {
    steady: {
      executor: "constant-arrival-rate",
      rate,
      duration: lasting(seconds),
      preAllocatedVUs: vusFor(rate),
    },
  },
  thresholds: thresholds({ denied: ["count==0"], admitted: ["count>0"] }),
};

export default async function (run: Run): Promise<void> {
  const client = exec.scenario.iterationInTest % CLIENTS;
  await send("steady", popAt(client), addressOf(run, client));
}
