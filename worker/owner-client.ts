/**
 * The way to owners: does what the leader of a key says (`shared/pop/leader.ts`), in the background of a request.
 *
 * An Ask outlives the request that sent it: it runs under that request's `waitUntil`, wakes whoever waits,
 * and when its time is up its answer is still used. Stubs and promises of one request are never kept for
 * another; what requests share is the plain data of the outbox.
 */
import { ownerName } from "../shared/owner-name.ts";
import type { Exchange, Outcome } from "../shared/pop/exchange.ts";
import type { HotKey } from "../shared/pop/hot-key.ts";
import { Leader } from "../shared/pop/leader.ts";
import type { Waiter } from "../shared/pop/outbox.ts";
import type { Source } from "../shared/pop/source.ts";
import type { Tally } from "../shared/telemetry/tally.ts";
import { between, type EpochMs, epochMs } from "../shared/time.ts";
import { type Background, Courier } from "./courier.ts";
import type { Env } from "./env.ts";
import { within } from "./timer.ts";

export class OwnerClient {
  readonly #source: Source;
  readonly #courier: Courier;
  readonly #tally: Tally;

  constructor(source: Source, env: Env, tally: Tally) {
    this.#source = source;
    this.#courier = new Courier(env);
    this.#tally = tally;
  }

  /** Sends what is due for a key, in the background of the calling request. Cheap when nothing is. */
  drive(hot: HotKey, background: Background): void {
    this.#leadIfNeeded(hot, epochMs(Date.now()), background);
  }

  /** @param since when this context began to send for others */
  #leadIfNeeded(hot: HotKey, since: EpochMs, background: Background): void {
    if (Leader.isNeeded(hot, epochMs(Date.now()))) background.waitUntil(this.#lead(hot, since, background));
  }

  async #lead(hot: HotKey, since: EpochMs, background: Background): Promise<void> {
    const leader = new Leader(this.#source, hot, since);
    const attempts = new Set<Promise<void>>();
    for (;;) {
      const now = epochMs(Date.now());
      const step = leader.next(now, Math.random());
      wake(step.wake);
      if (step.kind === "over") break;
      if (step.kind === "send") {
        const attempt = this.#attempt(hot, step.exchange, background).finally(() => attempts.delete(attempt));
        attempts.add(attempt);
        continue;
      }
      await within(Promise.race(attempts), between(now, step.until));
    }
    if (attempts.size === 0) return;
    // An answer that comes after the deadline is still used, and may leave something to tell.
    const late = Promise.all(attempts).then(() => this.#leadIfNeeded(hot, since, background));
    background.waitUntil(late);
  }

  async #attempt(hot: HotKey, exchange: Exchange, background: Background): Promise<void> {
    const sentAt = epochMs(Date.now());
    const outcome = await this.#send(hot, exchange, background);
    const now = epochMs(Date.now());
    if (outcome.kind === "answered") {
      this.#tally.answered(between(sentAt, now));
      if (outcome.answer.kind === "granted") {
        const { busy, keptBack = 0 } = outcome.answer;
        if (busy === true) this.#tally.busy();
        if (keptBack > 0) this.#tally.keptBack(hot.rule, keptBack);
      }
    }
    wake(exchange.ended(outcome, now));
  }

  #send({ rule, key }: HotKey, exchange: Exchange, background: Background): Promise<Outcome> {
    const name = ownerName(rule, key);
    return rule.owners === 0
      ? this.#courier.send(name, exchange.ask)
      : this.#courier.sendShared(name, exchange, background);
  }

  /** Waits until the request is woken or its time has come, in its own context. */
  async pause(waiter: Waiter, until: EpochMs): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      waiter.wake = resolve;
    });
    await within(woken, between(epochMs(Date.now()), until));
  }
}

function wake(waiters: readonly Waiter[]): void {
  for (const waiter of waiters) waiter.wake();
}
