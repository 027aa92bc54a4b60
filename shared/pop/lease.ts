/**
 * What one source knows of the credit that it holds ahead for a key: until when it may be used, how fast it is used,
 * and what to ask for next. Two kinds of credit are held ahead: what an owner granted beyond what was wanted (a
 * lease), and what may be admitted in a window before its owner has answered (grace).
 *
 *                    ┌──── little left: an Ask that nobody waits for, which keeps what is used meanwhile ◀───┐
 *                    ▼                                                                                        │
 *    grace ──▶ asked for ──granted ahead──▶ held ──used───────────────────────────────────────────────────────┘
 *                                            ├──not used for its life──▶ handed back, but for a reserve, which may
 *                                            │                           stay until the window ends
 *                                            └──the owner has no room──▶ handed back at once
 */
import {
  AHEAD_HORIZON,
  AHEAD_KEPT,
  AHEAD_LAST,
  AHEAD_LOW,
  LEASE_RENEWAL,
  ROOM_TRUST,
  ROUND_TRIP_GUESS,
} from "../limits.ts";
import type { Rule } from "../rule.ts";
import { aheadMin, leaseLife, reserveAhead } from "../rule-ahead.ts";
import { after, between, type DurationMs, type EpochMs, later, NEVER } from "../time.ts";

export class Lease {
  readonly #life: DurationMs;
  readonly #least: number;
  readonly #reserve: number;
  /** What is held ahead may be used until then; NEVER for nothing held. */
  until: EpochMs = NEVER;
  /** Something was held when the window before ended: its owner counts it until the next Ask. */
  owes = false;
  /** A request that another rule denied gave back what it held: so does the next Ask. */
  returns = false;
  /** A request made an Ask due that nobody waits for. */
  isWanted = false;
  /** What is held is no more than a reserve: it may stay until the window ends, and no report is due for it. */
  rests = false;
  /** The last answer left something. While it did not, the limit is near, and who needs more waits for it. */
  #given = false;
  /** What was spent when the last Ask left, and when that was; NEVER before the first. */
  #spentThen = 0;
  #askedAt: EpochMs = NEVER;
  /** What the owner had left besides, and when it can have said so at the earliest; NEVER for not in this window. */
  #room = 0;
  #roomAt: EpochMs = NEVER;

  constructor(rule: Pick<Rule, "window" | "limit" | "lease" | "grace">) {
    this.#life = leaseLife(rule);
    this.#least = aheadMin(rule);
    this.#reserve = reserveAhead(rule);
  }

  /** The entry moved on to another window. @param spent in the one before */
  roll(spent: number): void {
    this.owes ||= this.until !== NEVER;
    this.until = NEVER;
    this.untold();
    this.#spentThen -= spent;
  }

  isExpired(now: EpochMs): boolean {
    return this.until !== NEVER && this.until <= now;
  }

  /**
   * What of `left` an Ask that nobody waits for says as spent, as it may be until the answer is here: what lasts for
   * AHEAD_KEPT round trips. When its life is over, the reserve.
   */
  keep(left: number, spent: number, now: EpochMs, roundTrip = ROUND_TRIP_GUESS): number {
    if (this.returns) return 0;
    if (!this.isWanted || spent <= this.#spentThen) return Math.min(left, this.#reserve);
    return Math.min(left, Math.ceil(AHEAD_KEPT * this.#pace(spent, now) * roundTrip) + 1);
  }

  /** What an Ask should bring ahead: what is used in a round trip and AHEAD_HORIZON. Nothing if nothing is used. */
  wish(spent: number, now: EpochMs, roundTrip = ROUND_TRIP_GUESS): number {
    if (this.#askedAt !== NEVER && spent <= this.#spentThen) return 0;
    return Math.max(this.#least, Math.ceil(this.#pace(spent, now) * (roundTrip + AHEAD_HORIZON)));
  }

  /** Cost per ms since the last Ask. */
  #pace(spent: number, now: EpochMs): number {
    if (this.#askedAt === NEVER) return 0;
    return Math.max(0, spent - this.#spentThen) / Math.max(1, between(this.#askedAt, now));
  }

  /** An Ask leaves that keeps so much. @param spent with what it wants */
  asked(spent: number, kept: number, now: EpochMs): void {
    this.owes = false;
    this.isWanted = false;
    this.#given = false;
    this.rests = false;
    this.returns = false;
    this.#spentThen = spent;
    this.#askedAt = now;
    this.until = kept > 0 ? after(now, this.#life) : NEVER;
  }

  /** Its answer leaves so much. @param windowEnd when none of it is worth anything any more */
  answered(left: number, now: EpochMs, windowEnd: EpochMs): void {
    this.#given = left > 0;
    this.rests = left <= this.#reserve;
    if (left <= 0) this.until = NEVER;
    else this.until = this.rests ? later(windowEnd, now) : after(now, this.#life);
  }

  /** What its owner has left for whoever asks. @param sentAt when the Ask left whose answer says so */
  told(room: number, sentAt: EpochMs): void {
    this.#room = room;
    this.#roomAt = sentAt;
  }

  /** There is news of the owner: what it had left may have been before. */
  untold(): void {
    this.#roomAt = NEVER;
  }

  /** Goes back to the owner with the next Ask. */
  handsBack(cost: number): void {
    this.#room += cost;
  }

  /** Whether the owner said lately that it has less than that. */
  isShort(wanted: number, now: EpochMs): boolean {
    return this.#roomAt !== NEVER && between(this.#roomAt, now) < ROOM_TRUST && wanted > this.#room;
  }

  /** Whether an Ask should leave now, before what is left is used up or its life ends in the middle of its use. */
  runsLow(left: number, spent: number, now: EpochMs, roundTrip = ROUND_TRIP_GUESS): boolean {
    if (this.rests && spent > this.#spentThen && left < AHEAD_LAST) return true;
    if (this.until !== NEVER && !this.rests && between(now, this.until) < this.#life * LEASE_RENEWAL)
      return true;
    return this.#given && left <= AHEAD_LOW * roundTrip * this.#pace(spent, now);
  }
}
