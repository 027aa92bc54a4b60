/**
 * The way of nearly every request: each rule that it falls under has credit for it here, so it is admitted at once,
 * and nothing is built but the answer. Whatever may need more than that is `decide.ts`'s: there, a request that
 * each rule has credit for is decided the same.
 */
import type { KeyHasher } from "../key.ts";
import type { Charged } from "../requested.ts";
import { capacity, type Rule } from "../rule.ts";
import type { RuleSet } from "../rule-set.ts";
import { type EpochMs, NEVER } from "../time.ts";
import { BIRTH } from "./credit-table.ts";
import { type Counted, type Decision, NO_TAGS, type Quota } from "./decide.ts";
import { quotaOf } from "./quota.ts";
import type { Source } from "./source.ts";

/** That a request is to be reported under a rule (see spread/sampler.ts), and its client's entry. */
export interface Picked {
  readonly ruleIndex: number;
  readonly slot: number;
  /** How many units of its cost were picked. */
  readonly seen: number;
}

export class ByCredit {
  readonly #source: Source;
  /** The entries of the request that is being decided, their births, and what it costs. */
  readonly #slots: Int32Array;
  readonly #births: Int32Array;
  readonly #costs: Float64Array;
  /** Of the requests admitted since it was emptied, what is to be reported of them. */
  readonly picked: Picked[] = [];

  constructor(source: Source) {
    this.#source = source;
    this.#slots = new Int32Array(source.rules.length);
    this.#births = new Int32Array(source.rules.length);
    this.#costs = new Float64Array(source.rules.length);
  }

  /** Admits a request under `set`, or returns `undefined` and has counted nothing. */
  decide(set: RuleSet, charged: Charged, now: EpochMs): Decision | undefined {
    const { indexes } = set;
    const [first = 0] = indexes;
    if (indexes.length > 1) return this.#findAll(indexes, charged, now) ? this.#admit(set, now) : undefined;
    const slot = this.#find(first, charged, now);
    if (slot < 0) return undefined;
    const cost = charged.costOf(first);
    this.#slots[0] = slot;
    this.#costs[0] = cost;
    this.#spend(first, slot, cost, now);
    const rule = this.#source.rules[first] as Rule;
    return admission(rule, set.enforced.length === 0 ? NO_QUOTAS : [this.#quota(slot, rule, now)]);
  }

  /** What the request that was admitted last was counted as. */
  counted({ indexes }: RuleSet): readonly Counted[] {
    return indexes.map((ruleIndex, at) => ({
      ruleIndex,
      cost: this.#costs[at] as number,
      window: this.#source.window(this.#slots[at] as number),
      how: "credit",
    }));
  }

  /** The entry under a rule; −1 when it has none, or not enough credit, or an owner to be looked at. */
  #find(index: number, charged: Charged, now: EpochMs): number {
    const source = this.#source;
    const hasher = source.hashers[index] as KeyHasher;
    hasher.tag(charged.keyOf(index));
    const slot = source.lookup(index, hasher.hi, hasher.lo, now);
    if (slot < 0) return -1;
    const cost = charged.costOf(index);
    return source.hasSilentCredit(slot, cost) || source.hasCreditAhead(slot, cost, now) ? slot : -1;
  }

  #findAll(indexes: readonly number[], charged: Charged, now: EpochMs): boolean {
    const { table } = this.#source;
    for (let at = 0; at < indexes.length; at++) {
      const index = indexes[at] as number;
      const slot = this.#find(index, charged, now);
      if (slot < 0) return false;
      this.#slots[at] = slot;
      this.#costs[at] = charged.costOf(index);
      this.#births[at] = table.get(slot, BIRTH);
    }
    // A later rule's entry may have taken the place of an earlier one's.
    for (let at = 0; at < indexes.length; at++)
      if (table.get(this.#slots[at] as number, BIRTH) !== this.#births[at]) return false;
    return true;
  }

  #spend(index: number, slot: number, cost: number, now: EpochMs): void {
    this.#source.spend(slot, cost);
    // What an owner granted ahead it has counted.
    if (this.#source.isClaimed(slot, now)) {
      // A request counts once, under its first rule, as its decision does.
      if (slot === this.#slots[0]) this.#source.notePaidAhead(index);
      return;
    }
    const seen = this.#source.sampler.picks(index, cost);
    if (seen > 0) this.picked.push({ ruleIndex: index, slot, seen });
  }

  #admit({ indexes, enforced }: RuleSet, now: EpochMs): Decision {
    const { rules } = this.#source;
    const quotas: Quota[] = [];
    for (let at = 0; at < indexes.length; at++) {
      const index = indexes[at] as number;
      const slot = this.#slots[at] as number;
      const rule = rules[index] as Rule;
      this.#spend(index, slot, this.#costs[at] as number, now);
      if (rule === enforced[quotas.length]) quotas.push(this.#quota(slot, rule, now));
    }
    return admission(rules[indexes[0] as number] as Rule, quotas);
  }

  #quota(slot: number, rule: Rule, now: EpochMs): Quota {
    if (this.#source.hotAt(slot) !== undefined) return quotaOf(this.#source, slot, rule, now);
    const remaining = capacity(rule) - this.#source.spent(slot);
    return { rule, limit: rule.limit, remaining, resetAt: this.#source.endOfWindow(slot) };
  }
}

const NO_QUOTAS: readonly Quota[] = [];

const admission = (rule: Rule, quotas: readonly Quota[]): Decision => ({
  kind: "decided",
  admitted: true,
  how: "credit",
  rule,
  unavailable: false,
  retryAt: NEVER,
  quotas,
  tags: NO_TAGS,
});
