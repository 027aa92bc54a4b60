/**
 * One hot key's traffic with its owner: the requests that wait, the one Ask that is out, the report that is
 * due, and the pauses after failures. At most one Ask is out per key, so an owner hears from a source at
 * most once per round trip, however fast the client fires; what arrives meanwhile goes in the next Ask.
 *
 *    idle ──waiting or report due──▶ out ──answered──▶ idle
 *                                     │──timed out───▶ abandoned: its answer is still used until a new Ask leaves
 *                                     └──overloaded──▶ paused (jittered, doubling) ──▶ one probe
 */
import {
  BREAKER_BACKOFF_MAX,
  BREAKER_BACKOFF_MIN,
  DEADLINE_AUTO_MAX,
  DEADLINE_AUTO_MIN,
  DEADLINE_AUTO_SLACK,
  LEADER_MS_MAX,
  REPORT_RETRY_MAX,
  REPORT_RETRY_MIN,
  ROUND_TRIP_WEIGHT,
  WAITERS_MAX,
  WANT_MAX,
} from "../limits.ts";
import type { Ask } from "../protocol/messages.ts";
import type { Rule } from "../rule.ts";
import { after, between, type DurationMs, durationMs, type EpochMs, later, NEVER } from "../time.ts";
import type { DegradedCause } from "./decide.ts";

/** A request waiting for one key's owner. Plain data: its own request's context looks at it when woken. */
export interface Waiter {
  readonly cost: number;
  readonly queuedAt: EpochMs;
  state: "queued" | "carried" | "granted" | "denied" | "failed" | "gone";
  /** When the Ask that carries it left; its deadline counts from there. */
  carriedAt: EpochMs;
  /** The window in which a granted cost was counted. */
  window: number;
  /** Room left after this request, once granted. */
  remaining: number;
  /** Why it failed, once it has. */
  cause: DegradedCause;
  /** Set by the shell: resumes the request in its own context. */
  wake: () => void;
}

/** An Ask on its way. */
export interface Flight {
  readonly ask: Ask;
  readonly sentAt: EpochMs;
  /** From then on a new Ask may leave; an answer to this one is used until it does. */
  readonly giveUpAt: EpochMs;
  readonly carried: readonly Waiter[];
}

export class Outbox {
  seq = 0;
  queue: Waiter[] = [];
  flight: Flight | undefined;
  /** When an account of what was spent here is due even if nobody waits; NEVER for no report. */
  reportAt: EpochMs = NEVER;
  #reportRetries = 0;
  #pausedUntil: EpochMs = NEVER;
  #pauses = 0;
  #roundTrip: number | undefined;
  #sleeperUntil: EpochMs = NEVER;
  /** Until then the sleeping context may send what falls due. */
  #sleeperLeadsUntil: EpochMs = NEVER;

  /** True while requests wait here or an Ask with requests is out: the entry must stay. */
  get busy(): boolean {
    return this.queue.length > 0 || this.#carries();
  }

  /** True while an Ask is out that has not been given up. */
  isOut(now: EpochMs): boolean {
    return this.flight !== undefined && this.flight.giveUpAt > now;
  }

