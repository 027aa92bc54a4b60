/**
 * The way of nearly every request: each rule that it falls under has credit for it here, so it is admitted at once,
 * and nothing is built but the answer. Whatever may need more than that is `decide.ts`'s: there, a request that
 * each rule has credit for is decided the same.
 */
import type { KeyHasher, KeyMessage } from "../key.ts";
import { capacity, type Rule } from "../rule.ts";
import type { RuleSet } from "../rule-set.ts";
import { type EpochMs, NEVER } from "../time.ts";
import { BIRTH } from "./credit-table.ts";
import type { Counted, Decision, Quota } from "./decide.ts";
import type { Source } from "./source.ts";

export class ByCredit {
  readonly #source: Source;
  /** The entries of the request that is being decided, and their births. */
  readonly #slots: Int32Array;
  readonly #births: Int32Array;

  constructor(source: Source) {
    this.#source = source;
    this.#slots = new Int32Array(source.rules.length);
    this.#births = new Int32Array(source.rules.length);
  }

  /**
   * Admits a request of `key` under `set`, or returns `undefined` and has counted nothing.
   * @param cost how many requests this one counts as
   */
  decide(set: RuleSet, key: KeyMessage, cost: number, now: EpochMs): Decision | undefined {
    const { indexes } = set;
    const [first = 0] = indexes;
    if (indexes.length > 1)
      return this.#findAll(indexes, key, cost, now) ? this.#admit(set, cost) : undefined;
    const slot = this.#find(first, key, cost, now);
    if (slot < 0) return undefined;
    this.#slots[0] = slot;
    this.#source.spend(slot, this.#costOf(first, cost));
    const rule = this.#source.rules[first] as Rule;
    return admission(rule, set.enforced.length === 0 ? NO_QUOTAS : [this.#quota(slot, rule)]);
  }

  /** What the request that was admitted last was counted as. */
  counted({ indexes }: RuleSet, cost: number): readonly Counted[] {
    return indexes.map((ruleIndex, at) => ({
      ruleIndex,
      cost: this.#costOf(ruleIndex, cost),
      window: this.#source.window(this.#slots[at] as number),
      how: "credit",
    }));
  }

  /** The entry under a rule; −1 when it has none, or not enough credit, or an owner to be looked at. */
  #find(index: number, key: KeyMessage, cost: number, now: EpochMs): number {
    const source = this.#source;
    const hasher = source.hashers[index] as KeyHasher;
    hasher.tag(key);
    const slot = source.lookup(index, hasher.hi, hasher.lo, now);
    return slot >= 0 && source.hasSilentCredit(slot, this.#costOf(index, cost)) ? slot : -1;
  }

  #findAll(indexes: readonly number[], key: KeyMessage, cost: number, now: EpochMs): boolean {
    const { table } = this.#source;
    for (let at = 0; at < indexes.length; at++) {
      const slot = this.#find(indexes[at] as number, key, cost, now);
      if (slot < 0) return false;
      this.#slots[at] = slot;
      this.#births[at] = table.get(slot, BIRTH);
    }
    // A later rule's entry may have taken the place of an earlier one's.
    for (let at = 0; at < indexes.length; at++)
      if (table.get(this.#slots[at] as number, BIRTH) !== this.#births[at]) return false;
    return true;
  }

  #admit({ indexes, enforced }: RuleSet, cost: number): Decision {
    const { rules } = this.#source;
    const quotas: Quota[] = [];
    for (let at = 0; at < indexes.length; at++) {
      const index = indexes[at] as number;
      const slot = this.#slots[at] as number;
      const rule = rules[index] as Rule;
      this.#source.spend(slot, this.#costOf(index, cost));
      if (rule === enforced[quotas.length]) quotas.push(this.#quota(slot, rule));
    }
    return admission(rules[indexes[0] as number] as Rule, quotas);
  }

  #costOf(index: number, cost: number): number {
    return (this.#source.rules[index] as Rule).cost * cost;
  }

  #quota(slot: number, rule: Rule): Quota {
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
});
