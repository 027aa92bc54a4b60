/** A machine's own clock in virtual time: off by an offset, running fast or slow, and now and then put right or wrong. */
import { type EpochMs, epochMs } from "../../shared/time.ts";
import type { Agenda } from "./agenda.ts";

export class Clock {
  /** How far it is ahead, ms. */
  offsetMs = 0;
  /** How much it gains: 0.001 is 1 ms each second. */
  drift = 0;
  /** How far it was put back so far, all in all, ms: who waits for a time waits so much longer. */
  putBackMs = 0;
  readonly #agenda: Agenda;
  readonly #since: number;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
    this.#since = agenda.now;
  }

  /** Whole milliseconds, as `Date.now()` gives them. */
  now(): EpochMs {
    const { now } = this.#agenda;
    return epochMs(Math.floor(now + this.offsetMs + this.drift * (now - this.#since)));
  }

  /** How far it is ahead now, ms. */
  get aheadMs(): number {
    return this.offsetMs + this.drift * (this.#agenda.now - this.#since);
  }

  /** Ends the drift; what it gained so far stays. */
  steady(): void {
    this.offsetMs = this.aheadMs;
    this.drift = 0;
  }

  /** Puts the clock so far ahead, whatever it was. */
  step(aheadMs: number): void {
    const stepMs = aheadMs - this.aheadMs;
    this.offsetMs += stepMs;
    if (stepMs < 0) this.putBackMs -= stepMs;
  }
}
