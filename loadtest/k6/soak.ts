/** Hours, if you like: ten clients above their limits at all POPs, at a constant rate and through many windows. */
import exec from "k6/execution";
import type { Options } from "k6/options";
import { addressOf, lasting, planned, popAt, type Run, send, setup, thresholds, vusFor } from "./lib.ts";

export { setup };

const { bound, windows, rate, seconds } = planned("soak");
const CLIENTS = 10;

export const options: Options = {
  discardResponseBodies: true,
  scenarios: {
    soak: {
      executor: "constant-arrival-rate",
      rate,
      duration: lasting(seconds),
      preAllocatedVUs: vusFor(rate),
    },
  },
  thresholds: thresholds(
    Object.fromEntries(
      Array.from({ length: CLIENTS }, (_, client) => [
        `admitted{client:${client}}`,
        [`count<=${bound * windows}`],
      ]),
    ),
  ),
};

export default async function (run: Run): Promise<void> {
  const turn = exec.scenario.iterationInTest;
  const client = turn % CLIENTS;
  // Another POP each time round, and another first one for each client.
  const pop = popAt(client + Math.floor(turn / CLIENTS));
  await send("soak", pop, addressOf(run, client), { client: String(client) });
}
