/** Thinly spread clients at several rates, with and without being looked for, on as many threads as there are cores. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Place } from "./places.ts";
import type { ThinOptions, ThinReport, ThinRun } from "./thin.ts";

/** Requests a second of the one client. */
export const THIN_RATES = [50, 500] as const;
/** The rule: three requests of each isolate are silent. */
export const THIN_RULE = { limit: 100, threshold: 4, windowMs: 60_000 } as const;
/** Clients of one world, before another begins. */
const CLIENTS_MAX = 50;
/** Where nobody looks for them they all fare alike. */
const UNSOUGHT_SEEDS = 5;

export interface ThinWish {
  readonly places: readonly Place[];
  readonly isolatesPerPlace: number;
  readonly seeds: number;
}

/** What became of all clients of a rate. */
export interface ThinFigures {
  readonly spread: "auto" | "off";
  readonly rate: number;
  readonly isolates: number;
  readonly clients: number;
  readonly found: number;
  /** How likely one is not found yet at its limit, as stated, and how many of them were not when they had sent that much. */
  readonly missAtLimit: number;
  readonly sentBeforeFound: Quantiles;
  readonly foundMs: Quantiles;
  readonly heardMs: Quantiles;
  readonly admitted: Quantiles;
  readonly sentMax: number;
  /** Clients that got more than the limit and what they sent until everybody had heard. */
  readonly beyond: number;
  readonly handOversPerSecondMax: number;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What a thread is told, and what it answers. */
export type ThinJob = ThinOptions;
export type ThinResult = ThinReport;

/** @param progress told how many clients are done */
export async function runThinClients(
  { places, isolatesPerPlace, seeds }: ThinWish,
  progress: (clients: number) => void,
): Promise<readonly ThinFigures[]> {
  const shared = { places, isolatesPerPlace, ...THIN_RULE };
  const jobs = THIN_RATES.toReversed().flatMap((rate) => [
    ...chunks(seeds).map((count, index) => ({
      ...shared,
      rate,
      spread: "auto" as const,
      seeds: count,
      seed: index + 1,
    })),
    { ...shared, rate, spread: "off" as const, seeds: Math.min(seeds, UNSOUGHT_SEEDS), seed: 1 },
  ]);
  const reports: ThinReport[] = [];
  let clients = 0;
  const next = jobs.values();
  const thread = async (): Promise<void> => {
    for (const job of next) {
      const report = await onThread(job);
      reports.push(report);
      clients += report.runs.length;
      progress(clients);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, thread));
  return (["auto", "off"] as const).flatMap((spread) =>
    THIN_RATES.map((rate) =>
      figuresOf(reports.filter(({ options }) => options.spread === spread && options.rate === rate)),
    ),
  );
}

const chunks = (seeds: number): readonly number[] =>
  Array.from({ length: Math.ceil(seeds / CLIENTS_MAX) }, (_, index) =>
    Math.min(CLIENTS_MAX, seeds - index * CLIENTS_MAX),
  );

const onThread = (job: ThinJob): Promise<ThinReport> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./thin-worker.ts", import.meta.url), { workerData: job });
    worker.on("message", (report: ThinResult) => resolve(report));
    worker.on("error", reject);
  });

export function figuresOf(reports: readonly ThinReport[]): ThinFigures {
  const [first] = reports;
  if (first === undefined) throw new RangeError("no client ran");
  const { spread, rate, isolates, limit } = first.options;
  const runs = reports.flatMap((report) => report.runs);
  const found = runs.filter(({ sentBeforeFound }) => sentBeforeFound !== undefined);
  const allowed = ({ foundMs, heardMs }: ThinRun): number => limit + (rate * (foundMs + heardMs)) / 1_000;
  return {
    spread,
    rate,
    isolates,
    clients: runs.length,
    found: found.length,
    missAtLimit: first.missAtLimit,
    sentBeforeFound: quantiles(found.map(({ sentBeforeFound }) => sentBeforeFound ?? 0)),
    foundMs: quantiles(found.map(({ foundMs }) => foundMs)),
    heardMs: quantiles(found.map(({ heardMs }) => heardMs)),
    admitted: quantiles(runs.map(({ admitted }) => admitted)),
    sentMax: Math.max(...runs.map(({ sent }) => sent)),
    beyond: runs.filter((run) => run.admitted > allowed(run)).length,
    handOversPerSecondMax: Math.max(...reports.map(({ handOversPerSecondMax }) => handOversPerSecondMax)),
  };
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
