/**
 * No isolate spends beyond what an owner that it may believe granted it, or what it had silently: T − 1, and grace.
 * `on_failure` aside. Silent credit is gone once the isolate knows of a claim.
 */
import { silentMost } from "../../../shared/bound.ts";
import type { Decision } from "../../../shared/pop/decide.ts";
import type { Answer, Ask } from "../../../shared/protocol/messages.ts";
import type { Isolate } from "../isolate.ts";
import type { Request } from "../request.ts";
import { Checker } from "./checker.ts";

/** What one isolate has heard of one key. */
interface Heard {
  /** The highest epoch: answers of older ones are void. */
  epoch: number;
  /** The highest cumulative grant, by source id and window. */
  readonly granted: Map<string, number>;
}

export class Spending extends Checker {
  readonly name = "spending";
  readonly #heard = new Map<Isolate, Map<string, Heard>>();

  #of(isolate: Isolate, account: string): Heard {
    const accounts = this.#heard.get(isolate) ?? new Map<string, Heard>();
    this.#heard.set(isolate, accounts);
    const heard = accounts.get(account) ?? { epoch: 0, granted: new Map<string, number>() };
    accounts.set(account, heard);
    return heard;
  }

  override hears(isolate: Isolate, ask: Ask, answer: Answer): void {
    if (answer.kind !== "granted") return;
    const heard = this.#of(isolate, `${ask.rule.version}.${ask.key}`);
    // An isolate that had nothing to do with a key for two windows forgets its epochs.
    if (answer.epoch < heard.epoch && ask.epochSeen >= heard.epoch) return;
    heard.epoch = Math.max(heard.epoch, answer.epoch);
    const name = `${answer.window} ${ask.source}`;
    heard.granted.set(name, Math.max(heard.granted.get(name) ?? 0, answer.granted));
  }

  override decided({ admission, client, isolate }: Request, { admitted }: Decision): void {
    if (!admitted) return;
    for (const { ruleIndex, window } of admission.counted) {
      const key = this.truth.of(ruleIndex, client);
      const { admitted, degraded, births } = key.spent(window, isolate);
      const grants: number[] = [];
      for (const [name, granted] of this.#of(isolate, key.account).granted)
        if (name.startsWith(`${window} `)) grants.push(granted);
      const silent = silentMost(key.rule);
      // An entry that was pushed out comes back as another source; its grants add up.
      const most =
        births.size > 1 || grants.length > 1
          ? grants.reduce((a, b) => a + b, silent)
          : Math.max(silent, ...grants);
      if (admitted - degraded > most)
        this.fail(`${isolate.name} spent ${admitted - degraded} of ${client}'s ${most} in window ${window}`);
    }
  }
}
