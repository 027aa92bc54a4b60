/**
 * What stands in the log, one JSON line for each event, and no more lines than somebody reads. Keys stand there as
 * hashes: neither an address nor a readable key is ever in it.
 */
import { Budget } from "../budget.ts";
import { LOG_BURST, LOG_PER_SECOND } from "../limits.ts";
import type { KeyHash } from "../protocol/messages.ts";
import type { EpochMs } from "../time.ts";

/** What an owner decided for everyone. Logged where it is decided: once, however many isolates hear of it. */
export type OwnerEventName = "claim" | "block" | "release";

export interface OwnerEvent {
  readonly event: OwnerEventName;
  /** The rule's name. */
  readonly rule: string;
  /** The data centre whose request led to it; left out where somebody did it by hand. */
  readonly pop?: string;
  readonly key: KeyHash;
  /** Of a claim or a block: when it ends unless something happens. */
  readonly until?: EpochMs;
}

/** What one isolate sees of a rule whose owners are out of reach. */
export interface DegradedEvent {
  readonly event: "degraded-start" | "degraded-end";
  readonly rule: string;
  readonly pop: string;
  /** Of the request by which it was seen; left out where that falls under another rule. */
  readonly key?: KeyHash;
  /** At the end: decisions that were made without the owner. */
  readonly decisions?: number;
}

/** The rules or bindings cannot be used. */
export interface BadConfigEvent {
  readonly event: "bad-config";
  /** All of them, in words. */
  readonly problems: readonly string[];
}

/** A fault of the limiter's own: the request passed un-limited, or its hub could not read an isolate's counts. */
export interface FaultEvent {
  readonly event: "limiter-fault" | "report-refused";
  readonly error: string;
}

export type LogEvent = OwnerEvent | DegradedEvent | BadConfigEvent | FaultEvent;

const ROUTINE = /"event":"(?:claim|block|release)"/;

/** Whether a line tells of what a limiter does all day. */
export const isRoutine = (line: string): boolean => ROUTINE.test(line);

/** The lines of one isolate or object. */
export class EventLog {
  readonly #budget = new Budget(LOG_BURST, LOG_PER_SECOND);
  readonly #iso: (time: EpochMs) => string;
  #suppressed = 0;

  /** @param iso writes a time as ISO 8601 */
  constructor(iso: (time: EpochMs) => string) {
    this.#iso = iso;
  }

  /**
   * The line for an event; `undefined` when too many were written lately. The next line that is written says how many
   * were not (`suppressed`).
   * @param event made only when there is a line to write
   */
  line(event: () => LogEvent, now: EpochMs): string | undefined {
    if (!this.#budget.take(now)) {
      this.#suppressed += 1;
      return undefined;
    }
    const { event: name, ...fields } = event();
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return JSON.stringify({
      event: name,
      at: this.#iso(now),
      ...fields,
      ...("until" in fields && fields.until !== undefined && { until: this.#iso(fields.until) }),
      ...(suppressed > 0 && { suppressed }),
    });
  }
}
