/**
 * What it costs a request to be counted for the metrics: decisions in this process as `decide.ts` makes them, with and
 * without what `worker/limiter.ts` does for the metrics besides. Sending is in the background, and not in it.
 */
import { Reporting } from "../../shared/telemetry/reporting.ts";
import { Tally } from "../../shared/telemetry/tally.ts";
import { epochMs } from "../../shared/time.ts";
import { addressOf, CLIENTS, type Goal, ours } from "./decide.ts";
import { type Interleaved, interleave, type Variant } from "./interleave.ts";

const PASSES = 5;
const WARM_UPS = 4;
const PLAIN = "decide";
const COUNTED = "decide, counted";
const COST_NS_MAX = 100;

export interface MetricsFigures extends Interleaved {
  readonly decisionsPerRun: number;
  /** How much longer a decision takes that is counted, ns. */
  readonly costNs: number;
  readonly goals: readonly Goal[];
}

/** A loop of its own for each variant would be compiled around what it calls: this one is called with both. */
function callEach(addresses: readonly string[], decide: (address: string) => unknown): void {
  for (const address of addresses) decide(address);
}

const variant = (name: string, decide: (address: string) => unknown): Variant => {
  const addresses = Array.from({ length: CLIENTS }, (_, index) => addressOf(index));
  const run = (): void => {
    for (let pass = 0; pass < PASSES; pass++) callEach(addresses, decide);
  };
  return { name, operations: PASSES * CLIENTS, run };
};

function counted(): (address: string) => unknown {
  const { decide, rules, source } = ours();
  const tally = new Tally(rules);
  const reporting = new Reporting(tally, source.isolate, () => ({
    pop: source.pop,
    watchAgeMs: 0,
    entries: source.table.size,
    capacity: source.table.capacity,
    replacements: source.table.replacements,
    keys: [],
  }));
  return (address) => {
    // As `Limiter.listen` asks at every request; a report is under way nearly always.
    if (reporting.isDue(epochMs(Date.now()))) reporting.begin(epochMs(Date.now()), 0);
    const decision = decide(address);
    if (decision !== undefined) tally.decided(decision, 0);
    return decision;
  };
}

export async function benchMetrics(
  rounds: number,
  progress: (share: number) => void,
): Promise<MetricsFigures> {
  const variants = [variant(PLAIN, ours().decide), variant(COUNTED, counted())];
  const claims = [{ faster: PLAIN, slower: COUNTED }];
  const measured = await interleave(variants, claims, { rounds, warmUps: WARM_UPS, progress });
  const of = (name: string): number => measured.figures.find((figure) => figure.name === name)?.median ?? 0;
  const costNs = of(COUNTED) - of(PLAIN);
  const text = `to be counted for the metrics costs a request at most ${COST_NS_MAX} ns`;
  return {
    ...measured,
    decisionsPerRun: PASSES * CLIENTS,
    costNs,
    goals: [{ text, actual: costNs, met: costNs <= COST_NS_MAX }],
  };
}
