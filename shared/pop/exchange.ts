/**
 * One Ask's way to its owner and back: sent, repeated once as the same content, given up at its deadline.
 * The shell sends, waits and tells how each attempt ended; everything in between is decided here.
 *
 *    send ──half the deadline, or it failed──▶ send again ──▶ wait ──deadline──▶ over: timed out
 *      │                                          │
 *      └─────────────── answered ─────────────────┴──▶ over         overloaded ──▶ over, without a second attempt
 */
import type { Answer, Ask } from "../protocol/messages.ts";
import { after, between, type DurationMs, durationMs, type EpochMs } from "../time.ts";
import type { HotKey } from "./hot-key.ts";
import type { Flight, Waiter } from "./outbox.ts";
import type { Source } from "./source.ts";

/** How one attempt to reach an owner ended. */
export type Outcome =
  | { readonly kind: "answered"; readonly answer: Answer }
  /** The owner said that it has more to do than it can. */
  | { readonly kind: "overloaded" }
  /** It was not reached, or its answer could not be read. */
  | { readonly kind: "failed" };

/** What the shell has to do next. Who is in `wake` may go on: their requests were decided or put back. */
export type ExchangeStep =
  /** Send the Ask, over a fresh stub, and tell `exchange` how that ended, however late. */
  | { readonly kind: "send"; readonly exchange: Exchange }
  /** Look again when an attempt has ended, at the latest at `until`. */
  | { readonly kind: "wait"; readonly until: EpochMs }
  | { readonly kind: "over"; readonly wake: readonly Waiter[] };

export class Exchange {
  readonly ask: Ask;
  readonly #source: Source;
  readonly #hot: HotKey;
  readonly #flight: Flight;
  #attempts = 0;
  #ended = 0;
  #answered = false;
  #overloaded = false;

  constructor(source: Source, hot: HotKey, flight: Flight) {
    this.#source = source;
    this.#hot = hot;
    this.#flight = flight;
    this.ask = flight.ask;
  }

  /** From then on a newer Ask may leave, and says all that this one does. */
  get giveUpAt(): EpochMs {
    return this.#flight.giveUpAt;
  }

  /** How long one attempt may take before the next is made. */
  get patience(): DurationMs {
    return durationMs(between(this.#flight.sentAt, this.#flight.giveUpAt) / 2);
  }

  /** @param jitter in [0, 1): spreads what is sent after a failure */
  next(now: EpochMs, jitter: number): ExchangeStep {
    const { sentAt, giveUpAt } = this.#flight;
    if (this.#answered) return { kind: "over", wake: [] };
    if (this.#attempts === 0) return this.#send();
    if (now >= giveUpAt) {
      this.#source.timedOut(this.#hot, this.ask.seq, now, jitter);
      return { kind: "over", wake: [] };
    }
    const halfway = after(sentAt, this.patience);
    const failed = this.#ended === this.#attempts;
    if (this.#attempts === 1 && !this.#overloaded && (failed || now >= halfway)) return this.#send();
    if (!failed) return { kind: "wait", until: this.#attempts === 1 ? halfway : giveUpAt };
    const reason = this.#overloaded ? "overloaded" : "unreachable";
    return { kind: "over", wake: this.#source.undelivered(this.#hot, this.ask.seq, reason, now, jitter) };
  }

  #send(): ExchangeStep {
    this.#attempts += 1;
    return { kind: "send", exchange: this };
  }

  /** An attempt ended. An answer is used also when the Ask was given up long ago. Returns the requests to wake. */
  ended(outcome: Outcome, now: EpochMs): readonly Waiter[] {
    this.#ended += 1;
    if (outcome.kind === "overloaded") this.#overloaded = true;
    if (outcome.kind !== "answered") return [];
    if (!this.#answered) this.#hot.outbox.measured(between(this.#flight.sentAt, now));
    this.#answered = true;
    return this.#source.answered(this.#hot, outcome.answer, now);
  }
}