  /**
   * True while an Ask is out or waited for whose answer can change what fits.
   * @param ahead whether Asks that nobody waits for speak for what is spent until their answer
   */
  isUnsettled(now: EpochMs, ahead: boolean): boolean {
    return this.queue.length > 0 || (this.isOut(now) && (!ahead || this.#carries()));
  }

  /** True while the only thing out is a report: no request waits for its answer. */
  onlyReports(now: EpochMs): boolean {
    return this.queue.length === 0 && !(this.isOut(now) && this.#carries());
  }

  #carries(): boolean {
    return this.flight?.carried.some((waiter) => waiter.state === "carried") === true;
  }

  /** Smoothed round trip to this owner, ms; undefined before the first answer. */
  get roundTrip(): number | undefined {
    return this.#roundTrip;
  }

  /** How long a request waits for its Ask before `on_failure` decides. */
  deadline(rule: Rule): DurationMs {
    if (rule.deadline !== "auto") return rule.deadline;
    if (this.#roundTrip === undefined) return DEADLINE_AUTO_MAX;
    const estimate = 2 * this.#roundTrip + DEADLINE_AUTO_SLACK;
    return durationMs(Math.min(DEADLINE_AUTO_MAX, Math.max(DEADLINE_AUTO_MIN, Math.ceil(estimate))));
  }

  /** True while the owner is left alone, because it said that it is overloaded. */
  isPaused(now: EpochMs): boolean {
    return this.#pausedUntil > now;
  }

  /** Requests that wait here, those that an Ask carries included. */
  get waiting(): number {
    return this.queue.length + (this.flight?.carried.length ?? 0);
  }

  /** What they want together. */
  get wanted(): number {
    const carried = this.flight?.carried.filter(({ state }) => state === "carried") ?? [];
    return [...carried, ...this.queue].reduce((sum, { cost }) => sum + cost, 0);
  }

  /** Lets a request wait; undefined when too many wait already or the owner asked for a pause. */
  enqueue(cost: number, now: EpochMs): Waiter | undefined {
    if (this.waiting >= WAITERS_MAX || this.#pausedUntil > now) return undefined;
    const waiter: Waiter = {
      cost,
      queuedAt: now,
      state: "queued",
      carriedAt: NEVER,
      window: -1,
      remaining: 0,
      cause: "unreachable",
      wake: () => {},
    };
    this.queue.push(waiter);
    return waiter;
  }

  /** When the waiter's request is decided without an answer. */
  dueAt(waiter: Waiter, rule: Rule): EpochMs {
    // Put back, it still counts from its own Ask: the time behind an earlier one was not the owner's fault.
    return after(later(waiter.queuedAt, waiter.carriedAt), this.deadline(rule));
  }

  /** The request was decided otherwise; its cost is no longer wanted. */
  leave(waiter: Waiter): void {
    const at = this.queue.indexOf(waiter);
    if (at >= 0) this.queue.splice(at, 1);
    waiter.state = "gone";
  }

  /** True when an Ask should leave now. */
  mayDepart(now: EpochMs): boolean {
    if (this.isOut(now) || this.#pausedUntil > now) return false;
    return this.queue.length > 0 || (this.reportAt !== NEVER && this.reportAt <= now);
  }

  /** Sends what waits, at most WANT_MAX costs. `content` completes the Ask with the entry's numbers. */
  depart(
    rule: Rule,
    now: EpochMs,
    content: (seq: number, want: readonly number[]) => Ask,
  ): Flight | undefined {
    if (!this.mayDepart(now)) return undefined;
    const carried = this.queue.splice(0, WANT_MAX);
    for (const waiter of carried) {
      waiter.state = "carried";
      // Put back and sent again, its time runs on: an owner that refuses it over and over is no owner reached.
      if (waiter.carriedAt === NEVER) waiter.carriedAt = now;
    }
    this.seq += 1;
    this.reportAt = NEVER;
    const ask = content(
      this.seq,
      carried.map((waiter) => waiter.cost),
    );
    this.flight = { ask, sentAt: now, giveUpAt: after(now, this.deadline(rule)), carried };
    return this.flight;
  }

  /** The flight that `seq` answers, taken out; undefined when a newer Ask has left or it was settled already. */
  land(seq: number): Flight | undefined {
    const flight = this.flight;
    if (flight === undefined || flight.ask.seq !== seq) return undefined;
    this.flight = undefined;
    return flight;
  }

  /** Its time was up: it is not out any more, also when the clock is put back. An answer that still comes is used. */
  giveUp(seq: number): boolean {
    if (this.flight?.ask.seq !== seq) return false;
    this.flight = { ...this.flight, giveUpAt: NEVER };
    return true;
  }

  /** An answer came in time: the owner is well. */
  succeeded(): void {
    this.#pauses = 0;
    this.#pausedUntil = NEVER;
    this.#reportRetries = 0;
  }

  /**
   * An answer came so long after its Ask was first sent, also when it was sent again or given up meanwhile. If only
   * answers in time counted, a way that has become longer than the deadline would never be measured, and every
   * request would time out for good. Of an Ask that got lost once this says too much; that errs towards patience.
   */
  measured(roundTrip: DurationMs): void {
    const sample = Math.min(DEADLINE_AUTO_MAX, Math.max(0, roundTrip));
    this.#roundTrip =
      this.#roundTrip === undefined
        ? sample
        : this.#roundTrip + (sample - this.#roundTrip) * ROUND_TRIP_WEIGHT;
  }

  /** Puts requests back at the head of the queue: their Ask was void. */
  requeue(waiters: readonly Waiter[]): void {
    const back = waiters.filter((waiter) => waiter.state === "carried");
    for (const waiter of back) waiter.state = "queued";
    this.queue = [...back, ...this.queue];
  }

  /** Makes a report due, not later than one that is due already. */
  reportBy(at: EpochMs): void {
    if (this.reportAt === NEVER || at < this.reportAt) this.reportAt = at;
  }

  /** The owner was not reached: report again after a pause. @param jitter in [0, 1) */
  retryReport(now: EpochMs, jitter: number): void {
    const pause = backoff(REPORT_RETRY_MIN, REPORT_RETRY_MAX, this.#reportRetries, jitter);
    this.#reportRetries += 1;
    this.reportBy(after(now, pause));
  }

  /** The owner said that it is overloaded: nothing is sent before the pause is over, then one Ask probes. */
  pause(now: EpochMs, jitter: number): void {
    this.#pausedUntil = after(now, backoff(BREAKER_BACKOFF_MIN, BREAKER_BACKOFF_MAX, this.#pauses, jitter));
    this.#pauses += 1;
    this.reportBy(this.#pausedUntil);
  }

  /**
   * When somebody should look again because a report falls due; NEVER for no need. Only one context sleeps
   * for it at a time; if that context dies, its claim lapses and the next one takes over. A report that is due and
   * did not leave waits for something else (the answer that is out, an entry that is gone): nobody sleeps for it,
   * or it would spin.
   *
   * What is held ahead is reported much later than all else: who sleeps for that is in nobody's way who has to wake
   * earlier, and a context that will be too old to send by then leaves it to a younger one.
   * @param since when this context began to lead; `undefined` where nothing is held ahead
   */
  sleep(now: EpochMs, since?: EpochMs): EpochMs {
    if (this.reportAt === NEVER || this.isOut(now)) return NEVER;
    const wakeAt = later(this.reportAt, this.#pausedUntil);
    const isInTime =
      this.#sleeperUntil <= after(wakeAt, REPORT_RETRY_MIN) && wakeAt <= this.#sleeperLeadsUntil;
    if (this.#sleeperUntil > now && (since === undefined || isInTime)) return NEVER;
    if (wakeAt <= now || between(since ?? now, wakeAt) > LEADER_MS_MAX) return NEVER;
    this.#sleeperLeadsUntil = after(since ?? now, LEADER_MS_MAX);
    this.#sleeperUntil = after(wakeAt, REPORT_RETRY_MIN);
    return wakeAt;
  }

  /** The sleeping context woke. */
  slept(): void {
    this.#sleeperUntil = NEVER;
  }
}

/** Doubling pauses with full jitter above one half, so that sources do not come back in step. */
export function backoff(min: DurationMs, max: DurationMs, tries: number, jitter: number): DurationMs {
  const full = Math.min(max, min * 2 ** Math.min(tries, 30));
  return durationMs(Math.ceil(full * (0.5 + jitter / 2)));
}
