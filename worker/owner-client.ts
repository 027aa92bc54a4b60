/**
 * The way to owners: lets Asks leave, one at a time per key, and brings their answers back.
 *
 * An Ask outlives the request that sent it: it runs under that request's `waitUntil`, wakes whoever waits,
 * and when its time is up its answer is still used. Stubs and promises of one request are never kept for
 * another; what requests share is the plain data of the outbox.
 */
import { LEADER_MS_MAX } from "../shared/limits.ts";
import { ownerName } from "../shared/owner-name.ts";
import type { HotKey } from "../shared/pop/hot-key.ts";
import type { Flight, Waiter } from "../shared/pop/outbox.ts";
import type { Source } from "../shared/pop/source.ts";
import type { Answer, Ask } from "../shared/protocol/messages.ts";
import { between, type EpochMs, epochMs } from "../shared/time.ts";
import { type Background, Courier, type Outcome } from "./courier.ts";
import type { Env } from "./env.ts";
import { sleep, within } from "./timer.ts";

export class OwnerClient {
  readonly #source: Source;
  readonly #courier: Courier;

  constructor(source: Source, env: Env) {
    this.#source = source;
    this.#courier = new Courier(env);
  }

  /** Sends what is due for a key, in the background of the calling request. Cheap when nothing is. */
  drive(hot: HotKey, background: Background): void {
    const now = epochMs(Date.now());
    if (hot.outbox.mayDepart(now) || hot.outbox.reportAt > 0)
      background.waitUntil(this.#lead(hot, now, background));
  }

  /** Sends Asks until nothing is due, or until this context is too old; then whoever waits is woken to take over. */
  async #lead(hot: HotKey, since: EpochMs, background: Background): Promise<void> {
    for (;;) {
      const now = epochMs(Date.now());
      if (between(since, now) > LEADER_MS_MAX) break;
      const flight = this.#source.depart(hot, now);
      if (flight !== undefined) {
        await this.#exchange(hot, flight, background);
        continue;
      }
      const wakeAt = hot.outbox.sleep(now);
      if (wakeAt === 0) break;
      await sleep(between(now, wakeAt));
      hot.outbox.slept();
    }
    wake(hot.outbox.queue);
  }

  /** One Ask: sent, repeated once as the same content over a fresh stub, given up at its deadline. */
  async #exchange(hot: HotKey, flight: Flight, background: Background): Promise<void> {
    const deadline = between(flight.sentAt, flight.giveUpAt);
    const name = ownerName(hot.rule, hot.key);
    const attempts: Promise<Outcome>[] = [];
    const attempt = (): Promise<Outcome> => {
      const sent = this.#send(hot, name, flight.ask, deadline / 2, background).then((outcome) => {
        if (outcome.kind === "answered") this.#settle(hot, outcome.answer, attempts.length === 1);
        return outcome;
      });
      attempts.push(sent);
      return sent;
    };
    let outcome = await within(attempt(), deadline / 2);
    if (outcome === undefined || outcome.kind === "failed") {
      attempt();
      const left = between(epochMs(Date.now()), flight.giveUpAt);
      outcome = await within(firstAnswer(attempts), left);
    }
    if (outcome?.kind === "answered") return;
    const now = epochMs(Date.now());
    const { seq } = flight.ask;
    if (outcome === undefined) {
      background.waitUntil(Promise.allSettled(attempts));
      this.#source.timedOut(hot, seq, now, Math.random());
    } else {
      const reason = outcome.kind === "overloaded" ? "overloaded" : "unreachable";
      wake(this.#source.undelivered(hot, seq, reason, now, Math.random()));
    }
  }

  #send(hot: HotKey, name: string, ask: Ask, patienceMs: number, background: Background): Promise<Outcome> {
    return hot.rule.owners === 0
      ? this.#courier.send(name, ask)
      : this.#courier.sendShared(name, ask, patienceMs, background);
  }

  #settle(hot: HotKey, answer: Answer, sentOnce: boolean): void {
    wake(this.#source.answered(hot, answer, epochMs(Date.now()), sentOnce));
  }

  /** Waits until the request is woken or its time has come, in its own context. */
  async pause(waiter: Waiter, until: EpochMs): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      waiter.wake = resolve;
    });
    await within(woken, between(epochMs(Date.now()), until));
  }
}

/** The first answer of several attempts; when none answers, how the last one ended. */
async function firstAnswer(attempts: readonly Promise<Outcome>[]): Promise<Outcome> {
  const answered = attempts.map(async (attempt) => {
    const outcome = await attempt;
    if (outcome.kind !== "answered") throw outcome;
    return outcome;
  });
  try {
    return await Promise.any(answered);
  } catch {
    return (await attempts.at(-1)) ?? { kind: "failed" };
  }
}

function wake(waiters: readonly Waiter[]): void {
  for (const waiter of waiters) waiter.wake();
}
