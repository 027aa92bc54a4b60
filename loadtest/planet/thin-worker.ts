/** A thread that runs thinly spread clients. */
import { parentPort, workerData } from "node:worker_threads";
import { runThin } from "./thin.ts";
import type { ThinJob, ThinResult } from "./thin-runs.ts";

parentPort?.postMessage(runThin(workerData as ThinJob) satisfies ThinResult);
