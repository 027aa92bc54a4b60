/**
 * When an isolate reports to its hub, and what. A report is sent in the background of a request some seconds after
 * the first count that is news, and again, byte for byte, until the hub has acknowledged it: so every count arrives
 * once, as long as the isolate lives.
 *
 *    quiet ──a request──▶ gathering ──time──▶ out ──acknowledged──▶ quiet
 *                                              └──failed──▶ pause ──the next request──▶ out, the same bytes
 */
import {
  REPORT_BUSY,
  REPORT_DECIDED,
  REPORT_IDLE_MAX,
  REPORT_PAUSE_MAX,
  REPORT_PAUSE_MIN,
  REPORT_PAUSE_WATCHED,
  REPORTING_MAX,
  TALLY_RETRY_MAX,
  TALLY_RETRY_MIN,
} from "../limits.ts";
import { backoff } from "../pop/outbox.ts";
import { after, between, durationMs, type EpochMs, later, NEVER } from "../time.ts";
import { encodeReport, type Receipt, type Situation } from "./report.ts";
import type { Counted, Tally } from "./tally.ts";

export type ReportingStep =
  | { readonly kind: "wait"; readonly until: EpochMs }
  | { readonly kind: "send"; readonly frame: Uint8Array }
  | { readonly kind: "over" };

interface Pending {
  readonly source: string;
  readonly seq: number;
  readonly frame: Uint8Array;
  readonly counted: Counted;
  readonly builtAt: EpochMs;
}

export class Reporting {
  readonly #tally: Tally;
  readonly #isolate: string;
  /** Asked for when a report leaves. @param watched whether somebody looks: then the busiest clients go with it */
  readonly #situation: (watched: boolean, now: EpochMs) => Situation;
  /** Which of the isolate's tallies: the hub forgets one that was silent for long, and must not meet it again. */
  #life = 1;
  #seq = 0;
  #pending: Pending | undefined;
  /** What the hub has acknowledged of this life. */
  #told: Counted | undefined;
  #toldAt: EpochMs = NEVER;
  /** No other run begins before; it passes by itself if the context of the one that set it dies. */
  #nextAt: EpochMs = NEVER;
  /** Runs are numbered: an older one that wakes up has nothing more to do. */
  #run = 0;
  #runEndsAt: EpochMs = NEVER;
  /** When what began the run is counted. */
  #countedBy: EpochMs = NEVER;
  /** From when on a report may leave, if there is much to say, and if there is little. */
  #leastAt: EpochMs = NEVER;
  #patientUntil: EpochMs = NEVER;
  #failures = 0;
  #watchedUntil: EpochMs = NEVER;
  /** Something that is looked up has changed since the last report. */
  #stirred = false;

  constructor(tally: Tally, isolate: string, situation: (watched: boolean, now: EpochMs) => Situation) {
    this.#tally = tally;
    this.#isolate = isolate;
    this.#situation = situation;
  }

  /** Asked at every request: whether `begin` is to be called. */
  isDue(now: EpochMs): boolean {
    return now >= this.#nextAt;
  }

  /**
   * A context is there that can report. Returns the number of the run that it is to go through with `next`.
   * @param jitter in [0, 1): so that isolates do not report in step
   */
  begin(now: EpochMs, jitter: number): number {
    this.#run += 1;
    this.#runEndsAt = after(now, REPORTING_MAX);
    this.#nextAt = this.#runEndsAt;
    this.#countedBy = after(now, REPORT_DECIDED);
    this.#leastAt = after(now, REPORT_PAUSE_MIN);
    this.#patientUntil = after(now, durationMs(Math.floor(REPORT_PAUSE_MAX * (0.75 + jitter / 4))));
    return this.#run;
  }

