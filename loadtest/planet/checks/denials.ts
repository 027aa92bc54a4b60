/** Owners deny only what does not fit, by a second reckoning; and hold nothing against a source that it did not spend. */

import type { Account } from "../../../shared/owner/account.ts";
import { accountName } from "../../../shared/owner/accounts.ts";
import type { Answer, Ask } from "../../../shared/protocol/messages.ts";
import { windowStart } from "../../../shared/time.ts";
import type { Isolate } from "../isolate.ts";
import type { Incarnation, OwnerHost } from "../owner-host.ts";
import { Checker } from "./checker.ts";

export class Denials extends Checker {
  readonly name = "denials";
  /** The last seq that each source was answered: a repeated Ask gets the same, whatever room there is by now. */
  readonly #answered = new Map<string, number>();

  override taken(
    host: OwnerHost,
    { accounts }: Incarnation,
    asks: readonly Ask[],
    answers: readonly Answer[],
  ): void {
    asks.forEach((ask, index) => {
      const answer = answers[index];
      const name = `${accountName(ask)} ${ask.source}`;
      if (answer?.kind !== "granted") return;
      const last = this.#answered.get(name) ?? 0;
      const repeated = ask.seq <= last;
      this.#answered.set(name, Math.max(last, ask.seq));
      const denied = leastDenied(ask, answer.granted - ask.spent);
      // Others in the same call may have taken the room since.
      const alone = asks.filter((other) => accountName(other) === accountName(ask)).length === 1;
      if (repeated || !alone || denied === undefined || (answer.penaltyUntil ?? 0) > 0) return;
      for (const account of accounts.values()) {
        if (`${account.policy.version}.${account.key}` !== accountName(ask)) continue;
        const left = roomOf(account, host.clock.now());
        if (left !== undefined && denied <= left)
          this.fail(`${host.name} denied a cost of ${denied} to ${ask.source} with ${left} left`);
      }
    });
  }
}

/** The cheapest cost that went away empty, if the granted sum says that one did. */
function leastDenied(ask: Ask, granted: number): number | undefined {
  let left = granted;
  let least: number | undefined;
  for (const cost of ask.want) {
    if (cost <= left) left -= cost;
    else least = Math.min(least ?? cost, cost);
  }
  return least;
}

/** previous × (1 − elapsed / W) + current, as the design has it. Buckets are not reckoned twice. */
function roomOf({ policy, meter }: Account, now: number): number | undefined {
  const { limit, algorithm, grid } = policy;
  if (algorithm === "token-bucket") return undefined;
  if (algorithm === "fixed-window") return limit - meter.current;
  const elapsed = Math.min(grid.lengthMs, Math.max(0, now - windowStart(grid, meter.window)));
  return Math.floor(
    limit - meter.current - (meter.previous * (grid.lengthMs - elapsed)) / grid.lengthMs + 1e-9,
  );
}

/** With nothing lost and nobody dying, an owner holds no more against a source than it spent or was just given. */
export class Overcount extends Checker {
  readonly name = "overcount";

  override taken(host: OwnerHost, { accounts }: Incarnation, asks: readonly Ask[]): void {
    for (const ask of asks) {
      const isolate = this.truth.world.isolates.find((one) =>
        ask.source.startsWith(`${one.source.isolate}.`),
      );
      const spent = isolate === undefined ? undefined : answerable(isolate, ask);
      if (spent === undefined) continue;
      for (const account of accounts.values()) {
        const record = account.ledger.sources.get(ask.source);
        if (account.key !== ask.key || account.policy.version !== ask.rule.version || record === undefined)
          continue;
        if (account.ledger.window === ask.window && record.granted > spent)
          this.fail(`${host.name} holds ${record.granted} against ${ask.source}, which answers for ${spent}`);
      }
    }
  }
}

/** What a source has spent, holds, or still waits for; undefined when it has moved on since it asked. */
function answerable({ source }: Isolate, ask: Ask): number | undefined {
  const at = [...source.table.slots()].find((slot) => {
    const hot = source.hotAt(slot);
    return hot?.key === ask.key && hot.rule.version === ask.rule.version;
  });
  const hot = at === undefined ? undefined : source.hotAt(at);
  if (at === undefined || hot === undefined || source.window(at) !== ask.window) return undefined;
  if (`${source.isolate}.${hot.life}` !== ask.source || hot.outbox.flight?.ask !== ask) return undefined;
  // What its requests gave back since goes to the owner next.
  return Math.max(source.spent(at), ask.spent) + ask.want.reduce((sum, cost) => sum + cost, 0);
}
