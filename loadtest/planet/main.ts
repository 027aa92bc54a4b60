/** `npm run simulate`: the production core in simulated time, and everything that tries to break it. */
import { runCli } from "../tools/cli.ts";
import { number } from "../tools/columns.ts";
import { withProgress } from "../tools/progress.ts";
import { formatPlanet, planetHolds, planetJson } from "./format-planet.ts";
import { formatThin, thinHolds, thinJson } from "./format-thin.ts";
import { formatTrials, trialsJson } from "./format-trials.ts";
import {
  type PlanetWish,
  readOptions,
  type ThinClientsWish,
  type TranscriptWish,
  type TrialsWish,
} from "./options.ts";
import { planetOnThread } from "./planet-thread.ts";
import { runThinClients } from "./thin-runs.ts";
import { Transcript } from "./transcript.ts";
import { runTrial } from "./trial.ts";
import { runTrials } from "./trials.ts";

void runCli(() => {
  const wish = readOptions();
  if (wish.kind === "planet") return planet(wish);
  if (wish.kind === "thin") return thin(wish);
  return wish.kind === "transcript" ? transcript(wish) : trials(wish);
});

async function trials({ json, more, ...wish }: TrialsWish): Promise<number> {
  const report = await withProgress(
    (done) => `${done} of ${wish.seeds} trials`,
    (progress) => runTrials(wish, progress),
  );
  process.stdout.write(json ? trialsJson(report, more) : formatTrials(report, more));
  return report.violations.length === 0 ? 0 : 1;
}

async function planet({ kind: _, json, ...size }: PlanetWish): Promise<number> {
  const report = await withProgress(
    (share) => `${Math.floor(100 * share)} % of ${number(size.requests)} requests`,
    (progress) => planetOnThread(size, progress),
  );
  process.stdout.write(json ? planetJson(report) : formatPlanet(report));
  return planetHolds(report) ? 0 : 1;
}

async function thin({ kind: _, json, ...wish }: ThinClientsWish): Promise<number> {
  const figures = await withProgress(
    (done) => `${number(done)} clients`,
    (progress) => runThinClients(wish, progress),
  );
  process.stdout.write(json ? thinJson(figures) : formatThin(figures));
  return thinHolds(figures) ? 0 : 1;
}

function transcript(wish: TranscriptWish): number {
  const print = (line: string): boolean => process.stdout.write(`${line}\n`);
  const { plan, violation } = runTrial({ ...wish, witness: (world) => new Transcript(world, print) });
  print("");
  for (const rule of plan.rules) print(`rule ${JSON.stringify(rule)}`);
  print(`faults ${[...plan.faults].join(", ") || "none"}`);
  print(violation === undefined ? "No violation." : `${violation.checker}: ${violation.text}`);
  return violation === undefined ? 0 : 1;
}
