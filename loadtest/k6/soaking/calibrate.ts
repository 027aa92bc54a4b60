/** Finds the rate at which the machine, or the one thread of the cluster, is as busy as wanted, in short steps upwards. */

/** The share of its time for which a soak keeps the machine busy: what one in service is planned for. */
export const TARGET_SHARE = 0.7;
/** So close is close enough: the same rate twice differs by as much. */
const TOLERANCE = 0.02;
const RATE_FIRST = 20;
/** No step is more than so many times the one before, however idle that one was. */
const RAISE_MAX = 2;
const STEPS_MAX = 10;
/** A step that failed and one that did not, so close to each other, are the edge. */
const EDGE = 1.1;
/** What holds for seconds need not hold for minutes: so far from the edge it should. */
const FROM_EDGE = 0.9;

export interface Step {
  /** Iterations a second. */
  readonly rate: number;
  /** Of all cores, or of the cluster's thread if that is more, 0 to 1. */
  readonly share: number;
  /** Whether the rate was kept, with all thresholds of the script. */
  readonly kept: boolean;
}

export type Next =
  | { readonly kind: "step"; readonly rate: number }
  /** `reached` is false when the cluster is at its limit before the machine is as busy as wanted. */
  | { readonly kind: "hold"; readonly rate: number; readonly reached: boolean }
  | { readonly kind: "hopeless" };

/** What follows from the steps so far, the latest last. */
export function next(steps: readonly Step[], target = TARGET_SHARE): Next {
  const latest = steps.at(-1);
  if (latest === undefined) return { kind: "step", rate: RATE_FIRST };
  const kept = steps.filter((step) => step.kept && step.share < target).sort((a, b) => a.rate - b.rate);
  const low = kept.at(-1);
  const high = steps
    .filter((step) => step !== low && step.rate > (low?.rate ?? 0))
    .sort((a, b) => a.rate - b.rate)[0];
  if (latest.kept && Math.abs(latest.share - target) <= TOLERANCE)
    return { kind: "hold", rate: safe(latest.rate, steps), reached: true };
  if (high === undefined) return raise(low ?? latest, kept.at(-2), steps.length, target);
  if (high.kept) return { kind: "hold", rate: between(low, high, target), reached: true };
  if (low === undefined) return { kind: "hopeless" };
  if (high.rate / low.rate <= EDGE || steps.length >= STEPS_MAX)
    return { kind: "hold", rate: Math.ceil(FROM_EDGE * low.rate), reached: false };
  return { kind: "step", rate: Math.round((low.rate + high.rate) / 2) };
}

/** The rate, or a little less where one that is hardly higher has failed. */
const safe = (rate: number, steps: readonly Step[]): number =>
  steps.some((step) => !step.kept && step.rate <= EDGE * rate) ? Math.ceil(FROM_EDGE * rate) : rate;

/** Along the line through the last two steps, or from nothing. */
function raise(low: Step, before: Step | undefined, done: number, target: number): Next {
  if (done >= STEPS_MAX) return { kind: "hold", rate: low.rate, reached: false };
  const [fromRate, fromShare] = before === undefined ? [0, 0] : [before.rate, before.share];
  const perRate = (low.share - fromShare) / (low.rate - fromRate);
  const wanted = perRate > 0 ? low.rate + (target - low.share) / perRate : Number.POSITIVE_INFINITY;
  return { kind: "step", rate: Math.ceil(Math.min(RAISE_MAX * low.rate, Math.max(low.rate + 1, wanted))) };
}

/** The rate between two steps, in proportion. */
function between(low: Step | undefined, high: Step, target: number): number {
  const [fromRate, fromShare] = low === undefined ? [0, 0] : [low.rate, low.share];
  const part = (target - fromShare) / (high.share - fromShare);
  return Math.max(1, Math.round(fromRate + part * (high.rate - fromRate)));
}

/** Takes steps until the rate is found. @param take tries a rate for a few seconds */
export async function calibrate(
  take: (rate: number) => Promise<Step>,
  target = TARGET_SHARE,
): Promise<{ readonly steps: readonly Step[]; readonly found: Exclude<Next, { kind: "step" }> }> {
  const steps: Step[] = [];
  for (;;) {
    const found = next(steps, target);
    if (found.kind !== "step") return { steps, found };
    steps.push(await take(found.rate));
  }
}
