/**
 * A source: one isolate's whole knowledge of who has how much credit. Its entries live in the credit table;
 * keys that asked or were announced have a hot-key record besides. The transitions are those of the credit
 * protocol: `lookup` rolls windows, `probe` decides without I/O, `ask` leaves, `answered` and `hear` arrive.
 */
import { unreachable } from "../assert.ts";
import { type KeyHasher, tagOf } from "../key.ts";
import { REPORT_JITTER_MAX, REPORT_RETRY_MAX } from "../limits.ts";
import { policyOf } from "../policy.ts";
import type { Announcement, Answer, Ask, Granted, Refused } from "../protocol/messages.ts";
import type { Rule } from "../rule.ts";
import { holdsAhead } from "../rule-ahead.ts";
import { Sampler } from "../spread/sampler.ts";
import { after, durationMs, type EpochMs, later, NEVER, windowAt, windowEnd, windowStart } from "../time.ts";
import { Ahead } from "./ahead.ts";
import { ClaimBudget } from "./claim-budget.ts";
import { CREDIT, HELD, PREVIOUS, type TableSize } from "./credit-table.ts";
import type { DegradedCause } from "./decide.ts";
import { type HotKey, noteBlock } from "./hot-key.ts";
import type { Flight, Waiter } from "./outbox.ts";
import { compare, isBarred, isBlocked, isFull, join, wantsConfirmation } from "./view.ts";
import { WaitingRoom } from "./waiting-room.ts";

export interface SourceOptions {
  /** 64 random bits as hex: no two isolates share it. */
  readonly isolate: string;
  /** The data centre, an IATA code. */
  readonly pop: string;
  /** 32 random bits: where keys stand in the table. */
  readonly seed: number;
  readonly rules: readonly Rule[];
  /** One per rule, in the same order. */
  readonly hashers: readonly KeyHasher[];
  readonly table?: TableSize;
  /** How many hot keys it keeps; HOT_KEYS_MAX unless given. */
  readonly hotKeysMax?: number;
}

/** What a probe of the table says of one rule. */
export type Verdict = "fits" | "blocked" | "ask";

/** Sets the sampler's seed apart from the table's. */
const SAMPLER_SEED = 0x5bd1e995;

export class Source extends Ahead {
  readonly isolate: string;
  readonly hashers: readonly KeyHasher[];
  pop: string;
  /** Which silently admitted requests are reported, so that clients are found that reach no threshold. */
  readonly sampler: Sampler;
  readonly #claims = new ClaimBudget();
  readonly #room = new WaitingRoom();

  constructor(options: SourceOptions) {
    super(options.rules, options.seed, options.table, options.hotKeysMax);
    this.isolate = options.isolate;
    this.pop = options.pop;
    this.hashers = options.hashers;
    this.sampler = new Sampler(options.rules, options.seed ^ SAMPLER_SEED);
  }

  // ── Deciding ──────────────────────────────────────────────────────────────────────────────────

  /** True when the entry's owner is believed to deny everything now. Needs no I/O. */
  isBlocked(slot: number, now: EpochMs): boolean {
    const hot = this.hotAt(slot);
    if (hot === undefined) return false;
    if (isBarred(hot.view, now)) return true;
    return isFull(hot.view, now) && hot.outbox.onlyReports(now);
  }

  /** Decides one rule without I/O, or says that the owner has to be asked. */
  probe(slot: number, cost: number, now: EpochMs): Verdict {
    const hot = this.hotAt(slot);
    if (hot !== undefined && isBarred(hot.view, now)) return "blocked";
    const usable = hot === undefined || this.isUsable(hot, now);
    // A penalty that is no longer trusted may still stand: silent credit is not to be had before it ends.
    const penalised = hot !== undefined && hot.view.penaltyUntil > now;
    if (usable && !penalised && this.spent(slot) + cost <= this.table.get(slot, CREDIT)) return "fits";
    if (hot !== undefined && this.isSpokenFor(hot, cost, now)) return "blocked";
    return this.isBlocked(slot, now) ? "blocked" : "ask";
  }

  /** Makes a confirming report due when the trust in a block is half used up. */
  confirmBlock(slot: number, now: EpochMs): void {
    const hot = this.hotAt(slot);
    if (hot !== undefined && wantsConfirmation(hot.view, now) && !hot.outbox.isOut(now))
      hot.outbox.reportBy(now);
  }

  // ── Asking ────────────────────────────────────────────────────────────────────────────────────

