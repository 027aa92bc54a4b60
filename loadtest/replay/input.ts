/** What every replay starts from: the rules, and the slice of the log. */

import { withProgress } from "../tools/progress.ts";
import type { LogSummary } from "./log-reader.ts";
import { readLog } from "./log-reader.ts";
import type { ReplayOptions } from "./options.ts";
import { loadRules, type ReplayRules } from "./rules.ts";
import { collectSlice, type Slice } from "./slice.ts";

export interface ReplayInput {
  readonly rules: ReplayRules;
  readonly log: { readonly path: string } & LogSummary;
  readonly slice: Slice;
}

/** Reads both; ends the command with one line when one of them cannot be used. */
export async function readInput(wish: ReplayOptions): Promise<ReplayInput> {
  const rules = await loadRules(wish.rules, wish.speed);
  const collector = collectSlice(wish);
  const log = await withProgress(
    (lines) => `replay: ${lines} lines read`,
    (progress) => readLog(wish.log, (entry) => collector.add(entry), progress),
  );
  return { rules, log: { path: wish.log, ...log }, slice: collector.finish() };
}
