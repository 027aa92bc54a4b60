/** A thread that runs a planet: a run never pauses, and its progress is shown by a thread that is free. */
import { parentPort, workerData } from "node:worker_threads";
import { runPlanet } from "./planet.ts";
import { PLANET_DEFAULTS } from "./planet-options.ts";
import type { PlanetMessage, PlanetSize } from "./planet-thread.ts";

const tell = (message: PlanetMessage): void => parentPort?.postMessage(message);

const report = runPlanet({ ...PLANET_DEFAULTS, ...(workerData as PlanetSize) }, (share) =>
  tell({ kind: "progress", share }),
);
tell({ kind: "report", report });
