/** Owners deny only what does not fit, by a second reckoning; and hold nothing against a source that it did not spend. */

import { DEADLINE_AUTO_MIN, LEASE_WIDEN } from "../../../shared/limits.ts";
import type { Account } from "../../../shared/owner/account.ts";
import { accountName } from "../../../shared/owner/accounts.ts";
import { reserveOf } from "../../../shared/owner/reserve.ts";
import { CREDIT } from "../../../shared/pop/credit-table.ts";
import type { Decision } from "../../../shared/pop/decide.ts";
import type { Answer, Ask } from "../../../shared/protocol/messages.ts";
import { holdsAhead } from "../../../shared/rule-ahead.ts";
import { windowStart } from "../../../shared/time.ts";
import type { Isolate } from "../isolate.ts";
import type { Incarnation, OwnerHost } from "../owner-host.ts";
import type { Request } from "../request.ts";
import { Checker } from "./checker.ts";
import type { KeyTruth } from "./truth.ts";

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
      // Others in the same call may have taken the room since.
      const alone = asks.filter((other) => accountName(other) === accountName(ask)).length === 1;
      const { denied, spare } = wholeCosts(ask, answer.granted - ask.spent);
      // What is granted ahead is no cost that was wanted; it comes only on top of all that was.
      const wide = answer.busy === true ? LEASE_WIDEN : 1;
      const ahead = ask.rule.lease === undefined || denied !== undefined ? 0 : wide * (ask.ahead ?? 0);
      if (!repeated && spare > ahead)
        this.fail(
          `${host.name} granted ${answer.granted - ask.spent} of [${ask.want}] and ${ahead} ahead, which is no sum of whole costs`,
        );
      if (repeated || !alone || (denied === undefined && spare === 0)) return;
      if ((answer.penaltyUntil ?? 0) > 0) return;
      for (const account of accounts.values()) {
        if (`${account.policy.version}.${account.key}` !== accountName(ask)) continue;
        const room = roomOf(account, host.clock.now());
        const left = room === undefined ? undefined : room - reserveOf(account);
        // Half of what is left, at most: then whoever asks next finds as much again.
        if (left !== undefined && spare > 0 && spare > (ask.rule.lease ?? 0) * (left + spare))
          this.fail(`${host.name} granted ${spare} ahead to ${ask.source} with ${left} left`);
        if (left !== undefined && denied !== undefined && denied <= left)
          this.fail(`${host.name} denied a cost of ${denied} to ${ask.source} with ${left} left`);
        if (denied !== undefined && answer.fullUntil !== undefined)
          this.#isFirst(host.name, account, answer.fullUntil);
      }
    });
  }

  /** Full until then: there is room at that millisecond, and was none before. */
  #isFirst(name: string, account: Account, fullUntil: number): void {
    const [before, then] = [roomOf(account, fullUntil - 1), roomOf(account, fullUntil)];
    if (before === undefined || then === undefined) return;
    if (then < 1 || before >= 1)
      this.fail(`${name} is full until ${fullUntil}, with ${before} left before and ${then} then`);
  }
}

/** What a granted sum says of the costs it was asked for: the cheapest that went away empty, and what is left over. */
function wholeCosts(
  ask: Ask,
  granted: number,
): { readonly denied: number | undefined; readonly spare: number } {
  let spare = granted;
  let denied: number | undefined;
  for (const cost of ask.want) {
    if (cost <= spare) spare -= cost;
    else denied = Math.min(denied ?? cost, cost);
  }
  return { denied, spare };
}

/** previous × (1 − elapsed / W) + current, as the design has it, if nothing else happens until then. Buckets are not reckoned twice. */
function roomOf({ policy, meter }: Account, at: number): number | undefined {
  const { limit, algorithm, grid } = policy;
  if (algorithm === "token-bucket") return undefined;
  const start = windowStart(grid, meter.window);
  const elapsed = at - start;
  // An owner's clock may be behind the window that a source has brought it to.
  const age = Math.max(0, Math.floor(elapsed / grid.lengthMs));
  const current = age === 0 ? meter.current : 0;
  if (algorithm === "fixed-window") return limit - current;
  const previous = age === 0 ? meter.previous : age === 1 ? meter.current : 0;
  const share = 1 - Math.max(0, elapsed - age * grid.lengthMs) / grid.lengthMs;
  return Math.floor(limit - current - Math.min(previous, 2 * limit) * share + 1e-9);
}

