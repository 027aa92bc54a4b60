/** Runs a planet on a thread of its own. */
import { Worker } from "node:worker_threads";
import type { PlanetOptions } from "./planet-options.ts";
import type { PlanetReport } from "./planet-report.ts";

/** What the command line says of a planet; the rest is as PLANET_DEFAULTS has it. */
export type PlanetSize = Pick<
  PlanetOptions,
  "places" | "isolatesPerPlace" | "clients" | "requests" | "durationMs" | "seed"
>;

/** What the thread tells. */
export type PlanetMessage =
  | { readonly kind: "progress"; readonly share: number }
  | { readonly kind: "report"; readonly report: PlanetReport };

/** @param progress told now and then what share of the requests has been sent, from 0 to 1 */
export const planetOnThread = (size: PlanetSize, progress: (share: number) => void): Promise<PlanetReport> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./planet-worker.ts", import.meta.url), { workerData: size });
    worker.on("message", (message: PlanetMessage) => {
      if (message.kind === "progress") progress(message.share);
      else resolve(message.report);
    });
    worker.on("error", reject);
  });
