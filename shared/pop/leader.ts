/**
 * A leader: one request's context that sends what is due for a key, for everybody who waits there. It goes
 * on until nothing is due, or until its context is too old; then whoever waits is woken to take over. Only
 * plain data is shared between requests, so a leader that dies holds nobody up for longer than a deadline.
 */
import { LEADER_MS_MAX } from "../limits.ts";
import { holdsAhead } from "../rule-ahead.ts";
import { between, type EpochMs, NEVER } from "../time.ts";
import { Exchange, type ExchangeStep } from "./exchange.ts";
import type { HotKey } from "./hot-key.ts";
import type { Waiter } from "./outbox.ts";
import type { Source } from "./source.ts";

/** What the shell has to do next; see ExchangeStep. `wake` comes with every step. */
export type LeaderStep =
  | (Extract<ExchangeStep, { kind: "send" | "wait" }> & { readonly wake: readonly Waiter[] })
  | Extract<ExchangeStep, { kind: "over" }>;

export class Leader {
  readonly #source: Source;
  readonly #hot: HotKey;
  readonly #since: EpochMs;
  #exchange: Exchange | undefined;
  #sleeping = false;

  /** @param since when the context began to lead */
  constructor(source: Source, hot: HotKey, since: EpochMs) {
    this.#source = source;
    this.#hot = hot;
    this.#since = since;
  }

  /** Whether a key needs somebody to lead. Cheap: asked for every request that touches a hot key. */
  static isNeeded(hot: HotKey, now: EpochMs): boolean {
    return hot.outbox.mayDepart(now) || hot.outbox.reportAt !== NEVER;
  }

  /** @param jitter in [0, 1) */
  next(now: EpochMs, jitter: number): LeaderStep {
    let wake: readonly Waiter[] = [];
    if (this.#sleeping) this.#hot.outbox.slept();
    this.#sleeping = false;
    if (this.#exchange !== undefined) {
      const step = this.#exchange.next(now, jitter);
      if (step.kind !== "over") return { ...step, wake };
      this.#exchange = undefined;
      wake = step.wake;
    }
    const flight =
      between(this.#since, now) > LEADER_MS_MAX ? undefined : this.#source.depart(this.#hot, now);
    if (flight !== undefined) {
      this.#exchange = new Exchange(this.#source, this.#hot, flight);
      const step = this.#exchange.next(now, jitter);
      if (step.kind !== "over") return { ...step, wake };
    }
    const until =
      between(this.#since, now) > LEADER_MS_MAX
        ? NEVER
        : this.#hot.outbox.sleep(now, holdsAhead(this.#hot.rule) ? this.#since : undefined);
    if (until === NEVER) return { kind: "over", wake: [...wake, ...this.#leftBehind(now)] };
    this.#sleeping = true;
    return { kind: "wait", until, wake };
  }

  /**
   * Who could be sent for now, but not by this context: one of them takes over. While somebody else's Ask is out
   * they wait for that, and to wake them would have each lead, find nothing to do, and wake the others, for ever.
   */
  #leftBehind(now: EpochMs): readonly Waiter[] {
    const { outbox } = this.#hot;
    return outbox.mayDepart(now) ? outbox.queue : [];
  }
}