/** A penalty lasts as long as it was said when it began. */
export class Penalties extends Checker {
  readonly name = "penalty";
  readonly #before = new Map<Account, number>();

  override asking(_host: OwnerHost, { accounts }: Incarnation): void {
    this.#before.clear();
    for (const account of accounts.values()) this.#before.set(account, account.penaltyUntil);
  }

  override taken(host: OwnerHost): void {
    const now = host.clock.now();
    for (const [account, before] of this.#before)
      if (before > now && account.penaltyUntil !== before)
        this.fail(`${host.name} barred until ${before}, and then until ${account.penaltyUntil}`);
  }
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

  /** Nothing is counted twice: all isolates together have spent what the owner counts. */
  override atRest(): void {
    for (const key of this.truth.keys()) {
      for (const { name, account } of this.truth.accountsOf(key)) {
        const { window, current } = account.meter;
        let spent = 0;
        for (const { admitted } of key.windows.get(window)?.values() ?? []) spent += admitted;
        const ahead = this.#heldAhead(key, window);
        if (current > spent + ahead)
          this.fail(
            `${name} counts ${current} for ${key.client}, who was admitted ${spent}, with ${ahead} held ahead`,
          );
      }
    }
  }

  /** What isolates may spend in a window without asking, of what an owner has counted. */
  #heldAhead(key: KeyTruth, window: number): number {
    let held = 0;
    for (const isolate of this.truth.world.isolates) {
      const { source } = isolate;
      const slot = this.truth.slotOf(isolate, key);
      const hot = slot < 0 ? undefined : source.hotAt(slot);
      if (!holdsAhead(key.rule)) continue;
      // What was held when its window ended is told with the next Ask, if one comes.
      if (hot === undefined || source.window(slot) !== window) return Number.POSITIVE_INFINITY;
      if (hot.outbox.seq > 0) held += source.table.get(slot, CREDIT) - source.spent(slot);
    }
    return held;
  }
}

/** With nothing lost and nobody dying, `on_failure` decides no request before its own Ask was out for a deadline. */
export class Deadline extends Checker {
  readonly name = "deadline";
  /** When Asks of an isolate left, by account. */
  readonly #sent = new Map<Isolate, Map<string, number[]>>();

  override sent(isolate: Isolate, ask: Ask, again: boolean): void {
    if (again) return;
    const accounts = this.#sent.get(isolate) ?? new Map<string, number[]>();
    this.#sent.set(isolate, accounts);
    const times = accounts.get(accountName(ask)) ?? [];
    accounts.set(accountName(ask), [...times, isolate.now()]);
  }

  override decided({ client, isolate, rules, at }: Request, { how, rule }: Decision): void {
    if (how !== "degraded") return;
    const now = isolate.now();
    const arrived = now - Math.ceil(this.truth.world.agenda.now - at);
    const index = rules.find((one) => this.truth.world.rules[one] === rule) ?? -1;
    const times = this.#sent.get(isolate)?.get(this.truth.of(index, client).account) ?? [];
    // The first one that left since carried it, if it did not wait for another rule first.
    const left = times.find((time) => time >= arrived);
    const deadline = rule.deadline === "auto" ? DEADLINE_AUTO_MIN : rule.deadline;
    if (left === undefined || now < left + deadline)
      this.fail(
        `${client} was given up at ${isolate.name} ${left === undefined ? "unasked" : `after ${now - left} ms`}`,
      );
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
  return Math.max(source.spent(at), ask.spent) + ask.want.reduce((sum, cost) => sum + cost, ask.ahead ?? 0);
}
