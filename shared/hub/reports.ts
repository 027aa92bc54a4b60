/**
 * What a hub knows of its region's isolates: the last report of each, and the sum of those that are gone. Reports are
 * cumulative and numbered, so one that is repeated counts once; the shell stores each before it acknowledges it.
 */
import * as v from "valibot";
import {
  BASE_ROWS_MAX,
  KEYS_KEPT_MAX,
  KEYS_SHOWN_FOR,
  REPORTER_KEPT,
  REPORTERS_MAX,
  REPORTERS_PUT_AWAY_MAX,
} from "../limits.ts";
import { decode, encode } from "../protocol/codec.ts";
import { count } from "../protocol/fields.ts";
import { ASK_BUCKET_COUNT, DEGRADED_CAUSES, NO_FURTHER, OUTCOME_COUNT } from "../telemetry/outcomes.ts";
import type { Receipt, Report, ReportedKey } from "../telemetry/report.ts";
import { after, type EpochMs, earlier } from "../time.ts";
import type { PopGauges, PopTotals, RegionMetrics } from "./region-metrics.ts";

/** An isolate's last report, and when it came. */
export interface Reporter {
  readonly report: Report;
  readonly seenAt: EpochMs;
}

const rowSchema = v.object({
  pop: v.string(),
  version: v.string(),
  name: v.string(),
  mode: v.picklist(["enforce", "shadow"]),
  counts: v.pipe(v.array(count), v.length(OUTCOME_COUNT)),
  degraded: v.pipe(v.array(count), v.length(DEGRADED_CAUSES.length)),
  // Rows of older releases have none.
  further: v.exactOptional(v.array(count), NO_FURTHER),
});
type Row = v.InferOutput<typeof rowSchema>;

const baseSchema = v.object({
  rows: v.array(rowSchema),
  unlimited: v.array(v.tuple([v.string(), count])),
  faults: count,
  heard: count,
  busy: count,
  replacements: count,
  asks: v.pipe(v.array(count), v.length(ASK_BUCKET_COUNT)),
  askMs: v.number(),
  /** Isolates put away, and the number of their last reports, oldest first. */
  putAway: v.array(v.tuple([v.string(), count])),
});
type Base = v.InferOutput<typeof baseSchema>;

/** What is one number for all rules and data centres. */
const SUMS = ["faults", "heard", "busy", "replacements", "askMs"] as const;
type Sums = Record<(typeof SUMS)[number], number>;

/** What the shell has to store. */
export interface Stored {
  /** Isolates whose reports are part of the base now. */
  readonly gone: readonly string[];
  /** Whether the base has changed. */
  readonly base: boolean;
}

export class Reports {
  /** The one that reported longest ago first: a Map keeps the order of insertion. */
  readonly #reporters = new Map<string, Reporter>();
  readonly #rows = new Map<string, Row>();
  readonly #unlimited = new Map<string, number>();
  readonly #putAway = new Map<string, number>();
  readonly #sums: Sums = { faults: 0, heard: 0, busy: 0, replacements: 0, askMs: 0 };
  #asks: readonly number[] = Array<number>(ASK_BUCKET_COUNT).fill(0);

  /** Brings back what was stored. `base`: what `encodeBase` wrote, if it was. Unreadable bytes count as none. */
  restore(stored: Iterable<Reporter>, base: unknown, now: EpochMs): void {
    const read = decode(baseSchema, base);
    if (read.ok) this.#readBase(read.value);
    // The one that reported longest ago first, and nobody later than now, whatever clock it was stored by.
    const inOrder = [...stored].sort((a, b) => a.seenAt - b.seenAt);
    for (const { report, seenAt } of inOrder)
      if (!this.#putAway.has(report.source))
        this.#reporters.set(report.source, { report, seenAt: earlier(seenAt, now) });
  }

  #readBase(base: Base): void {
    for (const row of base.rows) this.#rows.set(nameOf(row), row);
    for (const [pop, unlimited] of base.unlimited) this.#unlimited.set(pop, unlimited);
    for (const [source, seq] of base.putAway) this.#putAway.set(source, seq);
    for (const name of SUMS) this.#sums[name] = base[name];
    this.#asks = base.asks;
  }