  next(run: number, now: EpochMs): ReportingStep {
    if (run !== this.#run) return { kind: "over" };
    if (this.#pending === undefined && !this.#hasNews(now)) {
      // A run begins with a request that is counted once it is decided, which an owner may take a while for.
      return now < this.#countedBy ? { kind: "wait", until: this.#countedBy } : this.#over();
    }
    const dueAt = this.#dueAt(now);
    // What is left is the next request's.
    if (dueAt > this.#runEndsAt) return this.#over();
    if (dueAt > now) return { kind: "wait", until: dueAt };
    this.#pending ??= this.#build(now);
    return { kind: "send", frame: this.#pending.frame };
  }

  #over(): ReportingStep {
    this.#nextAt = NEVER;
    return { kind: "over" };
  }

  #dueAt(now: EpochMs): EpochMs {
    if (this.#pending !== undefined) return now;
    if (this.#isWatched(now)) return after(this.#toldAt, REPORT_PAUSE_WATCHED);
    if (now < this.#leastAt || this.#tally.since(this.#told).requests >= REPORT_BUSY) return this.#leastAt;
    return this.#patientUntil;
  }

  #hasNews(now: EpochMs): boolean {
    return (this.#stirred && this.#isWatched(now)) || this.#tally.since(this.#told).anything;
  }

  #build(now: EpochMs): Pending {
    if (this.#told !== undefined && between(this.#toldAt, now) > REPORT_IDLE_MAX) this.#beginAnew(this.#told);
    this.#seq += 1;
    this.#stirred = false;
    const { paidAhead, ...situation } = this.#situation(this.#isWatched(now), now);
    this.#tally.replaced(situation.replacements);
    if (paidAhead !== undefined) this.#tally.takePaidAhead(paidAhead);
    const counted = this.#tally.snapshot();
    const source = `${this.#isolate}.${this.#life}`;
    const report = { source, seq: this.#seq, ...situation, ...this.#tally.read(counted) };
    return { source, seq: this.#seq, frame: encodeReport(report), counted, builtAt: now };
  }

  /** Another tally, which has what came since `told`. */
  #beginAnew(told: Counted | undefined): void {
    if (told !== undefined) this.#tally.takeOff(told);
    this.#told = undefined;
    this.#life += 1;
    this.#seq = 0;
  }

  /**
   * The hub has stored a report, or has put this tally away before the report came: then its counts go with the first
   * one of the next tally. What was counted meanwhile goes with the next, in the same context if it lasts. Two runs may
   * have sent the same report: its second receipt changes nothing. False for a receipt of a report that was never sent.
   */
  acknowledged({ source, seq, putAway = false }: Receipt, now: EpochMs): boolean {
    const pending = this.#pending;
    if (pending === undefined) return true;
    if (source !== pending.source) return false;
    const isStored = seq === pending.seq;
    if (!isStored && !putAway) return seq < pending.seq;
    this.#pending = undefined;
    if (isStored) {
      this.#told = pending.counted;
      this.#toldAt = pending.builtAt;
    }
    if (putAway) this.#beginAnew(this.#told);
    this.#failures = 0;
    this.#leastAt = after(now, REPORT_PAUSE_MIN);
    this.#patientUntil = this.#leastAt;
    return true;
  }

  /** The hub could not read the report and has nothing of it: the same bytes would be refused for ever. */
  refused(): void {
    this.#pending = undefined;
  }

  /** A call to the hub ended without a receipt. @param jitter in [0, 1) */
  failed(now: EpochMs, jitter: number): void {
    this.#nextAt = after(now, backoff(TALLY_RETRY_MIN, TALLY_RETRY_MAX, this.#failures, jitter));
    this.#failures += 1;
    this.#run += 1;
  }

  /** Somebody looks until then: reports are wanted sooner. True when a run is to begin now. */
  watched(until: EpochMs, now: EpochMs): boolean {
    const before = this.#isWatched(now);
    this.#watchedUntil = later(this.#watchedUntil, until);
    this.#stirred = this.#stirred || !before;
    // A report that could not be delivered has its pause.
    return !before && this.#failures === 0;
  }

  /** What clients are shown has changed without a request, such as a block that was heard. True when a run is to begin. */
  stirred(now: EpochMs): boolean {
    if (!this.#isWatched(now)) return false;
    this.#stirred = true;
    return this.isDue(now);
  }

  #isWatched(now: EpochMs): boolean {
    return this.#watchedUntil > now;
  }
}
