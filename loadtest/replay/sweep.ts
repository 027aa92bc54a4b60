/** Runs of one log in virtual time, one for every threshold under every spread. */

import type { Rule } from "../../shared/rule.ts";
import { EXCESS_DEFAULT } from "../../shared/rule-schema.ts";
import { initialThreshold } from "../../shared/threshold.ts";
import { withProgress } from "../tools/progress.ts";
import { type Counting, forwardEverything, onecount, perPopOnly } from "./comparisons.ts";
import type { Figures } from "./figures.ts";
import { type ReplayInput, readInput } from "./input.ts";
import type { ReplayOptions, SweepWish, SweptThreshold } from "./options.ts";
import { checkSpread } from "./pops.ts";
import type { Report } from "./report.ts";
import { requestsAtMost, sliceFacts } from "./report-parts.ts";
import type { ReplayRules } from "./rules.ts";
import type { SendWatch } from "./sender.ts";
import { sendVirtual } from "./virtual.ts";
import { type VirtualPops, virtualPops } from "./virtual-pops.ts";
import { figuresOf, prepare } from "./virtual-run.ts";

/** One row of the table. */
export interface SweepRow {
  /** Absent: the same for all. */
  readonly threshold?: SweptThreshold;
  readonly spread?: number;
  /** Share of the requests that waited for an owner. */
  readonly waited: number;
  readonly counting: Counting;
}

export interface Sweep extends Pick<Report, "log" | "slice"> {
  readonly requests: number;
  readonly clientCount: number;
  readonly run: Pick<Report["run"], "rules" | "seed" | "pops">;
  readonly rows: readonly SweepRow[];
  /** Rules with a limit below one of the thresholds: there the limit was the threshold. */
  readonly clipped: readonly {
    readonly rule: string;
    readonly limit: number;
    readonly below: readonly number[];
  }[];
}

/** Runs all of them. `signal` stops it: the promise rejects. */
export async function sweepVirtual(
  wish: ReplayOptions,
  sweep: SweepWish,
  signal: AbortSignal,
): Promise<Sweep> {
  const pops = virtualPops(wish.pops);
  for (const spread of sweep.spreads) checkSpread(spread, pops.names);
  const input = await readInput(wish);
  const runs = sweep.thresholds.length * sweep.spreads.length;
  return withProgress(
    (count) => `replay: ${count} of ${input.slice.entries.length * runs} requests sent`,
    (progress) => sweepOf(input, pops, { ...sweep, seed: wish.seed }, { progress, signal }),
  );
}

/** The sweep over a slice that has been read. */
export async function sweepOf(
  input: ReplayInput,
  pops: VirtualPops,
  wish: SweepWish & { readonly seed: number },
  { progress, signal }: SendWatch = {},
): Promise<Sweep> {
  const { rules, log, slice } = input;
  const requests = slice.entries.length;
  const bySpread = wish.spreads.map((spread) => ({
    spread,
    prepared: prepare(input, pops, { spread, seed: wish.seed }),
  }));
  const rows: SweepRow[] = [];
  let clientCount = 0;
  for (const threshold of wish.thresholds) {
    const run = rulesWith(rules, threshold);
    for (const { spread, prepared } of bySpread) {
      const { start, compared } = prepared;
      const before = requests * rows.length;
      const virtual = await sendVirtual(
        compared.requests,
        { rules: run, pops, seed: wish.seed, start },
        { progress: (sent) => progress?.(before + sent), ...(signal === undefined ? {} : { signal }) },
      );
      const figures = figuresOf(virtual, compared, pops);
      clientCount = figures.clientCount;
      const counting = onecount(virtual, figures.rules, (index) => boundOf(run, index, spread));
      rows.push({ threshold, spread, waited: waitedShare(figures), counting });
    }
  }
  const [first] = bySpread;
  if (first !== undefined) rows.push({ waited: 1, counting: forwardEverything(first.prepared.compared) });
  for (const { spread, prepared } of bySpread)
    rows.push({ spread, waited: 0, counting: perPopOnly(prepared.compared, spread) });
  return {
    log,
    slice: sliceFacts(slice),
    requests,
    clientCount,
    run: { rules: rules.path, seed: wish.seed, pops: pops.names },
    rows,
    clipped: clippedBy(rules, wish.thresholds),
  };
}

/**
 * The same rules with another threshold. Their versions stay: those place each key's windows, and with other
 * windows other requests would stand together.
 */
const rulesWith = (rules: ReplayRules, threshold: SweptThreshold): ReplayRules => ({
  ...rules,
  run: rules.run.map((rule) => {
    const { excessMax = EXCESS_DEFAULT, ...fixed } = rule;
    const own =
      threshold === "auto" ? initialThreshold(rule.limit, excessMax) : Math.min(threshold, rule.limit);
    const grace = Math.min(rule.grace, rule.limit - own + 1);
    return { ...fixed, threshold: own, grace, ...(threshold === "auto" && { excessMax }) } satisfies Rule;
  }),
});

const boundOf = ({ run }: ReplayRules, index: number, spread: number): number => {
  const rule = run[index];
  return rule === undefined ? 0 : requestsAtMost(rule, spread);
};

function waitedShare({ decisions, requests }: Figures): number {
  const waited = decisions
    .filter(({ decision }) => decision === "owner" || decision === "degraded")
    .reduce((sum, row) => sum + row.requests, 0);
  return requests === 0 ? 0 : waited / requests;
}

const clippedBy = ({ run }: ReplayRules, thresholds: SweepWish["thresholds"]): Sweep["clipped"] =>
  run.flatMap(({ name, limit }) => {
    const below = thresholds.filter((one) => one !== "auto").filter((one) => one > limit);
    return below.length === 0 ? [] : [{ rule: name, limit, below }];
  });
