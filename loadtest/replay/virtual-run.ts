/** One replay in virtual time, from the log to the report. */
import type { EpochMs } from "../../shared/time.ts";
import { withProgress } from "../tools/progress.ts";
import { type ChargedRequest, chargeAll } from "./charged.ts";
import { chargesUnder } from "./charges.ts";
import { type Compared, forwardEverything, onecount, perPopOnly } from "./comparisons.ts";
import type { Figures } from "./figures.ts";
import { type ReplayInput, readInput } from "./input.ts";
import { measure } from "./measure.ts";
import type { ReplayOptions } from "./options.ts";
import { checkSpread } from "./pops.ts";
import type { Report } from "./report.ts";
import { reportedRules, sliceFacts } from "./report-parts.ts";
import { schedule } from "./schedule.ts";
import type { SendWatch, Sent } from "./sender.ts";
import { sendVirtual, type VirtualRun } from "./virtual.ts";
import { type VirtualPops, virtualPops } from "./virtual-pops.ts";

/** Runs the replay. `signal` stops it: the promise rejects. */
export async function replayVirtual(wish: ReplayOptions, signal: AbortSignal): Promise<Report> {
  const pops = virtualPops(wish.pops);
  checkSpread(wish.spread, pops.names);
  const input = await readInput(wish);
  return withProgress(
    (count) => `replay: ${count} of ${input.slice.entries.length} requests sent`,
    (progress) => virtualReport(input, pops, wish, { progress, signal }),
  );
}

/** The report of a slice that has been read. */
export async function virtualReport(
  input: ReplayInput,
  pops: VirtualPops,
  wish: Pick<ReplayOptions, "spread" | "seed">,
  watch: SendWatch = {},
): Promise<Report> {
  const { rules, log, slice } = input;
  const { start, compared } = prepare(input, pops, wish);
  const run = await sendVirtual(compared.requests, { rules, pops, seed: wish.seed, start }, watch);
  const figures = figuresOf(run, compared, pops);
  const reported = reportedRules(figures.rules, rules, wish.spread);
  return {
    ...figures,
    keptPace: true,
    log,
    slice: sliceFacts(slice),
    run: {
      startedAt: new Date(start).toISOString(),
      tookMs: tookMs(run.sent),
      rules: rules.path,
      speed: 1,
      spread: wish.spread,
      seed: wish.seed,
      pops: pops.names,
    },
    rules: reported,
    compared: [
      onecount(run, figures.rules, (index) => reported[index]?.bound ?? 0),
      forwardEverything(compared),
      perPopOnly(compared, wish.spread),
    ],
  };
}

export interface Prepared {
  /** Virtual time at the beginning: that of the first request. */
  readonly start: EpochMs;
  readonly compared: Compared;
}

/** Draws the schedule and works out what each of its requests counts under. */
export function prepare(
  { rules, slice }: ReplayInput,
  pops: VirtualPops,
  wish: Pick<ReplayOptions, "spread" | "seed">,
): Prepared {
  const plan = schedule(slice.entries, { ...wish, speed: 1, pops: pops.names.length });
  const { measured, chargesOf } = chargesUnder(rules);
  const start = slice.entries[0]?.at ?? slice.from;
  return { start, compared: { requests: chargeAll(plan, start, chargesOf), rules: measured } };
}

/** Measures a run as the one over HTTP is measured. */
export function figuresOf(run: VirtualRun, compared: Compared, pops: VirtualPops): Figures {
  const chargesBy = new Map<Sent["planned"], ChargedRequest["charges"]>(
    compared.requests.map(({ planned, charges }) => [planned, charges]),
  );
  return measure({
    sent: run.sent,
    rules: compared.rules,
    chargesOf: ({ planned }) => chargesBy.get(planned) ?? [],
    popNames: pops.names,
  });
}

/** From the beginning to the last answer. */
const tookMs = (sent: readonly Sent[]): number =>
  sent.reduce((last, one) => Math.max(last, one.planned.atMs + one.tookMs), 0);
