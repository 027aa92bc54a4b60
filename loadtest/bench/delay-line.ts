/** Does things a fixed time after they were asked for, in order: one way of a link. */

/** Timers of Node run up to this early or late; the rest is waited for turn by turn of the event loop. */
const TIMER_SLACK_MS = 1;

/** A clock and two ways to wait on it. */
export interface LineClock {
  /** Milliseconds, with fractions. */
  now(): number;
  /** Calls back after about `ms`. */
  later(ms: number, then: () => void): void;
  /** Calls back at the next turn. */
  soon(then: () => void): void;
}

export const realClock: LineClock = {
  now: () => performance.now(),
  later: (ms, then) => void setTimeout(then, ms),
  soon: (then) => void setImmediate(then),
};

export class DelayLine {
  readonly #delayMs: number;
  readonly #clock: LineClock;
  #queue: { readonly due: number; readonly act: () => void }[] = [];
  #waiting = false;

  constructor(delayMs: number, clock: LineClock = realClock) {
    this.#delayMs = delayMs;
    this.#clock = clock;
  }

  /** Does `act` after the delay, and after all that was asked for before. */
  push(act: () => void): void {
    this.#queue.push({ due: this.#clock.now() + this.#delayMs, act });
    this.#wait();
  }

  /** Forgets what is still to be done. */
  clear(): void {
    this.#queue = [];
  }

  #wait(): void {
    const [next] = this.#queue;
    if (this.#waiting || next === undefined) return;
    this.#waiting = true;
    const leftMs = Math.floor(next.due - this.#clock.now() - TIMER_SLACK_MS);
    if (leftMs >= 1) this.#clock.later(leftMs, this.#run);
    else this.#clock.soon(this.#run);
  }

  readonly #run = (): void => {
    this.#waiting = false;
    const now = this.#clock.now();
    while (this.#queue[0] !== undefined && this.#queue[0].due <= now) this.#queue.shift()?.act();
    this.#wait();
  };
}
