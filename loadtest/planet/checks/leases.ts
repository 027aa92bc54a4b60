/**
 * What is spent while an Ask is out is in what it says. What is held ahead of asking is not used when it is older than its life, goes back when nobody uses it, and is not
 * kept by an isolate that knows that there is no room.
 */

import { accountName } from "../../../shared/owner/accounts.ts";
import { CREDIT, HELD } from "../../../shared/pop/credit-table.ts";
import type { Decision } from "../../../shared/pop/decide.ts";
import type { HotKey } from "../../../shared/pop/hot-key.ts";
import { isBlocked } from "../../../shared/pop/view.ts";
import type { Announcement, Answer, Ask } from "../../../shared/protocol/messages.ts";
import { holdsAhead, leaseLife, reserveAhead } from "../../../shared/rule-ahead.ts";
import type { Isolate } from "../isolate.ts";
import type { Request } from "../request.ts";
import { Checker } from "./checker.ts";
import type { KeyTruth } from "./truth.ts";

/** A report is on its way within a pause after a failure and two deadlines, ms. */
const SLACK_MS = 3_000;

export class Leases extends Checker {
  readonly name = "leases";
  /** When an isolate last heard of an owner or asked it, by account and window: what it holds is as old as that. */
  readonly #confirmedAt = new Map<Isolate, Map<string, number>>();

  override sent(isolate: Isolate, ask: Ask): void {
    this.#confirm(isolate, `${accountName(ask)} ${ask.window}`);
  }

  override hears(isolate: Isolate, ask: Ask, answer: Answer): void {
    if (answer.kind === "granted") this.#confirm(isolate, `${accountName(ask)} ${answer.window}`);
  }

  #confirm(isolate: Isolate, name: string): void {
    const times = this.#confirmedAt.get(isolate) ?? new Map<string, number>();
    this.#confirmedAt.set(isolate, times);
    times.set(name, isolate.now());
  }

  /** Of those that just heard something. */
  readonly #fresh = new Map<Isolate, Set<string>>();

  override hearsNews(isolate: Isolate, { ruleVersion, key }: Announcement): void {
    const accounts = this.#fresh.get(isolate) ?? new Set<string>();
    this.#fresh.set(isolate, accounts.add(`${ruleVersion}.${key}`));
  }

  override stepped(): void {
    for (const [isolate, accounts] of this.#fresh)
      for (const account of accounts) {
        const held = this.#heldBy(isolate, this.truth.byAccount(account));
        if (held === undefined || held.left <= 0 || !isBlocked(held.hot.view, isolate.now())) continue;
        this.fail(`${isolate.name} holds ${held.left} ahead and knows that there is no room`);
      }
    this.#fresh.clear();
  }

  /** What an isolate may spend of a key without asking, in the window that its owner gave it for. */
  #heldBy(isolate: Isolate, key: KeyTruth | undefined): { hot: HotKey; left: number } | undefined {
    if (key === undefined || !holdsAhead(key.rule)) return undefined;
    const { source } = isolate;
    const slot = this.truth.slotOf(isolate, key);
    const hot = slot < 0 ? undefined : source.hotAt(slot);
    if (hot === undefined || hot.answeredWindow !== source.window(slot)) return undefined;
    return { hot, left: source.table.get(slot, CREDIT) - source.spent(slot) };
  }

  /** A life, what a leader may sleep late, and the way to the owner: by then a hand-back is there. */
  override atRest(): void {
    for (const key of this.truth.keys())
      for (const isolate of this.truth.world.isolates) {
        const held = this.#heldBy(isolate, key);
        if (held === undefined || held.left <= reserveAhead(key.rule)) continue;
        const { until } = held.hot.lease;
        if (isolate.now() > until + SLACK_MS)
          this.fail(
            `${isolate.name} still holds ${held.left} ahead, ${isolate.now() - until} ms after its life`,
          );
      }
  }

  /** While an Ask is out, its isolate spends no more than it says; what `on_failure` admits or holds aside. */
  #compare(isolate: Isolate, key: KeyTruth, window: number): void {
    const { source } = isolate;
    const slot = this.truth.slotOf(isolate, key);
    const hot = slot < 0 ? undefined : source.hotAt(slot);
    const ask = hot?.outbox.isOut(isolate.now()) === true ? hot.outbox.flight?.ask : undefined;
    if (ask?.window !== window || source.window(slot) !== window) return;
    if (key.spent(window, isolate).degraded > 0 || source.table.get(slot, HELD) > 0) return;
    if (source.spent(slot) > ask.spent)
      this.fail(
        `${isolate.name} spends ${source.spent(slot)} of ${key.client} while its Ask says ${ask.spent}`,
      );
  }

  override decided({ admission, client, isolate, at }: Request, { admitted }: Decision): void {
    if (!admitted || at !== this.truth.world.agenda.now) return;
    for (const { ruleIndex, window, how } of admission.counted)
      if (how === "credit") this.#compare(isolate, this.truth.of(ruleIndex, client), window);
    for (const { ruleIndex, window, how, cost } of admission.counted) {
      const key = this.truth.of(ruleIndex, client);
      if (how !== "credit" || key.rule.lease === 0) continue;
      const held = this.#heldBy(isolate, key);
      if (held === undefined || held.hot.answeredWindow !== window || held.hot.outbox.isOut(isolate.now()))
        continue;
      const confirmedAt = this.#confirmedAt.get(isolate)?.get(`${key.account} ${window}`) ?? 0;
      // A reserve may stay until the window ends.
      const isHeld = held.hot.lease.until > 0 && held.left + cost > reserveAhead(key.rule);
      if (isHeld && isolate.now() >= confirmedAt + leaseLife(key.rule))
        this.fail(`${isolate.name} admitted ${client} by credit of ${isolate.now() - confirmedAt} ms ago`);
    }
  }
}