  /**
   * Whether a hot key may ask its owner now. The first Ask for an object that may not exist yet takes from the
   * isolate's budget of claims; keys that asked before, were announced, or share their owners do not.
   */
  mayAsk(hot: HotKey, now: EpochMs): boolean {
    if (hot.rule.owners > 0 || hot.outbox.seq > 0 || hot.outbox.busy || hot.view.epoch > 0) return true;
    return this.#claims.take(now);
  }

  /** Lets a request wait for a hot key's owner, or says why it may not. */
  wait(hot: HotKey, cost: number, now: EpochMs): Waiter | DegradedCause {
    if (!this.#room.hasRoom(hot.outbox.waiting, now)) return "no-room";
    if (!this.mayAsk(hot, now)) return "claim-budget";
    const waiter = hot.outbox.enqueue(cost, now);
    if (waiter === undefined) return hot.outbox.isPaused(now) ? "overloaded" : "no-room";
    this.#room.enter(waiter, now);
    return waiter;
  }

  /** Lets the next Ask of a hot key leave, if one is due. */
  depart(hot: HotKey, now: EpochMs): Flight | undefined {
    if (hot.slot < 0) return undefined;
    this.roll(hot.slot, windowAt(this.gridAt(hot.slot), now), now);
    if (hot.slot < 0) return undefined;
    const flight = hot.outbox.depart(hot.rule, now, (seq, want) => this.#askOf(hot, seq, want, now));
    if (flight !== undefined) this.#giveBack(hot, flight.ask, now);
    return flight;
  }

  /**
   * From the moment an Ask leaves, its owner may count no more than it says for this source and grant the
   * rest elsewhere. Only its answer gives credit again; if that is lost, what was left may not be spent.
   */
  #giveBack(hot: HotKey, { spent: said, want }: Ask, now: EpochMs): void {
    const spent = this.spent(hot.slot);
    hot.lease.handsBack(this.table.get(hot.slot, CREDIT) - said);
    this.table.cells[hot.slot + CREDIT] = said;
    hot.counted = Math.min(hot.counted, said);
    const wanted = want.reduce((sum, cost) => sum + cost, 0);
    hot.lease.asked(spent + wanted, said - spent, now);
  }

  #askOf(hot: HotKey, seq: number, want: readonly number[], now: EpochMs): Ask {
    const { slot, rule } = hot;
    const kept = this.keptBy(hot, want, now);
    const ahead = this.wishOf(hot, want, kept, now);
    hot.lastWindow = this.window(slot);
    return {
      source: `${this.isolate}.${hot.life}`,
      pop: this.pop,
      rule: policyOf(rule, this.gridAt(slot)),
      key: hot.key,
      ...(hot.label !== undefined && { label: hot.label }),
      window: this.window(slot),
      seq,
      epochSeen: hot.view.epoch,
      spent: this.spent(slot) + kept,
      ...(kept > 0 && { kept }),
      counted: hot.counted,
      previousSpent: this.table.get(slot, PREVIOUS),
      ...(rule.strict > 0 && hot.view.claimedUntil !== NEVER && { claimSeen: hot.view.claimedUntil }),
      want,
      ...(ahead > 0 && { ahead }),
    };
  }

  /** Takes an answer. Returns the requests it decided or put back: the shell wakes them. */
  answered(hot: HotKey, answer: Answer, now: EpochMs): readonly Waiter[] {
    if (hot.slot < 0) return [];
    switch (answer.kind) {
      case "granted":
        return this.#granted(hot, answer, now);
      case "refused":
        return this.#refused(hot, answer, now);
      case "dropped":
        return this.#putBack(hot, hot.outbox.land(answer.seq));
      default:
        return unreachable(answer);
    }
  }

