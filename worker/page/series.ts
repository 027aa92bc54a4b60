/** How many requests were decided how, second by second, made of counts that only grow. Pure. */
import { type Counts, OUTCOMES } from "../../shared/telemetry/live.ts";

/** Seconds that are kept. */
export const SECONDS_KEPT = 120;
export const DECISIONS = ["credit", "owner", "blocked", "degraded"] as const;
export type Decision = (typeof DECISIONS)[number];

const DECISION_OF: readonly number[] = OUTCOMES.map(({ decision }) => DECISIONS.indexOf(decision));
const ADMITTED: readonly boolean[] = OUTCOMES.map(({ admitted }) => admitted);
/** Numbers of a second: one for each decision, and what was denied. */
const COLUMNS = DECISIONS.length + 1;
const DENIED = DECISIONS.length;

export interface Totals {
  readonly byDecision: Readonly<Record<Decision, number>>;
  readonly denied: number;
  readonly all: number;
}

export class Series {
  /** By second since 1970. */
  readonly #seconds = new Map<number, Float64Array>();
  /** Requests per second at each data centre, in the time between its last two counts: of all hubs that count there. */
  readonly rates = new Map<string, number>();
  /** Of each region by itself. */
  readonly #ratesBy = new Map<string, Map<string, number>>();
  #newest = 0;
  /** Changes when numbers of seconds that are over do. */
  get version(): number {
    return this.#newest;
  }

  /** What happened between two counts of one region. The older one is missing at first: then nothing is known to have. */
  add(before: Counts | undefined, counts: Counts): void {
    this.#newest = Math.max(this.#newest, Math.floor(counts.at / 1_000));
    if (before === undefined || counts.at <= before.at) return;
    const sum = new Float64Array(COLUMNS);
    const old = new Map(before.pops.map((pop) => [pop.pop, pop]));
    for (const { pop, rules } of counts.pops) {
      const known = old.get(pop);
      // What a data centre counted before it was first heard of happened at another time.
      if (known === undefined) continue;
      let all = 0;
      for (const [version, numbers] of Object.entries(rules)) {
        for (const [index, number] of numbers.entries()) {
          // An isolate that is gone takes its counts along.
          const more = Math.max(0, number - (known.rules[version]?.[index] ?? 0));
          const column = DECISION_OF[index];
          if (column === undefined) continue;
          sum[column] = (sum[column] ?? 0) + more;
          if (ADMITTED[index] === false) sum[DENIED] = (sum[DENIED] ?? 0) + more;
          all += more;
        }
      }
      this.#setRate(counts.region, pop, (1_000 * all) / (counts.at - before.at));
    }
    this.#spread(sum, before.at, counts.at);
  }

  #setRate(region: string, pop: string, perSecond: number): void {
    const here = this.#ratesBy.get(region) ?? new Map<string, number>();
    this.#ratesBy.set(region, here.set(pop, perSecond));
    let sum = 0;
    for (const rates of this.#ratesBy.values()) sum += rates.get(pop) ?? 0;
    this.rates.set(pop, sum);
  }

  /** Shares numbers out among the seconds of an interval. */
  #spread(sum: Float64Array, from: number, to: number): void {
    const first = Math.max(Math.floor(from / 1_000), Math.floor(to / 1_000) - SECONDS_KEPT);
    for (let second = first; second * 1_000 < to; second += 1) {
      const overlap = Math.min(to, (second + 1) * 1_000) - Math.max(from, second * 1_000);
      const share = overlap / (to - from);
      if (share <= 0) continue;
      const bucket = this.#seconds.get(second) ?? new Float64Array(COLUMNS);
      for (let column = 0; column < COLUMNS; column += 1)
        bucket[column] = (bucket[column] ?? 0) + share * (sum[column] ?? 0);
      this.#seconds.set(second, bucket);
    }
    for (const second of this.#seconds.keys())
      if (second <= this.#newest - SECONDS_KEPT) this.#seconds.delete(second);
  }

  /** The seconds that are kept, oldest first, and for each decision as many numbers. The newest second is not over. */
  columns(): { readonly seconds: number[]; readonly byDecision: readonly number[][] } {
    const seconds = Array.from({ length: SECONDS_KEPT }, (_, index) => this.#newest - SECONDS_KEPT + index);
    return {
      seconds,
      byDecision: DECISIONS.map((_, column) =>
        seconds.map((second) => this.#seconds.get(second)?.[column] ?? 0),
      ),
    };
  }

  /** Sums over the last whole seconds. */
  totals(seconds: number): Totals {
    const sums = new Float64Array(COLUMNS);
    for (let second = this.#newest - seconds; second < this.#newest; second += 1) {
      const bucket = this.#seconds.get(second);
      for (let column = 0; column < COLUMNS; column += 1)
        sums[column] = (sums[column] ?? 0) + (bucket?.[column] ?? 0);
    }
    const [credit = 0, owner = 0, blocked = 0, degraded = 0, denied = 0] = sums;
    return {
      byDecision: { credit, owner, blocked, degraded },
      denied,
      all: credit + owner + blocked + degraded,
    };
  }
}
