/**
 * The way of nearly every request: each rule that it falls under has credit for it here, so it is admitted at once,
 * and nothing is built but the answer. Whatever may need more than that is `decide.ts`'s: there, a request that
 * each rule has credit for is decided the same.
 */
import type { KeyMessage } from "../key.ts";
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
    if (!this.#find(indexes, key, cost, now)) return undefined;
    for (let at = 0; at < indexes.length; at++)
      this.#source.spend(this.#slots[at] as number, this.#costOf(indexes[at] as number, cost));
    return {
      kind: "decided",
      admitted: true,
      how: "credit",
      rule: this.#source.rules[indexes[0] as number] as Rule,
      unavailable: false,
      retryAt: NEVER,
      quotas: this.#quotas(set),
    };
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

  /** Finds the entries of all rules; false when one has none, or not enough credit, or an owner to be looked at. */
  #find(indexes: readonly number[], key: KeyMessage, cost: number, now: EpochMs): boolean {
    const source = this.#source;
    for (let at = 0; at < indexes.length; at++) {
      const index = indexes[at] as number;
      const hasher = source.hashers[index];
      if (hasher === undefined) return false;
      hasher.tag(key);
      const slot = source.lookup(index, hasher.hi, hasher.lo, now);
      if (slot < 0 || !source.hasSilentCredit(slot, this.#costOf(index, cost))) return false;
      this.#slots[at] = slot;
      this.#births[at] = source.table.get(slot, BIRTH);
    }
    // A later rule's entry may have taken the place of an earlier one's.
    for (let at = 0; at < indexes.length - 1; at++)
      if (source.table.get(this.#slots[at] as number, BIRTH) !== this.#births[at]) return false;
    return true;
  }

  #costOf(index: number, cost: number): number {
    return (this.#source.rules[index] as Rule).cost * cost;
  }

  #quotas({ indexes, enforced }: RuleSet): readonly Quota[] {
    // A list that grows takes room for more than most requests have.
    if (indexes.length === 1)
      return enforced.length === 0 ? NO_QUOTAS : [this.#quota(0, enforced[0] as Rule)];
    const quotas: Quota[] = [];
    let told = 0;
    for (let at = 0; at < indexes.length; at++) {
      const rule = this.#source.rules[indexes[at] as number] as Rule;
      if (rule !== enforced[told]) continue;
      told += 1;
      quotas.push(this.#quota(at, rule));
    }
    return quotas;
  }

  #quota(at: number, rule: Rule): Quota {
    const slot = this.#slots[at] as number;
    const remaining = capacity(rule) - this.#source.spent(slot);
    return { rule, remaining, resetAt: this.#source.endOfWindow(slot) };
  }
}

const NO_QUOTAS: readonly Quota[] = [];
