/** The agenda: what happens when, in virtual time. What is due at one moment happens in the order it was entered. */

export class Agenda {
  /** Virtual time, ms since 1970; may have a fraction. */
  now: number;
  /** A binary heap over time and order of entry, in parallel arrays: most of a large run's memory. */
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #runs: (() => void)[] = [];
  #entered = 0;

  constructor(start: number) {
    this.now = start;
  }

  get size(): number {
    return this.#times.length;
  }

  /** When something happens next; infinity when nothing does. */
  get nextAt(): number {
    return this.#times[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Lets `run` happen `ms` from now; at once if that is negative. */
  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  at(time: number, run: () => void): void {
    let at = this.#times.length;
    const due = Math.max(time, this.now);
    this.#entered += 1;
    const order = this.#entered;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#times[parent] as number) <= due) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, due, order, run);
  }

  /** Lets the next thing happen. False when there is none. */
  step(): boolean {
    const [time] = this.#times;
    const [run] = this.#runs;
    if (time === undefined || run === undefined) return false;
    this.now = time;
    this.#removeFirst();
    run();
    return true;
  }

  /** Lets everything happen that is due up to `time`, and then it is that time. */
  runUntil(time: number): void {
    while (this.nextAt <= time) this.step();
    this.now = Math.max(this.now, time);
  }

  #removeFirst(): void {
    const time = this.#times.pop() as number;
    const order = this.#orders.pop() as number;
    const run = this.#runs.pop() as () => void;
    const size = this.#times.length;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#isBefore(child + 1, child)) child += 1;
      if (!this.#precedes(child, time, order)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, time, order, run);
  }

  #isBefore(a: number, b: number): boolean {
    return this.#precedes(a, this.#times[b] as number, this.#orders[b] as number);
  }

  #precedes(at: number, time: number, order: number): boolean {
    const other = this.#times[at] as number;
    return other < time || (other === time && (this.#orders[at] as number) < order);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from] as number, this.#orders[from] as number, this.#runs[from] as () => void);
  }

  #put(at: number, time: number, order: number, run: () => void): void {
    this.#times[at] = time;
    this.#orders[at] = order;
    this.#runs[at] = run;
  }
}