  encodeBase(): Uint8Array {
    return encode({
      rows: [...this.#rows.values()],
      unlimited: [...this.#unlimited],
      ...this.#sums,
      asks: [...this.#asks],
      putAway: [...this.#putAway],
    } satisfies Base);
  }

  /**
   * Takes a report. True when it is news, and must be stored before it is acknowledged. One of an isolate that was put
   * away is not taken: most of what it says is in the sum already. Its receipt says so, and the isolate begins anew.
   */
  take(report: Report, now: EpochMs): boolean {
    if (this.#putAway.has(report.source)) return false;
    const last = this.#reporters.get(report.source)?.report.seq;
    if (last !== undefined && report.seq <= last) return false;
    this.#reporters.delete(report.source);
    // The busiest come first.
    const most = Math.max(1, Math.floor(KEYS_KEPT_MAX / (this.#reporters.size + 1)));
    const kept = report.keys.length <= most ? report : { ...report, keys: report.keys.slice(0, most) };
    this.#reporters.set(report.source, { report: kept, seenAt: now });
    return true;
  }

  /** What the isolate is told once its report is stored. */
  receiptOf({ source, seq }: Report): Receipt {
    const last = this.#putAway.get(source);
    return last === undefined ? { source, seq } : { source, seq: last, putAway: true };
  }

  /** Puts isolates away that were silent for long, and those silent for longest where there are too many. */
  tidy(now: EpochMs): Stored {
    const gone: string[] = [];
    for (const [source, { report, seenAt }] of this.#reporters) {
      if (this.#reporters.size <= REPORTERS_MAX && after(seenAt, REPORTER_KEPT) > now) break;
      this.#putDown(report);
      this.#reporters.delete(source);
      gone.push(source);
    }
    for (const oldest of this.#putAway.keys()) {
      if (this.#putAway.size <= REPORTERS_PUT_AWAY_MAX) break;
      this.#putAway.delete(oldest);
    }
    return { gone, base: gone.length > 0 };
  }

  #putDown(report: Report): void {
    this.#putAway.set(report.source, report.seq);
    for (const rule of report.rules) this.#addRow({ pop: report.pop, ...rule });
    this.#unlimited.set(report.pop, (this.#unlimited.get(report.pop) ?? 0) + report.unlimited);
    for (const name of SUMS) this.#sums[name] += report[name];
    this.#asks = plus(this.#asks, report.asks);
  }

  /** Past their number rows are kept by the rule's name alone: no count is lost, only where it was made. */
  #addRow(row: Row): void {
    const full = this.#rows.size >= BASE_ROWS_MAX && !this.#rows.has(nameOf(row));
    const kept = full ? { ...row, pop: "", version: "" } : row;
    const known = this.#rows.get(nameOf(kept));
    this.#rows.set(nameOf(kept), known === undefined ? kept : sum(known, kept));
  }

  /** Everything counted in this region, and what its isolates are like. */
  metrics(now: EpochMs): RegionMetrics {
    const rules = new Map<string, Row>();
    for (const row of this.#allRows()) {
      const known = rules.get(`${row.name}\n${row.mode}`);
      rules.set(`${row.name}\n${row.mode}`, known === undefined ? row : sum(known, row));
    }
    const reports = Array.from(this.#reporters.values(), ({ report }) => report);
    const sums: Sums = { ...this.#sums };
    for (const report of reports) for (const name of SUMS) sums[name] += report[name];
    return {
      rules: Array.from(rules.values(), ({ pop: _, ...row }) => row),
      unlimited: sumOf([...this.#unlimited.values(), ...reports.map(({ unlimited }) => unlimited)]),
      ...sums,
      asks: reports.reduce((all, { asks }) => plus(all, asks), this.#asks),
      pops: this.#gauges(now),
      thresholds: this.#thresholds(now),
    };
  }

  /** The lowest that an isolate works with, by rule. */
  #thresholds(now: EpochMs): ReadonlyMap<string, number> {
    const lowest = new Map<string, number>();
    for (const { thresholds = [] } of this.#present(now))
      for (const [rule, threshold] of thresholds)
        lowest.set(rule, Math.min(lowest.get(rule) ?? threshold, threshold));
    return lowest;
  }

  #gauges(now: EpochMs): readonly PopGauges[] {
    const pops = new Map<string, PopGauges>();
    for (const { pop, watchAgeMs, entries, capacity } of this.#present(now)) {
      const known = pops.get(pop) ?? { pop, isolates: 0, watchAgeMs: 0, entries: 0, capacity: 0 };
      pops.set(pop, {
        pop,
        isolates: known.isolates + 1,
        watchAgeMs: Math.max(known.watchAgeMs, watchAgeMs ?? 0),
        entries: known.entries + entries,
        capacity: known.capacity + capacity,
      });
    }
    return [...pops.values()];
  }

  /** How requests were decided at each data centre, by rule version. */
  byPop(now: EpochMs): readonly PopTotals[] {
    const pops = new Map<string, PopTotals>();
    const at = (pop: string): PopTotals => {
      const known = pops.get(pop) ?? { pop, isolates: 0, rules: {}, unlimited: 0 };
      pops.set(pop, known);
      return known;
    };
    for (const row of this.#allRows()) {
      const { rules } = at(row.pop);
      rules[row.version] = plus(rules[row.version] ?? Array<number>(OUTCOME_COUNT).fill(0), row.counts);
    }
    for (const [pop, unlimited] of this.#unlimited) at(pop).unlimited += unlimited;
    for (const { report } of this.#reporters.values()) at(report.pop).unlimited += report.unlimited;
    for (const { pop } of this.#present(now)) at(pop).isolates += 1;
    return [...pops.values()];
  }

  /** What isolates said of their busiest clients in their last reports. */
  keys(now: EpochMs): readonly (ReportedKey & { readonly pop: string; readonly source: string })[] {
    return this.#present(now).flatMap(({ pop, source, keys }) =>
      keys.map((key) => ({ ...key, pop, source })),
    );
  }

  *#allRows(): Iterable<Row> {
    yield* this.#rows.values();
    for (const { report } of this.#reporters.values())
      for (const rule of report.rules) yield { pop: report.pop, ...rule };
  }

  #present(now: EpochMs): readonly Report[] {
    return Array.from(this.#reporters.values())
      .filter(({ seenAt }) => after(seenAt, KEYS_SHOWN_FOR) > now)
      .map(({ report }) => report);
  }

  get size(): number {
    return this.#reporters.size;
  }
}

const nameOf = ({ pop, version, name, mode }: Row): string => `${pop}\n${version}\n${name}\n${mode}`;

const plus = (a: readonly number[], b: readonly number[]): readonly number[] =>
  a.map((value, index) => value + (b[index] ?? 0));

const sum = (known: Row, more: Row): Row => ({
  ...known,
  version: more.version,
  counts: [...plus(known.counts, more.counts)],
  degraded: [...plus(known.degraded, more.degraded)],
  further: [...plus(known.further, more.further)],
});

const sumOf = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};
