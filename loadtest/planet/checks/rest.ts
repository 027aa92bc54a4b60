/** What must be so once everything is mended and has come to rest: nothing lost, nobody left waiting. */

import type { Ledger } from "../../../shared/owner/ledger.ts";
import { HELD } from "../../../shared/pop/credit-table.ts";
import type { Decision } from "../../../shared/pop/decide.ts";
import { windowStart } from "../../../shared/time.ts";
import type { Isolate } from "../isolate.ts";
import type { Request } from "../request.ts";
import { Checker, type Report } from "./checker.ts";
import type { KeyTruth, Truth } from "./truth.ts";

/** A living isolate that knows of a claim has told the owner everything it admitted in the owner's window. */
export class Nothing extends Checker {
  readonly name = "lost";

  override atRest(): void {
    for (const key of this.truth.keys()) {
      for (const host of this.truth.world.owners.values()) {
        for (const account of host.current?.accounts.values() ?? []) {
          if (`${account.policy.version}.${account.key}` !== key.account) continue;
          for (const isolate of this.truth.world.isolates) this.#compare(key, isolate, account);
        }
      }
    }
  }

  #compare(key: KeyTruth, isolate: Isolate, { ledger }: { readonly ledger: Ledger }): void {
    const { source } = isolate;
    const hasher = this.truth.world.hashers[key.ruleIndex];
    hasher?.tag(key.client);
    const slot = source.table.find(hasher?.hi ?? 0, hasher?.lo ?? 0);
    const hot = slot < 0 ? undefined : source.hotAt(slot);
    // One that heard of no claim is silent, as it may be.
    if (hot === undefined || source.window(slot) !== ledger.window) return;
    if (hot.view.claimedUntil <= windowStart(source.gridAt(slot), ledger.window)) return;
    const believed = ledger.sources.get(`${source.isolate}.${hot.life}`)?.granted ?? 0;
    const spent = source.spent(slot);
    if (believed !== spent)
      this.fail(`${key.client}'s owner counts ${believed} for ${isolate.name}, which spent ${spent}`);
  }
}

/** Every request is decided in time, and nothing is kept of it. */
export class Waiters extends Checker {
  readonly name = "waiters";
  /** More than this has no request to wait: two deadlines for each rule, at most 1 s each when they are automatic. */
  readonly #mostMs: number;
  readonly #waiting = new Set<Request>();

  /** @param steps how far clocks may be put back: whoever waits for a time waits so much longer */
  constructor(truth: Truth, report: Report, stepsMs: number) {
    super(truth, report);
    const deadlines = truth.world.rules.map(({ deadline }) => (deadline === "auto" ? 1_000 : deadline));
    this.#mostMs = deadlines.reduce((sum, deadline) => sum + 2 * deadline, 100 + stepsMs);
  }

  override arrived(request: Request): void {
    this.#waiting.add(request);
  }

  override decided(request: Request, decision: Decision): void {
    this.#waiting.delete(request);
    const waited = this.truth.world.agenda.now - request.at;
    if (waited > this.#mostMs)
      this.fail(
        `${request.client} waited ${Math.round(waited)} ms at ${request.isolate.name} (${decision.how})`,
      );
  }

  override atRest(): void {
    for (const { isolate, client } of this.#waiting)
      if (isolate.alive) this.fail(`${client} still waits at ${isolate.name}`);
    for (const { source, courier, name } of this.truth.world.isolates) {
      if (courier.routes.size > 0) this.fail(`${name} still has ${courier.routes.size} routes`);
      for (const slot of source.table.slots()) {
        const hot = source.hotAt(slot);
        const queued = hot?.outbox.queue.length ?? 0;
        if (queued > 0) this.fail(`${name} keeps ${queued} waiters of requests that were decided`);
        if (source.table.get(slot, HELD) !== 0)
          this.fail(`${name} holds ${source.table.get(slot, HELD)} for nobody`);
      }
    }
  }
}
