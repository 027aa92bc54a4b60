/**
 * What one isolate counted: every decision once, and what its Asks and its watch were like. Whole numbers that only
 * grow, in fixed memory; to count a request takes a few nanoseconds.
 */
import type { Decision } from "../pop/decide.ts";
import type { Rule } from "../rule.ts";
import {
  AHEAD,
  ASK_BUCKET_COUNT,
  askBucket,
  DEGRADED_CAUSES,
  FURTHER_COUNT,
  KEPT_BACK,
  OUTCOME_COUNT,
  outcomeIndex,
} from "./outcomes.ts";

export class Tally {
  readonly rules: readonly Rule[];
  /** All counts, in one place so that they can be copied, compared and taken off as one. */
  readonly #counts: Float64Array;
  readonly #degradedAt: number;
  readonly #furtherAt: number;
  readonly #asksAt: number;
  readonly #singlesAt: number;
  #replacedBefore = 0;

  constructor(rules: readonly Rule[]) {
    this.rules = rules;
    this.#degradedAt = rules.length * OUTCOME_COUNT;
    this.#furtherAt = this.#degradedAt + rules.length * DEGRADED_CAUSES.length;
    this.#asksAt = this.#furtherAt + rules.length * FURTHER_COUNT;
    this.#singlesAt = this.#asksAt + ASK_BUCKET_COUNT;
    this.#counts = new Float64Array(this.#singlesAt + SINGLES);
  }

  /** Counts a decision under the rule that is told of it. @param ruleIndex that rule's, where it is known */
  decided(decision: Decision, ruleIndex: number = this.rules.indexOf(decision.rule)): void {
    this.#add(ruleIndex * OUTCOME_COUNT + outcomeIndex(decision.how, decision.admitted));
    if (decision.cause === undefined) return;
    const cause = DEGRADED_CAUSES.indexOf(decision.cause);
    this.#add(this.#degradedAt + ruleIndex * DEGRADED_CAUSES.length + cause);
  }

  /** No rule covered the request. */
  passed(): void {
    this.#add(this.#singlesAt + UNLIMITED);
  }

  /** The limiter itself had a fault, and the request passed. */
  faulted(): void {
    this.#add(this.#singlesAt + FAULTS);
  }

  /** An owner answered an Ask after so long. */
  answered(ms: number): void {
    this.#add(this.#asksAt + askBucket(ms));
    this.#add(this.#singlesAt + ASK_MS, Math.max(0, ms));
  }

  /** An owner said that it has much to do. */
  busy(): void {
    this.#add(this.#singlesAt + BUSY);
  }

  /** The credit table has pushed out so many clients that still counted, since it began. */
  replaced(soFar: number): void {
    this.#add(this.#singlesAt + REPLACED, soFar - this.#replacedBefore);
    this.#replacedBefore = soFar;
  }

  /** Takes over how many requests of each rule credit held ahead paid for, and has it counted from 0 again. */
  takePaidAhead(paid: Float64Array): void {
    for (const [index, requests] of paid.entries())
      this.#add(this.#furtherAt + index * FURTHER_COUNT + AHEAD, requests);
    paid.fill(0);
  }

  /** An owner denied so many requests only for what a strict rule keeps back. */
  keptBack(rule: Rule, denials: number): void {
    this.#add(this.#furtherAt + this.rules.indexOf(rule) * FURTHER_COUNT + KEPT_BACK, denials);
  }

  /** So many announcements were heard. */
  heard(news: number): void {
    this.#add(this.#singlesAt + HEARD, news);
  }

  #add(index: number, by = 1): void {
    this.#counts[index] = (this.#counts[index] as number) + by;
  }

  /** Everything counted so far, as it is now. */
  snapshot(): Counted {
    return new Counted(this.#counts.slice());
  }

  /** Begins anew from what came since `counted`. */
  takeOff(counted: Counted): void {
    for (let index = 0; index < this.#counts.length; index++) this.#add(index, -(counted.counts[index] ?? 0));
  }

  /** Requests counted since, and anything else. */
  since(counted: Counted | undefined): { readonly requests: number; readonly anything: boolean } {
    let requests = 0;
    let anything = false;
    for (let index = 0; index < this.#counts.length; index++) {
      const more = (this.#counts[index] as number) - (counted?.counts[index] ?? 0);
      if (more === 0) continue;
      anything = true;
      if (index < this.#degradedAt || index === this.#singlesAt + UNLIMITED) requests += more;
    }
    return { requests, anything };
  }

  /** A snapshot by what it counts. Rules that nobody fell under are left out. */
  read({ counts }: Counted): TallyReading {
    const rules = this.rules.flatMap((rule, index) => {
      const outcomes = part(counts, index * OUTCOME_COUNT, OUTCOME_COUNT);
      const causes = part(counts, this.#degradedAt + index * DEGRADED_CAUSES.length, DEGRADED_CAUSES.length);
      if (outcomes.every((count) => count === 0)) return [];
      const { version, name, mode } = rule;
      const further = part(counts, this.#furtherAt + index * FURTHER_COUNT, FURTHER_COUNT);
      return [{ version, name, mode, counts: outcomes, degraded: causes, further }];
    });
    const single = (index: number): number => counts[this.#singlesAt + index] ?? 0;
    return {
      rules,
      unlimited: single(UNLIMITED),
      faults: single(FAULTS),
      heard: single(HEARD),
      busy: single(BUSY),
      replacements: single(REPLACED),
      asks: part(counts, this.#asksAt, ASK_BUCKET_COUNT),
      askMs: single(ASK_MS),
    };
  }
}

/** Places of what is counted but once. */
const UNLIMITED = 0;
const FAULTS = 1;
const HEARD = 2;
const ASK_MS = 3;
const BUSY = 4;
const REPLACED = 5;
const SINGLES = 6;

const part = (counts: Float64Array, from: number, length: number): number[] =>
  Array.from(counts.subarray(from, from + length));

/** A tally at one moment. */
export class Counted {
  readonly counts: Float64Array;

  constructor(counts: Float64Array) {
    this.counts = counts;
  }
}

/** How the requests under one rule were decided. */
export interface RuleCounts {
  readonly version: string;
  readonly name: string;
  readonly mode: Rule["mode"];
  /** As many as `OUTCOMES`, in that order. */
  readonly counts: readonly number[];
  /** Degraded ones by cause, in the order of `DEGRADED_CAUSES`. */
  readonly degraded: readonly number[];
  /** At AHEAD and KEPT_BACK. */
  readonly further: readonly number[];
}

export interface TallyReading {
  readonly rules: readonly RuleCounts[];
  readonly unlimited: number;
  readonly faults: number;
  readonly heard: number;
  /** Answers of owners that had much to do. */
  readonly busy: number;
  /** Clients pushed out of the credit table while they still counted. */
  readonly replacements: number;
  /** Round trips to owners by bucket, and all together in ms. */
  readonly asks: readonly number[];
  readonly askMs: number;
}
