/**
 * Entries that hold credit ahead of asking for it. What makes that safe is one rule, the same as without: from the
 * moment an Ask leaves, its source spends no more than the Ask says until its answer is here. An Ask that nobody waits
 * for says a little more than was spent, and that much may still be spent meanwhile; so the owner counts all that can
 * have been spent, whatever gets lost, and what was not comes back with the next Ask.
 */
import { capacity } from "../capacity.ts";
import { holdsAhead } from "../rule-ahead.ts";
import { after, type DurationMs, type EpochMs, NEVER } from "../time.ts";
import { CREDIT, HELD } from "./credit-table.ts";
import { Entries } from "./entries.ts";
import type { HotKey } from "./hot-key.ts";
import type { Waiter } from "./outbox.ts";
import { isBlocked } from "./view.ts";

export class Ahead extends Entries {
  /** By rule: requests that credit held ahead paid for since somebody took these counts over. */
  readonly paidAhead = new Float64Array(this.rules.length);

  /** Credit held ahead paid for a request of that rule. */
  notePaidAhead(ruleIndex: number): void {
    this.paidAhead[ruleIndex] = (this.paidAhead[ruleIndex] as number) + 1;
  }

  /** Credit that is not spent. */
  protected left(slot: number): number {
    return this.table.get(slot, CREDIT) - this.spent(slot);
  }

  /** True when an answer has given the entry its credit in its window; before, what credit it has is silent. */
  #isAnswered({ slot, answeredWindow }: HotKey): boolean {
    return answeredWindow === this.window(slot);
  }

  /** Whether credit may be used now: no answer that is waited for can change it, and it is not too old. */
  protected isUsable({ rule, outbox, lease }: HotKey, now: EpochMs): boolean {
    if (outbox.isUnsettled(now, holdsAhead(rule))) return false;
    return outbox.isOut(now) || !lease.isExpired(now);
  }

  /** Whether a request of a hot key fits into what is held ahead, and nobody has to be asked for more yet. */
  hasCreditAhead(slot: number, cost: number, now: EpochMs): boolean {
    const hot = this.hotAt(slot);
    if (hot === undefined || !holdsAhead(hot.rule) || !this.#isAnswered(hot)) return false;
    const { rule, view, lease, outbox } = hot;
    const left = this.left(slot) - cost;
    // With an override an owner may grant more than any request may cost.
    if (
      left < 0 ||
      cost > capacity(rule) ||
      view.penaltyUntil > now ||
      isBlocked(view, now) ||
      !this.isUsable(hot, now)
    )
      return false;
    return outbox.isOut(now) || !lease.runsLow(left, this.spent(slot) + cost, now, outbox.roundTrip);
  }

  /**
   * Whether all that the owner has left, by its own word of just now, is what others wait for here already: this
   * request would wait to hear that there is none. Not where more comes with time or with reports of others; nor where
   * the owner has to hear of a denial, because that bars the client.
   */
  protected isSpokenFor(hot: HotKey, cost: number, now: EpochMs): boolean {
    const { rule, lease, outbox } = hot;
    if (rule.lease === 0 || rule.algorithm !== "fixed-window") return false;
    if (rule.strict > 0 || rule.blockFor !== undefined) return false;
    return outbox.busy && this.#isAnswered(hot) && lease.isShort(outbox.wanted + cost, now);
  }

  /** Whether the silent credit that an entry began with is used up, and it lives on its grace. */
  isInGrace(slot: number): boolean {
    const { grace } = this.ruleAt(slot);
    const hot = this.hotAt(slot);
    return grace > 0 && (hot === undefined || !this.#isAnswered(hot)) && this.left(slot) < grace;
  }

  /** After an admission: makes an Ask due that nobody waits for, when one is needed soon. True if it should be sent. */
  askAhead(hot: HotKey, now: EpochMs): boolean {
    const { slot, rule, outbox, lease } = hot;
    if (!holdsAhead(rule)) return false;
    // The answer that is out tells of this window, or else an Ask follows that does.
    if (outbox.isOut(now) && outbox.flight?.ask.window === this.window(slot)) return false;
    const isLow = this.#isAnswered(hot)
      ? lease.runsLow(this.left(slot), this.spent(slot), now, outbox.roundTrip)
      : this.isInGrace(slot);
    if (!isLow) return false;
    lease.isWanted = true;
    outbox.reportBy(now);
    return true;
  }

  /** What an Ask says as spent beyond what is: none of it while somebody waits, or the owner has no room. */
  protected keptBy(hot: HotKey, want: readonly number[], now: EpochMs): number {
    const { slot, rule, view, lease, outbox } = hot;
    const left = this.left(slot);
    if (want.length > 0 || left <= 0 || !holdsAhead(rule) || isBlocked(view, now)) return 0;
    // All of its grace: nobody knows yet how fast it will be used.
    if (!this.#isAnswered(hot)) return left;
    return lease.keep(left, this.spent(slot), now, outbox.roundTrip);
  }

  /** What an Ask should bring ahead of what it wants. A share that the rule names is not measured by use. */
  protected wishOf(hot: HotKey, want: readonly number[], kept: number, now: EpochMs): number {
    const { slot, rule, view, lease, outbox } = hot;
    if (rule.lease === 0 || isBlocked(view, now)) return 0;
    // What is handed back is not asked for again at once.
    if (want.length === 0 && !lease.isWanted && this.#isAnswered(hot)) return 0;
    const spent = this.spent(slot) + want.reduce((sum, cost) => sum + cost, 0);
    const use = lease.wish(spent, now, outbox.roundTrip);
    const wish = use > 0 && rule.lease !== "auto" ? rule.limit : Math.min(use, rule.limit);
    return Math.max(0, wish - kept);
  }

  /** Who came while an Ask was out is let in by what it brought ahead, in order. Returns the requests to wake. */
  protected serve({ slot, rule, outbox, remaining, spentThen }: HotKey, window: number): readonly Waiter[] {
    const served: Waiter[] = [];
    if (!holdsAhead(rule)) return served;
    for (const waiter of outbox.queue) {
      if (waiter.cost > this.left(slot)) break;
      this.add(slot, HELD, waiter.cost);
      waiter.state = "granted";
      waiter.window = window;
      waiter.remaining = Math.max(0, remaining - (this.spent(slot) - spentThen));
      served.push(waiter);
    }
    outbox.queue = outbox.queue.slice(served.length);
    return served;
  }

  /**
   * While the owner has no room nothing is held ahead: somebody else in the world wants it. True when there was
   * something, of which the owner hears after `pause`.
   */
  protected handBack(hot: HotKey, now: EpochMs, pause: DurationMs): boolean {
    const { slot, rule, lease, outbox } = hot;
    if (!holdsAhead(rule)) return false;
    // Of what is silent its owner knows nothing. After a block was lifted by hand the last answer counts for none.
    const isCounted = this.#isAnswered(hot) || (hot.answeredWindow < 0 && outbox.seq > 0);
    const isHeld = isCounted && this.left(slot) > 0;
    // Grace ends with the news: it is for a window with room.
    if (!isCounted && this.isClaimedIn(hot, this.window(slot)))
      this.table.cells[slot + CREDIT] = Math.min(this.table.get(slot, CREDIT), this.spent(slot));
    if (!isHeld && !lease.owes) return false;
    if (isHeld) lease.handsBack(this.left(slot));
    this.table.cells[slot + CREDIT] = this.spent(slot);
    lease.until = NEVER;
    outbox.reportBy(after(now, pause));
    return true;
  }
}
