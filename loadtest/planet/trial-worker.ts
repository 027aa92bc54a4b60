/** A thread that runs trials: takes a range of seeds, answers with what came of it. */
import { parentPort, workerData } from "node:worker_threads";
import { Tally } from "./faults.ts";
import { runTrial } from "./trial.ts";
import type { Batch, BatchOptions, BatchResult, Found } from "./trials.ts";

const options = workerData as BatchOptions;

parentPort?.on("message", ({ from, count }: Batch) => {
  const tally = new Tally();
  const violations: Found[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const result = runTrial({ seed, ...options });
    tally.add(result.tally);
    if (result.violation !== undefined) violations.push({ seed, ...result.violation });
  }
  parentPort?.postMessage({ runs: count, tally: { ...tally }, violations } satisfies BatchResult);
});
