/**
 * What a source holds ahead of being asked for: credit that an owner granted it beyond what it wanted (a lease), and
 * the cost that it may admit before its first answer in a window (grace). Both are credit that an Ask which nobody
 * waits for speaks for: such an Ask says as spent what may be spent until its answer is here, so that requests go on
 * meanwhile. What is not used goes back by a report.
 *
 *    granted ahead ──little left, or its life is nearly over──▶ refresh: keeps what is used until the answer ──▶ granted
 *         └──not used when its life ends, or the owner has no room──▶ handed back
 */
import { AHEAD_HORIZON, AHEAD_MAX, AHEAD_MIN, LEASE_LIFE, ROUND_TRIP_GUESS } from "../limits.ts";
import type { Rule } from "../rule.ts";
import { after, between, type EpochMs, NEVER } from "../time.ts";

/** Whether sources hold anything ahead under a rule. */
export const holdsAhead = ({ lease, grace }: Rule): boolean => lease !== 0 || grace !== 0;

export class Lease {
  /** What was granted ahead may be used until then; NEVER for nothing granted. */
  until: EpochMs = NEVER;
  /** The last answer gave something ahead: one that gave nothing is not asked again for more until somebody waits. */
  #given = false;
  /** What was spent when the last Ask left, and when that was. */
  #spentThen = 0;
  #askedAt: EpochMs = NEVER;

  /** The entry moved on to another window, with so much spent in the one before. */
  roll(spent: number): void {
    this.until = NEVER;
    this.#spentThen -= spent;
  }

  /** What of `left` an Ask that nobody waits for goes on to spend until it is answered. */
  keep(left: number, spent: number, now: EpochMs, roundTrip: number = ROUND_TRIP_GUESS): number {
    if (this.#askedAt === NEVER) return left;
    if (spent === this.#spentThen) return 0;
    return Math.min(left, Math.ceil(2 * this.#paceAt(spent, now) * roundTrip) + 1);
  }

  /** What an Ask should bring ahead. */
  wish(spent: number, now: EpochMs, waits: boolean, roundTrip: number = ROUND_TRIP_GUESS): number {
    if (this.#askedAt !== NEVER && spent === this.#spentThen && !waits) return 0;
    const use = this.#paceAt(spent, now) * (roundTrip + AHEAD_HORIZON);
    return Math.min(AHEAD_MAX, Math.max(AHEAD_MIN, Math.ceil(use)));
  }

  #paceAt(spent: number, now: EpochMs): number {
    if (this.#askedAt === NEVER) return 0;
    return Math.max(0, spent - this.#spentThen) / Math.max(1, between(this.#askedAt, now));
  }

  /** An Ask leaves and keeps so much. */
  asked(spent: number, kept: number, now: EpochMs): void {
    this.#spentThen = spent;
    this.#askedAt = now;
    this.#given = false;
    this.until = kept > 0 ? after(now, LEASE_LIFE) : NEVER;
  }

  /** An answer leaves so much. */
  granted(ahead: number, now: EpochMs): void {
    this.#given = ahead > 0;
    this.until = ahead > 0 ? after(now, LEASE_LIFE) : NEVER;
  }

  /** Whether more should be asked for before what is `left` is used up. */
  runsLow(left: number, spent: number, now: EpochMs, roundTrip: number = ROUND_TRIP_GUESS): boolean {
    if (!this.#given) return false;
    const soon = 1.5 * roundTrip;
    return left <= this.#paceAt(spent, now) * soon || between(now, this.until) <= soon;
  }
}

/** Whether what was granted ahead may not be used any more. */
export const isExpired = ({ until }: Lease, now: EpochMs): boolean => until !== NEVER && until <= now;
