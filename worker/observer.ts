/**
 * What is seen of decisions beside the way to them: lines in the log. It changes no decision, and a request that was
 * admitted by credit passes it in a few nanoseconds.
 */

import type { Decision } from "../shared/pop/decide.ts";
import type { Source } from "../shared/pop/source.ts";
import type { KeyHash } from "../shared/protocol/messages.ts";
import type { Charged } from "../shared/requested.ts";
import type { RuleSet } from "../shared/rule-set.ts";
import { Degraded } from "../shared/telemetry/degraded.ts";
import type { EpochMs } from "../shared/time.ts";
import { writeLog } from "./log.ts";

export class Observer {
  readonly #source: Source;
  readonly #degraded = new Degraded();

  constructor(source: Source) {
    this.#source = source;
  }

  /** A request was admitted by credit alone. */
  byCredit(set: RuleSet, charged: Charged, now: EpochMs): void {
    if (this.#degraded.isOn) this.#spells(set.indexes[0] ?? 0, "credit", charged, now);
  }

  /** A request was decided in any other way. */
  decided({ rule, how }: Decision, charged: Charged, now: EpochMs): void {
    if (how === "degraded" || this.#degraded.isOn)
      this.#spells(this.#source.rules.indexOf(rule), how, charged, now);
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
