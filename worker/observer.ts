/**
 * What is seen of decisions beside the way to them: lines in the log, data points. It changes no decision, and a request that was
 * admitted by credit passes it in a few nanoseconds.
 */

import type { Decision } from "../shared/pop/decide.ts";
import type { Source } from "../shared/pop/source.ts";
import type { KeyHash } from "../shared/protocol/messages.ts";
import type { Charged } from "../shared/requested.ts";
import type { Rule } from "../shared/rule.ts";
import type { RuleSet } from "../shared/rule-set.ts";
import { Degraded } from "../shared/telemetry/degraded.ts";
import { Points } from "../shared/telemetry/points.ts";
import type { EpochMs } from "../shared/time.ts";
import type { Env } from "./env.ts";
import { writeLog } from "./log.ts";

export class Observer {
  readonly #source: Source;
  readonly #degraded = new Degraded();
  readonly #analytics: AnalyticsEngineDataset | undefined;
  readonly #points = new Points();

  constructor(source: Source, env: Pick<Env, "ANALYTICS">) {
    this.#source = source;
    this.#analytics = env.ANALYTICS;
  }

  /** A request was admitted by credit alone. */
  byCredit(set: RuleSet, charged: Charged, now: EpochMs): void {
    if (this.#degraded.isOn) this.#spells(set.indexes[0] ?? 0, "credit", charged, now);
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
