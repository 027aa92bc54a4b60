/**
 * The way of a request that falls under one rule, and whose client is known here to be blocked under it: it is denied at
 * once, and nothing is built but the answer. Under attack that is most requests. `decide.ts` would deny it the same.
 */
import type { KeyHasher } from "../key.ts";
import type { Charged } from "../requested.ts";
import { capacity, type Rule } from "../rule.ts";
import type { RuleSet } from "../rule-set.ts";
import { type EpochMs, later } from "../time.ts";
import { type Decision, NO_TAGS } from "./decide.ts";
import type { HotKey } from "./hot-key.ts";
import { limitOf, resetAt } from "./quota.ts";
import type { Source } from "./source.ts";

export class ByBlock {
  readonly #source: Source;
  readonly #excepts: (hi: number, lo: number) => boolean;
  /** Keys whose block is to be confirmed since it was emptied: the shell lets them send. */
  readonly due: HotKey[] = [];

  /** @param excepts whether more than the answer is wanted for the key with that tag */
  constructor(source: Source, excepts: (hi: number, lo: number) => boolean = () => false) {
    this.#source = source;
    this.#excepts = excepts;
  }

  /** Denies a request under `set`, or returns `undefined` and has changed nothing. */
  decide({ indexes, enforced }: RuleSet, charged: Charged, now: EpochMs): Decision | undefined {
    if (indexes.length !== 1 || enforced.length !== 1) return undefined;
    const source = this.#source;
    const index = indexes[0] as number;
    const rule = source.rules[index] as Rule;
    const hasher = source.hashers[index] as KeyHasher;
    hasher.tag(charged.keyOf(index));
    const slot = source.lookup(index, hasher.hi, hasher.lo, now);
    if (slot < 0 || charged.costOf(index) > capacity(rule) || !source.isBlocked(slot, now)) return undefined;
    if (this.#excepts(hasher.hi, hasher.lo)) return undefined;
    this.#confirm(slot, now);
    const reset = resetAt(source, slot, rule, now);
    return {
      kind: "decided",
      admitted: false,
      how: "blocked",
      rule,
      unavailable: false,
      retryAt: later(later(source.blockedUntil(slot, now), now), reset),
      quotas: [{ rule, limit: limitOf(source, slot, rule), remaining: 0, resetAt: reset }],
      tags: NO_TAGS,
    };
  }

  #confirm(slot: number, now: EpochMs): void {
    const source = this.#source;
    source.confirmBlock(slot, now);
    const hot = source.hotAt(slot);
    if (hot?.outbox.mayDepart(now) === true) this.due.push(hot);
  }
}