  #granted(hot: HotKey, answer: Granted, now: EpochMs): readonly Waiter[] {
    const { slot, view, outbox } = hot;
    this.#observe(this.table.ruleOf(slot), answer.sources, now);
    const older = answer.epoch < view.epoch;
    // Of an answer to an Ask that was given up nobody knows how old it is: it prolongs no trust.
    const sentAt = outbox.flight?.ask.seq === answer.seq ? outbox.flight.sentAt : NEVER;
    if (older) return this.#putBack(hot, outbox.land(answer.seq));
    if (isFull(view, now) && answer.fullUntil === undefined) hot.lease.untold();
    join(view, answer, sentAt);
    noteBlock(hot, now);
    // An answer of the window before, or one that comes late, may be the first to tell of a claim on this one.
    const claimedUntil = later(windowEnd(this.gridAt(slot), answer.window), answer.claimedUntil ?? NEVER);
    if (this.#claimed(hot, claimedUntil)) outbox.reportBy(now);
    const flight = outbox.land(answer.seq);
    if (flight === undefined) return [];
    outbox.succeeded();
    const age = (this.window(slot) - answer.window) | 0;
    if (age > 1 || age < 0) return this.#putBack(hot, flight);
    const field = age === 0 ? HELD : PREVIOUS;
    const decided = this.#settle(hot, flight, field, answer);
    if (age === 0) this.#credit(hot, flight, answer, now);
    if (isBlocked(view, now)) {
      this.handBack(hot, now, durationMs(0));
      return [...decided, ...this.#denyQueue(hot)];
    }
    return age === 0 ? [...decided, ...this.serve(hot, answer.window)] : decided;
  }

  /** What an answer of the entry's own window says: its credit from now on, and what is due next. */
  #credit(hot: HotKey, flight: Flight, answer: Granted, now: EpochMs): void {
    const { slot, outbox, lease } = hot;
    this.table.cells[slot + CREDIT] = Math.max(this.spent(slot), answer.granted);
    hot.counted = answer.granted;
    hot.remaining = answer.remaining;
    hot.resetAt = answer.resetAt;
    hot.spentThen = this.spent(slot);
    hot.answeredWindow = answer.window;
    hot.limit = answer.limit;
    lease.told(answer.remaining, flight.sentAt);
    const left = holdsAhead(hot.rule) ? this.left(slot) : 0;
    // What a denied request gave back since the Ask left may be what nobody granted: it is not held.
    if (left > 0 && lease.returns) this.handBack(hot, now, durationMs(0));
    // More: granted to a request that left meanwhile, somebody else in the world may want it. Less:
    // `on_failure` admitted meanwhile. Equal: the owner knows all that a report that is still due would say.
    else if (left === 0 && answer.granted !== this.spent(slot)) outbox.reportBy(now);
    else {
      if (flight.ask.previousSpent === this.table.get(slot, PREVIOUS)) outbox.reportAt = NEVER;
      hot.remaining += left;
      lease.answered(left, now, windowEnd(this.gridAt(slot), answer.window));
      if (left > 0 && !lease.rests) outbox.reportBy(lease.until);
    }
  }

