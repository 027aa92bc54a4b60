/**
 * What is seen of decisions beside the way to them: lines in the log, data points, and what
 * became of the keys that are counted exactly. It changes no decision, and a request that was
 * admitted by credit passes it in a few nanoseconds.
 */

import { gridOf } from "../shared/grid.ts";
import type { KeyHasher } from "../shared/key.ts";
import type { ByCredit } from "../shared/pop/by-credit.ts";
import type { Counted, Decision, Judged } from "../shared/pop/decide.ts";
import type { Source } from "../shared/pop/source.ts";
import type { KeyHash } from "../shared/protocol/messages.ts";
import type { Charged } from "../shared/requested.ts";
import type { Rule } from "../shared/rule.ts";
import type { RuleSet } from "../shared/rule-set.ts";
import { Degraded } from "../shared/telemetry/degraded.ts";
import { Points } from "../shared/telemetry/points.ts";
import { type EpochMs, windowAt } from "../shared/time.ts";
import type { Background } from "./courier.ts";
import type { Env } from "./env.ts";
import { writeLog } from "./log.ts";
import type { Sampling } from "./sampling.ts";

export class Observer {
  readonly #source: Source;
  readonly #degraded = new Degraded();
  readonly #analytics: AnalyticsEngineDataset | undefined;
  readonly #points = new Points();

  readonly #sampling: Sampling;

  constructor(source: Source, sampling: Sampling, env: Pick<Env, "ANALYTICS">) {
    this.#source = source;
    this.#sampling = sampling;
    this.#analytics = env.ANALYTICS;
  }

  /** A request was admitted by credit alone: the last one of `byCredit`. */
  byCredit(set: RuleSet, charged: Charged, byCredit: ByCredit, now: EpochMs, background: Background): void {
    const { indexes } = set;
    const { hashers } = this.#source;
    for (let at = 0; at < indexes.length; at++) {
      // They have just hashed the request's keys.
      const { hi, lo } = hashers[indexes[at] as number] as KeyHasher;
      if (this.#sampling.has(hi, lo)) this.#admitted(byCredit.counted(set)[at], hi, lo, now, background);
    }
    if (this.#degraded.isOn) this.#spells(indexes[0] ?? 0, "credit", charged, now);
  }

  #admitted(counted: Counted | undefined, hi: number, lo: number, at: EpochMs, background: Background): void {
    if (counted === undefined) return;
    const { ruleIndex, cost, window } = counted;
    this.#sampling.note(
      { ruleIndex, hi, lo, at, cost, window, outcome: "admitted", byHand: false },
      background,
    );
  }

  /** @param at when the request came */
  judged(judged: readonly Judged[], at: EpochMs, background: Background): void {
    for (const { ruleIndex, hi, lo, cost, denied, how, byHand, window } of judged) {
      if (!this.#sampling.has(hi, lo)) continue;
      const rule = this.#source.rules[ruleIndex] as Rule;
      const outcome = denied ? "denied" : how === "degraded" ? "unowned" : "admitted";
      const seen = { ruleIndex, hi, lo, at, cost, outcome, byHand } as const;
      this.#sampling.note({ ...seen, window: window ?? windowAt(gridOf(rule, lo), at) }, background);
    }
  }

  /** A request was decided in any other way. */
  decided({ rule, how, admitted }: Decision, charged: Charged, now: EpochMs): void {
    if (!admitted && this.#analytics !== undefined) this.#denied(rule, how, charged, now);
    if (how === "degraded" || this.#degraded.isOn)
      this.#spells(this.#source.rules.indexOf(rule), how, charged, now);
  }

  #denied(rule: Rule, how: Decision["how"], charged: Charged, now: EpochMs): void {
    const ruleIndex = this.#source.rules.indexOf(rule);
    const key = () => this.#hashOf(ruleIndex, charged);
    const { pop } = this.#source;
    const cost = charged.costOf(ruleIndex);
    const point = this.#points.of({ event: "denial", rule: rule.name, pop, how, cost, key }, now);
    try {
      if (point !== undefined) this.#analytics?.writeDataPoint(point);
    } catch {
      // A point that cannot be written is no reason to decide otherwise.
    }
  }

  #spells(index: number, how: Decision["how"], charged: Charged, now: EpochMs): void {
    for (const change of this.#degraded.decided(index, how, now)) {
      const { kind, ruleIndex } = change;
      writeLog("warn", () => ({
        event: `degraded-${kind}`,
        rule: this.#source.rules[ruleIndex]?.name ?? "",
        pop: this.#source.pop,
        // The request may fall under another rule than the one whose spell is over.
        ...(ruleIndex === index && { key: this.#hashOf(ruleIndex, charged) }),
        ...(change.kind === "end" && { decisions: change.decisions }),
      }));
    }
  }

  #hashOf(ruleIndex: number, charged: Charged): KeyHash {
    return this.#source.hashers[ruleIndex]?.hash(charged.keyOf(ruleIndex)) ?? "";
  }
}
