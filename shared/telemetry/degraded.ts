/**
 * When one isolate lost the owners of a rule, and when it had them again.
 *
 *    reached ──a degraded decision──▶ degraded ──a decision by its owner, or DEGRADED_QUIET without one──▶ reached
 */
import { DEGRADED_QUIET } from "../limits.ts";
import type { How } from "../pop/decide.ts";
import { after, type EpochMs } from "../time.ts";

/** A rule's spell under way. */
interface Spell {
  readonly lastAt: EpochMs;
  readonly decisions: number;
}

export type DegradedChange =
  | { readonly kind: "start"; readonly ruleIndex: number }
  | { readonly kind: "end"; readonly ruleIndex: number; readonly decisions: number };

export class Degraded {
  readonly #spells = new Map<number, Spell>();

  /** Whether any rule is degraded: only then a request that asked no owner has to be looked at. */
  get isOn(): boolean {
    return this.#spells.size > 0;
  }

  /** Takes a decision; returns what begins or ends with it. */
  decided(ruleIndex: number, how: How, now: EpochMs): readonly DegradedChange[] {
    const ended = this.over(now);
    const spell = this.#spells.get(ruleIndex);
    if (how === "owner" && spell !== undefined) return [...ended, this.#end(ruleIndex, spell)];
    if (how !== "degraded") return ended;
    this.#spells.set(ruleIndex, { lastAt: now, decisions: (spell?.decisions ?? 0) + 1 });
    return spell === undefined ? [...ended, { kind: "start", ruleIndex }] : ended;
  }

  /** The spells that are over by time. */
  over(now: EpochMs): readonly DegradedChange[] {
    const ended: DegradedChange[] = [];
    for (const [ruleIndex, spell] of this.#spells)
      if (after(spell.lastAt, DEGRADED_QUIET) <= now) ended.push(this.#end(ruleIndex, spell));
    return ended;
  }

  #end(ruleIndex: number, { decisions }: Spell): DegradedChange {
    this.#spells.delete(ruleIndex);
    return { kind: "end", ruleIndex, decisions };
  }
}
