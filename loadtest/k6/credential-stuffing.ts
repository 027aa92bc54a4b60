/** A botnet at the login: very many clients, of which each tries a few passwords, alternating between two POPs. */
import exec from "k6/execution";
import { Counter, Trend } from "k6/metrics";
import type { Options } from "k6/options";
import { addressOf, lasting, planned, popAt, type Run, send, setup, thresholds, vusFor } from "./lib.ts";

export { setup };

const { limit, bound, windows, rate, seconds } = planned("credential-stuffing");
/** More than the guarantee lets through, so that it is tried. */
const ATTEMPTS = bound + 2;
/** An attempt that waits for an owner on another continent takes about a third of a second. */
const SECONDS_EACH = ATTEMPTS / 2;

const admittedPerClient = new Trend("admitted_per_client");
/** Admitted beyond the limit, over all clients. */
const excess = new Counter("excess");

export const options: Options = {
  discardResponseBodies: true,
  scenarios: {
    botnet: {
      executor: "constant-arrival-rate",
      rate,
      duration: lasting(seconds),
      preAllocatedVUs: vusFor(rate, SECONDS_EACH),
    },
  },
  thresholds: thresholds({
    admitted_per_client: [`max<=${bound * windows}`, `min>=${limit}`],
    // k6 may start one iteration more, at the very end.
    admitted: [`count<=${bound * windows * Math.ceil(rate * seconds + 1)}`],
  }),
};

export default async function (run: Run): Promise<void> {
  const client = exec.scenario.iterationInTest;
  let admitted = 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const pop = popAt(client + (attempt % 2));
    const { status } = await send("credential-stuffing", pop, addressOf(run, client));
    if (status === 200) admitted += 1;
  }
  admittedPerClient.add(admitted);
  excess.add(Math.max(0, admitted - limit * windows));
}
