/**
 * How many sources see a busy key of a rule, as one isolate believes: the most that any owner said of late. It rises at
 * once, for too small a number costs accuracy, and falls by an eighth for each window in which nobody says as many.
 */
import { SOURCES_FALL, SOURCES_FLOOR } from "../limits.ts";
import type { Rule } from "../rule.ts";
import { thresholdFor } from "../threshold.ts";
import { after, type DurationMs, type EpochMs, NEVER } from "../time.ts";

export class SourceEstimate {
  readonly #window: DurationMs;
  #sources = SOURCES_FLOOR;
  #fallsAt: EpochMs = NEVER;

  /** @param window how long a number is believed before it begins to fall */
  constructor(window: DurationMs) {
    this.#window = window;
  }

  /** An owner said that so many sources see one of its keys. */
  observe(sources: number, now: EpochMs): void {
    if (sources < this.at(now)) return;
    this.#sources = Math.max(SOURCES_FLOOR, sources);
    this.#fallsAt = after(now, this.#window);
  }

  /** The number, never below SOURCES_FLOOR. A clock that steps back changes nothing. */
  at(now: EpochMs): number {
    while (this.#sources > SOURCES_FLOOR && now >= this.#fallsAt) {
      this.#sources = Math.max(SOURCES_FLOOR, this.#sources * (1 - SOURCES_FALL));
      this.#fallsAt = after(this.#fallsAt, this.#window);
    }
    return this.#sources;
  }
}

/** The threshold of one rule in one isolate: the rule's own, or what the estimate makes of it. */
export class CurrentThreshold {
  readonly #rule: Rule;
  readonly #estimate: SourceEstimate;

  constructor(rule: Rule) {
    this.#rule = rule;
    this.#estimate = new SourceEstimate(rule.window);
  }

  observe(sources: number, now: EpochMs): void {
    this.#estimate.observe(sources, now);
  }

  /** Never above the rule's `threshold`: the guarantee is computed with that. */
  at(now: EpochMs): number {
    const { threshold, limit, excessMax } = this.#rule;
    if (excessMax === undefined) return threshold;
    return Math.min(threshold, thresholdFor(limit, excessMax, this.#estimate.at(now)));
  }
}
