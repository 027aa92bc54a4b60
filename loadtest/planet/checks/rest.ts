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
export class Lost extends Checker {
  readonly name = "lost";

  override atRest(): void {
    for (const key of this.truth.keys()) {
      for (const { account } of this.truth.accountsOf(key))
        for (const isolate of this.truth.world.isolates) this.#compare(key, isolate, account);
    }
  }

  #compare(key: KeyTruth, isolate: Isolate, { ledger }: { readonly ledger: Ledger }): void {
    const { source } = isolate;
    const slot = this.truth.slotOf(isolate, key);
    const hot = slot < 0 ? undefined : source.hotAt(slot);
    // One that heard of no claim is silent, as it may be.
    if (hot === undefined || source.window(slot) !== ledger.window) return;
    if (hot.view.claimedUntil <= windowStart(source.gridAt(slot), ledger.window)) return;
    // One whose owner said that it is overloaded leaves it alone for longer than everything rests here, and tells it then.
    if (hot.outbox.isPaused(isolate.now())) return;
    // A folded source is not listed any more.
    const believed = ledger.sources.get(`${source.isolate}.${hot.life}`)?.granted ?? ledger.base;
    const spent = source.spent(slot);
    // More is a grant to a request that was denied by an answer of another epoch; the next Ask hands it back.
    if (believed < spent)
      this.fail(`${key.client}'s owner counts ${believed} for ${isolate.name}, which spent ${spent}`);
  }
}

/** Clocks run up to 2 % slow. */
const SLOWEST = 1.03;

/** Every request is decided in time, and nothing is kept of it. */
export class Waiters extends Checker {
  readonly name = "waiters";
  /** More than this has no request to wait: two deadlines for each rule, at most 1 s each when they are automatic. */
  readonly #mostMs: number;
  /** Those that wait, and how far their isolate's clock had been put back when they came. */
  readonly #waiting = new Map<Request, number>();

  constructor(truth: Truth, report: Report) {
    super(truth, report);
    const deadlines = truth.world.rules.map(({ deadline }) => (deadline === "auto" ? 1_000 : deadline));
    this.#mostMs = deadlines.reduce((sum, deadline) => sum + 2 * deadline, 10);
  }

  override arrived(request: Request): void {
    this.#waiting.set(request, request.isolate.clock.putBackMs);
  }

  override decided(request: Request, decision: Decision): void {
    const { client, isolate, at } = request;
    const putBackMs = isolate.clock.putBackMs - (this.#waiting.get(request) ?? 0);
    this.#waiting.delete(request);
    const waited = this.truth.world.agenda.now - at;
    if (waited > (this.#mostMs + putBackMs) * SLOWEST)
      this.fail(`${client} waited ${Math.round(waited)} ms at ${isolate.name} (${decision.how})`);
  }

  override atRest(): void {
    for (const { isolate, client } of this.#waiting.keys())
      if (isolate.alive) this.fail(`${client} still waits at ${isolate.name}`);
    const owners = this.truth.world.owners.size;
    for (const { source, courier, name } of this.truth.world.isolates) {
      // A call that never ends keeps its route until somebody asks that owner again.
      if (courier.routes.size > owners)
        this.fail(`${name} has ${courier.routes.size} routes to ${owners} owners`);
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
