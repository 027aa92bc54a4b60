/** What is held ahead is not kept for longer than its life, and is given up at the news that there is no room. */

import { accountName } from "../../../shared/owner/accounts.ts";
import { CREDIT } from "../../../shared/pop/credit-table.ts";
import type { Decision } from "../../../shared/pop/decide.ts";
import { leaseLife } from "../../../shared/pop/lease.ts";
import type { Answer, Ask } from "../../../shared/protocol/messages.ts";
import type { Isolate } from "../isolate.ts";
import type { Request } from "../request.ts";
import { Checker } from "./checker.ts";

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

  override decided({ admission, client, isolate, at }: Request, { admitted }: Decision): void {
    if (!admitted || at !== this.truth.world.agenda.now) return;
    for (const { ruleIndex, window, how, cost } of admission.counted) {
      const key = this.truth.of(ruleIndex, client);
      if (how !== "credit" || key.rule.lease === 0) continue;
      const slot = this.truth.slotOf(isolate, key);
      const hot = slot < 0 ? undefined : isolate.source.hotAt(slot);
      if (hot === undefined || hot.answeredWindow !== window || hot.outbox.isOut(isolate.now())) continue;
      // A reserve, no more than grace, may stay until the window ends.
      const held = isolate.source.table.get(slot, CREDIT) - isolate.source.spent(slot) + cost;
      const confirmedAt = this.#confirmedAt.get(isolate)?.get(`${key.account} ${window}`) ?? 0;
      if (held > key.rule.grace && isolate.now() >= confirmedAt + leaseLife(key.rule))
        this.fail(`${isolate.name} admitted ${client} by credit of ${isolate.now() - confirmedAt} ms ago`);
    }
  }
}