  /**
   * Decides exactly the requests that the Ask carried, by the owner's own rule: in order, each whole or not
   * at all, out of what was granted beyond what the Ask said was spent. What `on_failure` admitted meanwhile
   * does not come out of it, or requests would be denied for others that were not counted here.
   */
  #settle(
    hot: HotKey,
    flight: Flight,
    field: typeof HELD | typeof PREVIOUS,
    answer: Granted,
  ): readonly Waiter[] {
    let budget = answer.granted - flight.ask.spent;
    let left = answer.remaining + budget;
    for (const waiter of flight.carried) {
      const granted = waiter.cost <= budget;
      if (granted) {
        budget -= waiter.cost;
        left -= waiter.cost;
      }
      if (waiter.state !== "carried") continue; // decided by its deadline; its grant is the owner's knowledge of it
      waiter.state = granted ? "granted" : "denied";
      if (!granted) continue;
      this.add(hot.slot, field, waiter.cost);
      waiter.window = answer.window;
      waiter.remaining = left;
    }
    return flight.carried;
  }

  /** The owner has no room: who waits for the next Ask would only hear the same. */
  #denyQueue(hot: HotKey): readonly Waiter[] {
    const queue = hot.outbox.queue;
    hot.outbox.queue = [];
    for (const waiter of queue) waiter.state = "denied";
    return queue;
  }

  /** The owner is in another window: follow it if it is ahead; if it is behind, this clock is not to be trusted. */
  #refused(hot: HotKey, { seq, window }: Refused, now: EpochMs): readonly Waiter[] {
    const flight = hot.outbox.land(seq);
    if (flight === undefined) return [];
    // Behind the Ask's own window, not the entry's: that may have rolled since the Ask left.
    if (window <= flight.ask.window) {
      // What was spent in this window is told once the owner gets there.
      hot.outbox.reportBy(after(now, REPORT_RETRY_MAX));
      return this.#fail(flight);
    }
    this.roll(hot.slot, window, now);
    return this.#putBack(hot, flight);
  }

  #putBack(hot: HotKey, flight: Flight | undefined): readonly Waiter[] {
    if (flight === undefined) return [];
    hot.outbox.requeue(flight.carried);
    return flight.carried;
  }

  #fail(flight: Flight): readonly Waiter[] {
    for (const waiter of flight.carried) if (waiter.state === "carried") waiter.state = "failed";
    return flight.carried;
  }

  /** The Ask could not be delivered, and neither could its repetition. Returns the requests to wake. */
  undelivered(
    hot: HotKey,
    seq: number,
    reason: "unreachable" | "overloaded",
    now: EpochMs,
    jitter: number,
  ): readonly Waiter[] {
    const flight = hot.outbox.land(seq);
    if (flight === undefined) return [];
    const failed = [...this.#fail(flight)];
    for (const waiter of failed) waiter.cause = reason;
    if (reason === "unreachable") hot.outbox.retryReport(now, jitter);
    else {
      hot.outbox.pause(now, jitter);
      for (const waiter of hot.outbox.queue) {
        waiter.state = "failed";
        waiter.cause = reason;
      }
      failed.push(...hot.outbox.queue);
      hot.outbox.queue = [];
    }
    return failed;
  }

  /** The Ask's time is over without an answer; one that still comes is used. What was spent is reported again. */
  timedOut(hot: HotKey, seq: number, now: EpochMs, jitter: number): void {
    if (hot.outbox.giveUp(seq)) hot.outbox.retryReport(now, jitter);
  }

  // ── Hearing ───────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes an announcement. Returns the hot key if a report became due, so that the shell sends it.
   * @param jitter in [0, 1): spreads the reports of all sources
   */
  hear(news: Announcement, now: EpochMs, jitter: number): HotKey | undefined {
    const ruleIndex = this.rules.findIndex((rule) => rule.version === news.ruleVersion);
    const rule = this.rules[ruleIndex];
    const until = later(
      later(news.claimedUntil ?? NEVER, news.fullUntil ?? NEVER),
      news.penaltyUntil ?? NEVER,
    );
    if (rule === undefined || (until <= now && news.released !== true)) return undefined;
    this.#observe(ruleIndex, news.sources, now);
    const { hi, lo } = tagOf(news.key);
    const slot = this.lookup(ruleIndex, hi, lo, now);
    if (slot < 0) return undefined;
    const hot = this.heat(slot, news.key, news.label, now);
    if (hot === undefined) return undefined;
    if (compare(hot.view, news) > 0) {
      if (news.released === true || (isFull(hot.view, now) && news.fullUntil === undefined))
        hot.lease.untold();
      join(hot.view, news, now);
      noteBlock(hot, now);
      // What is left and when more comes was said of before. Who was kept out is let in again, and asks.
      if (news.released === true) hot.answeredWindow = -1;
      hot.lastWindow = Math.max(hot.lastWindow, this.window(slot));
    }
    // A claim is a fact whoever tells it: an owner that was forgotten begins with low epochs again.
    const claimed = this.#claimed(hot, news.claimedUntil ?? NEVER);
    const pause = durationMs(Math.floor(REPORT_JITTER_MAX * jitter));
    if (isBlocked(hot.view, now) && this.handBack(hot, now, pause)) return hot;
    if (!claimed) return undefined;
    hot.outbox.reportBy(after(now, pause));
    return hot;
  }

  /** Takes what an owner says of how many sources see its key, however old: it may lower silent credit, no more. */
  #observe(ruleIndex: number, sources: number | undefined, now: EpochMs): void {
    if (sources !== undefined) this.thresholds[ruleIndex]?.observe(sources, now);
  }

  /**
   * Learns that the owner counts for everyone until then. If that is news for the entry's window its silent credit
   * ends. True when the owner has to be told what it paid for.
   */
  #claimed({ slot, view }: HotKey, until: EpochMs): boolean {
    const start = windowStart(this.gridAt(slot), this.window(slot));
    const known = view.claimedUntil > start;
    view.claimedUntil = later(view.claimedUntil, until);
    if (known || view.claimedUntil <= start) return false;
    this.table.cells[slot + CREDIT] = Math.min(
      this.table.get(slot, CREDIT),
      this.spent(slot) + this.ruleAt(slot).grace,
    );
    // An owner that keeps something back for this source wants to hear that it need not.
    if (this.ruleAt(slot).strict > 0) return true;
    return this.spent(slot) > 0 || this.table.get(slot, PREVIOUS) > 0;
  }
}
