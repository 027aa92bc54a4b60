/**
 * A soak: a rate that keeps the machine busy, held for minutes, while the memory of every isolate is read; and
 * in the end a look for requests that still wait.
 *
 *   fill ─▶ calibrate ─▶ warm up ─▶ minute 1 … minute N ─▶ the load ends ─▶ nobody waits any more
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Cluster } from "../../cluster/cluster.ts";
import { fail } from "../../tools/cli.ts";
import { type Plan, SOAK_LOGIN } from "../plans.ts";
import type { K6Outcome } from "../run-k6.ts";
import { calibrate, type Step, TARGET_SHARE } from "./calibrate.ts";
import { fillHubs } from "./fill.ts";
import { withHangUps } from "./hang-ups.ts";
import { whileMeasured } from "./machine.ts";
import { minutesIn } from "./memory.ts";
import { reportOf, type SoakReport } from "./report.ts";
import { whileWatched } from "./watcher.ts";

/**
 * workerd keeps an object in memory for up to 140 s after its last call, which is an alarm two windows after its
 * last client: only then does as much go as comes.
 */
const WARM_UP_SECONDS = 180;
/** A short run is for a look, and warms up until windows have rolled over. */
const warmUpFor = (seconds: number): number =>
  Math.max(2 * SOAK_LOGIN.windowSeconds, Math.min(WARM_UP_SECONDS, seconds));
const STEP_SECONDS = 6;
/**
 * Of what is aimed at, what a step may take: once objects go as well as come, and memory is read, the same rate costs
 * a fifth more.
 */
const STEP_PART = 5 / 6;
/** How long requests that are under way at the end may take: more than the rules' deadline, which is 10 s. */
const GRACE_MS = 15_000;
const LOOK_EVERY_MS = 250;

export interface Played extends K6Outcome {
  readonly plan: Plan;
  /** Windows that it touched, at most. */
  readonly windows: number;
}

/** Plays the script. `quiet` shows nothing of it. */
export type Play = (plan: Plan, quiet: boolean) => Promise<Played>;

export interface Soaked {
  readonly played: Played;
  readonly soak: SoakReport;
}

export interface Wanted {
  readonly plan: Plan;
  /** Whether the plan's rate was asked for. */
  readonly rateGiven: boolean;
  /** Lines that Workers have printed, to the end of the run. */
  readonly printed: readonly string[];
}

export async function soak(cluster: Cluster, wanted: Wanted, play: Play): Promise<Soaked> {
  await fillHubs(cluster.pops);
  const steps: Step[] = [];
  const rate = wanted.rateGiven ? wanted.plan.rate : await findRate(cluster, wanted.plan, steps, play);
  const { seconds } = wanted.plan;
  const warmUp = warmUpFor(seconds);
  const plan = { ...wanted.plan, rate, seconds: warmUp + seconds };
  console.error(`soaking at ${rate} iterations a second: ${warmUp} s to warm up, then ${seconds} s`);
  const watched = await whileWatched(cluster, 1_000 * warmUp, () =>
    withHangUps(cluster.pops, () => whileMeasured(cluster.workerdPid, () => play(plan, false))),
  );
  const { samples, result: load } = watched;
  const { result: played, share } = load.result;
  const report = reportOf({
    rate,
    share,
    steps,
    minutes: minutesIn(seconds),
    samples,
    hungUp: load.hungUp,
    left: await untilNobodyWaits(cluster),
    printed: wanted.printed,
    exitCode: played.exitCode,
  });
  return { played, soak: report };
}

/** The rate at which the machine or the cluster is as busy as it should be. */
async function findRate(cluster: Cluster, plan: Plan, steps: Step[], play: Play): Promise<number> {
  const { found } = await calibrate(async (rate) => {
    const tried = { ...plan, rate, seconds: STEP_SECONDS };
    const { result, share } = await whileMeasured(cluster.workerdPid, () => play(tried, true));
    const step = { rate, share, kept: result.exitCode === 0 };
    const words = step.kept ? "" : ", and a threshold has failed";
    console.error(
      `calibrating: ${rate} iterations a second keep the busier of machine and cluster ${percent(share)} busy${words}`,
    );
    steps.push(step);
    return step;
  }, STEP_PART * TARGET_SHARE);
  if (found.kind === "hopeless")
    return fail(`this machine cannot keep the lowest rate: choose one with --rate`);
  if (!found.reached)
    console.error(`the cluster is at its limit before anything is ${percent(TARGET_SHARE)} busy`);
  return found.rate;
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** What still waits when all should have been decided: nothing, or what was left behind. */
async function untilNobodyWaits(
  cluster: Cluster,
): Promise<{ readonly waiting: number; readonly out: number }> {
  const giveUpAt = performance.now() + GRACE_MS;
  for (;;) {
    const { pops } = await cluster.waiting();
    const waiting = pops.reduce((sum, pop) => sum + pop.waiting, 0);
    const out = pops.reduce((sum, pop) => sum + pop.out, 0);
    if (waiting + out === 0 || performance.now() > giveUpAt) return { waiting, out };
    await pause(LOOK_EVERY_MS);
  }
}
