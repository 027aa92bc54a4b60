/**
 * Which of the silently admitted requests are reported: each unit of cost by chance, with the probability of its rule's
 * plan. Instead of a throw for each, the gap to the next one is drawn; so it costs a subtraction. What is drawn comes
 * from a secret seed of the isolate: nobody outside can tell which requests are left out.
 */
import type { Rule } from "../rule.ts";
import { spreadPlan } from "./plan.ts";

export class Sampler {
  /** By rule: cost that is admitted until the next report; infinite where nothing is reported. */
  readonly #gaps: Float64Array;
  /** ln(1 − p) by rule. */
  readonly #logs: Float64Array;
  #state: number;

  /** @param seed 32 random bits of this isolate */
  constructor(rules: readonly Rule[], seed: number) {
    this.#state = seed | 0 || 1;
    this.#logs = Float64Array.from(rules, (rule) => Math.log1p(-(spreadPlan(rule)?.probability ?? 0)));
    this.#gaps = Float64Array.from(rules, (_, index) => this.#draw(index));
  }

  /** How many units of this cost, admitted silently under a rule, are to be reported. */
  picks(ruleIndex: number, cost: number): number {
    let left = (this.#gaps[ruleIndex] as number) - cost;
    let picked = 0;
    for (; left <= 0; left += this.#draw(ruleIndex)) picked += 1;
    this.#gaps[ruleIndex] = left;
    return picked;
  }

  /** How much cost goes by up to the next one that is reported, that one included: 1, 2, … */
  #draw(ruleIndex: number): number {
    const log = this.#logs[ruleIndex] as number;
    if (log === 0) return Number.POSITIVE_INFINITY;
    return Math.floor(Math.log(this.#random()) / log) + 1;
  }

  /** In (0, 1]. Mulberry32 (Tommy Ettinger, 2017). */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let x = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return (((x ^ (x >>> 14)) >>> 0) + 1) / 0x1_0000_0000;
  }
}
