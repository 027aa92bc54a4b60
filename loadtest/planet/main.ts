/** `npm run simulate`: the production core in simulated time, and everything that tries to break it. */
import { runCli } from "../tools/cli.ts";
import { withProgress } from "../tools/progress.ts";
import { formatTrials, trialsJson } from "./format-trials.ts";
import { readOptions, type TranscriptWish, type TrialsWish } from "./options.ts";
import { Transcript } from "./transcript.ts";
import { runTrial } from "./trial.ts";
import { runTrials } from "./trials.ts";

void runCli(() => {
  const wish = readOptions();
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

function transcript(wish: TranscriptWish): number {
  const print = (line: string): boolean => process.stdout.write(`${line}\n`);
  const { plan, violation } = runTrial({ ...wish, witness: (world) => new Transcript(world, print) });
  print("");
  for (const rule of plan.rules) print(`rule ${JSON.stringify(rule)}`);
  print(`faults ${[...plan.faults].join(", ") || "none"}`);
  print(violation === undefined ? "No violation." : `${violation.checker}: ${violation.text}`);
  return violation === undefined ? 0 : 1;
}
