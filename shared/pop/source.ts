/**
 * A source: one isolate's whole knowledge of who has how much credit. Its entries live in the credit table;
 * keys that asked or were announced have a hot-key record besides. The transitions are those of the credit
 * protocol: `lookup` rolls windows, `probe` decides without I/O, `ask` leaves, `answered` and `hear` arrive.
 */
import { assert, unreachable } from "../assert.ts";
import { gridOf } from "../grid.ts";
import { type KeyHasher, tagOf } from "../key.ts";
import { HOT_KEYS_MAX, REPORT_JITTER_MAX } from "../limits.ts";
import type { Announcement, Answer, Ask, Granted } from "../protocol/messages.ts";
import type { Rule } from "../rule.ts";
import {
  after,
  durationMs,
  type EpochMs,
  later,
  NEVER,
  type WindowGrid,
  windowAt,
  windowEnd,
  windowStart,
} from "../time.ts";
import { ClaimBudget } from "./claim-budget.ts";
import {
  COUNTED,
  CREDIT,
  CreditTable,
  HELD,
  HOT,
  type Occupants,
  OWN,
  PREVIOUS,
  RULE,
  TAG_HI,
  TAG_LO,
  type TableSize,
  WINDOW,
} from "./credit-table.ts";
import { type HotKey, newHotKey } from "./hot-key.ts";
import type { Flight, Waiter } from "./outbox.ts";
import { blockedUntil, compare, emptyView, isBarred, isFull, join, wantsConfirmation } from "./view.ts";

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
}

/** What a probe of the table says of one rule. */
export type Verdict = "fits" | "blocked" | "ask";

/** Cost taken for a request that other rules have yet to decide. */
export interface Hold {
  readonly slot: number;
  readonly hi: number;
  readonly lo: number;
  readonly cost: number;
  /** The window it counts in. */
  readonly window: number;
}

export class Source {
  readonly isolate: string;
  readonly rules: readonly Rule[];
  readonly hashers: readonly KeyHasher[];
  pop: string;
  readonly table: CreditTable;
  readonly #hot: (HotKey | undefined)[] = [];
  readonly #freeHot: number[] = [];
  readonly #claims = new ClaimBudget();
  #hand = 0;
  #lives = 0;

  constructor(options: SourceOptions) {
    this.isolate = options.isolate;
    this.pop = options.pop;
    this.rules = options.rules;
    this.hashers = options.hashers;
    this.table = new CreditTable(this.#occupants(), options.seed, options.table);
  }

  // ── Entries ───────────────────────────────────────────────────────────────────────────────────

  /** The entry of a key, rolled to `now`; created with the rule's silent credit when it is new. −1 when there is no place. */
  lookup(ruleIndex: number, hi: number, lo: number, now: EpochMs): number {
    const found = this.table.find(hi, lo);
    if (found >= 0) {
      this.roll(found, windowAt(this.gridAt(found), now));
      return found;
    }
    const slot = this.table.open(hi, lo, ruleIndex, now);
    if (slot < 0) return -1;
    const silent = this.ruleAt(slot).threshold - 1;
    this.table.cells[slot + WINDOW] = windowAt(this.gridAt(slot), now);
    this.table.cells[slot + CREDIT] = Math.max(0, silent - this.table.floorOf(slot, now));
    return slot;
  }

  ruleAt(slot: number): Rule {
    const rule = this.rules[this.table.get(slot, RULE) - 1];
    assert(rule !== undefined, "an entry names its rule");
    return rule;
  }

  gridAt(slot: number): WindowGrid {
    return gridOf(this.ruleAt(slot), this.table.get(slot, TAG_LO));
  }

  hotAt(slot: number): HotKey | undefined {
    const index = this.table.get(slot, HOT);
    return index === 0 ? undefined : this.#hot[index - 1];
  }

  /** OWN + HELD: what a source answers for in its window. */
  spent(slot: number): number {
    return this.table.get(slot, OWN) + this.table.get(slot, HELD);
  }

  window(slot: number): number {
    return this.table.get(slot, WINDOW);
  }

  /** Moves an entry to a later window. Windows never go back: a clock that steps back changes nothing. */
  roll(slot: number, window: number): void {
    const cells = this.table.cells;
    const ahead = (window - this.window(slot)) | 0;
    if (ahead <= 0) return;
    cells[slot + PREVIOUS] = ahead === 1 ? this.spent(slot) : 0;
    cells[slot + OWN] = 0;
    cells[slot + HELD] = 0;
    cells[slot + COUNTED] = 0;
    cells[slot + WINDOW] = window;
    const old = this.hotAt(slot);
    if (old !== undefined && this.#isForgotten(old, window)) {
      // Its owner may have forgotten the key by now, and with it the epoch: what comes is new to both.
      Object.assign(old.view, emptyView());
      if (!old.outbox.busy) this.#dropHot(slot);
    }
    const hot = this.hotAt(slot);
    const claimed = hot !== undefined && this.#isClaimedIn(hot, window);
    cells[slot + CREDIT] = claimed ? 0 : this.ruleAt(slot).threshold - 1;
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
    const settled = hot === undefined || !hot.outbox.isUnsettled(now);
    // A penalty that is no longer trusted may still stand: silent credit is not to be had before it ends.
    const penalised = hot !== undefined && hot.view.penaltyUntil > now;
    if (settled && !penalised && this.spent(slot) + cost <= this.table.get(slot, CREDIT)) return "fits";
    return this.isBlocked(slot, now) ? "blocked" : "ask";
  }

  /** Takes `cost` for a request that is not decided yet. */
  hold(slot: number, cost: number): Hold {
    this.#add(slot, HELD, cost);
    return this.holdOf(slot, cost, this.window(slot));
  }

  /** Describes a cost that an answer counted for a request. */
  holdOf(slot: number, cost: number, window: number): Hold {
    return { slot, hi: this.table.get(slot, TAG_HI), lo: this.table.get(slot, TAG_LO), cost, window };
  }

  /** The request was admitted: what was held is spent for good. */
  take(hold: Hold): void {
    // After a roll it is counted as the previous window's already, and the entry may even be another key's.
    if (!this.#isStanding(hold) || this.window(hold.slot) !== hold.window) return;
    this.#add(hold.slot, HELD, -hold.cost);
    this.#add(hold.slot, OWN, hold.cost);
  }

  /** The request was denied by another rule: what was held is free again, and an owner that granted it hears so. */
  release(hold: Hold, now: EpochMs): HotKey | undefined {
    if (!this.#isStanding(hold)) return undefined;
    const { slot, cost, window } = hold;
    const age = (this.window(slot) - window) | 0;
    if (age === 0) this.#add(slot, HELD, -cost);
    // A rolled entry may have been replaced and come back since; then it no longer knows of the cost.
    else if (age === 1) this.#add(slot, PREVIOUS, -Math.min(cost, this.table.get(slot, PREVIOUS)));
    const hot = this.hotAt(slot);
    if (hot === undefined || age > 1 || !this.#isClaimedIn(hot, window)) return undefined;
    hot.outbox.reportBy(now);
    return hot;
  }

  #isStanding({ slot, hi, lo }: Hold): boolean {
    const { table } = this;
    return table.get(slot, TAG_LO) === lo && table.get(slot, TAG_HI) === hi && table.get(slot, RULE) !== 0;
  }

  #isClaimedIn(hot: HotKey, window: number): boolean {
    return hot.view.claimedUntil > windowStart(this.gridAt(hot.slot), window);
  }

  /** True when neither asking nor hearing of the last two windows ties this source to the key's owner. */
  #isForgotten(hot: HotKey, window: number): boolean {
    const start = windowStart(this.gridAt(hot.slot), window - 1);
    return window - hot.lastWindow > 1 && hot.view.claimedUntil <= start && hot.view.penaltyUntil <= start;
  }

  /** Makes a confirming report due when the trust in a block is half used up. */
  confirmBlock(slot: number, now: EpochMs): void {
    const hot = this.hotAt(slot);
    if (hot !== undefined && wantsConfirmation(hot.view, now) && !hot.outbox.isOut(now))
      hot.outbox.reportBy(now);
  }

  // ── Asking ────────────────────────────────────────────────────────────────────────────────────

  /** The hot-key record of an entry, made when there is none; undefined when all are in use. */
  heat(slot: number, key: string, label: string | undefined, now: EpochMs): HotKey | undefined {
    const known = this.hotAt(slot);
    if (known !== undefined) {
      known.label ??= label;
      return known;
    }
    const index =
      this.#freeHot.pop() ?? (this.#hot.length < HOT_KEYS_MAX ? this.#hot.length : this.#evictHot(now));
    if (index === undefined) return undefined;
    this.#lives += 1;
    const hot = newHotKey(this.ruleAt(slot), key, label, this.#lives, slot);
    this.#hot[index] = hot;
    this.table.cells[slot + HOT] = index + 1;
    return hot;
  }

  /**
   * Whether a hot key may ask its owner now. The first Ask for an object that may not exist yet takes from the
   * isolate's budget of claims; keys that asked before, were announced, or share their owners do not.
   */
  mayAsk(hot: HotKey, now: EpochMs): boolean {
    if (hot.rule.owners > 0 || hot.outbox.seq > 0 || hot.outbox.busy || hot.view.epoch > 0) return true;
    return this.#claims.take(now);
  }

  /** Lets the next Ask of a hot key leave, if one is due. */
  depart(hot: HotKey, now: EpochMs): Flight | undefined {
    if (hot.slot < 0) return undefined;
    this.roll(hot.slot, windowAt(this.gridAt(hot.slot), now));
    if (hot.slot < 0) return undefined;
    const flight = hot.outbox.depart(hot.rule, now, (seq, want) => this.#askOf(hot, seq, want));
    if (flight !== undefined) this.#giveBack(hot.slot);
    return flight;
  }

  /**
   * From the moment an Ask leaves, its owner may count no more than it says for this source and grant the
   * rest elsewhere. Only its answer gives credit again; if that is lost, what was left may not be spent.
   */
  #giveBack(slot: number): void {
    const { cells } = this.table;
    const spent = this.spent(slot);
    cells[slot + CREDIT] = spent;
    cells[slot + COUNTED] = Math.min(this.table.get(slot, COUNTED), spent);
  }

  #askOf(hot: HotKey, seq: number, want: readonly number[]): Ask {
    const { slot, rule } = hot;
    hot.lastWindow = this.window(slot);
    return {
      source: `${this.isolate}.${hot.life}`,
      pop: this.pop,
      rule: {
        version: rule.version,
        name: rule.name,
        algorithm: rule.algorithm,
        limit: rule.limit,
        threshold: rule.threshold,
        ...(rule.algorithm === "token-bucket" && { burst: rule.burst }),
        ...(rule.blockFor !== undefined && { blockForMs: rule.blockFor }),
        grid: this.gridAt(slot),
      },
      key: hot.key,
      ...(hot.label !== undefined && { label: hot.label }),
      window: this.window(slot),
      seq,
      epochSeen: hot.view.epoch,
      spent: this.spent(slot),
      counted: this.table.get(slot, COUNTED),
      previousSpent: this.table.get(slot, PREVIOUS),
      want,
    };
  }

  /**
   * Takes an answer. Returns the requests it decided or put back: the shell wakes them.
   * @param sentOnce whether the Ask was sent only once, so that its round trip is a sample
   */
  answered(hot: HotKey, answer: Answer, now: EpochMs, sentOnce: boolean): readonly Waiter[] {
    if (hot.slot < 0) return [];
    switch (answer.kind) {
      case "granted":
        return this.#granted(hot, answer, now, sentOnce);
      case "refused":
        return this.#refused(hot, answer.seq, answer.window);
      case "dropped":
        return this.#putBack(hot, hot.outbox.land(answer.seq));
      default:
        return unreachable(answer);
    }
  }

  #granted(hot: HotKey, answer: Granted, now: EpochMs, sentOnce: boolean): readonly Waiter[] {
    const { slot, view, outbox } = hot;
    const older = answer.epoch < view.epoch;
    // Of an answer to an Ask that was given up nobody knows how old it is: it prolongs no trust.
    const sentAt = outbox.flight?.ask.seq === answer.seq ? outbox.flight.sentAt : NEVER;
    if (!older) join(view, answer, sentAt);
    const flight = outbox.land(answer.seq);
    if (flight === undefined) return [];
    if (older) return this.#putBack(hot, flight);
    outbox.succeeded(flight, now, sentOnce);
    const grid = this.gridAt(slot);
    view.claimedUntil = later(
      view.claimedUntil,
      later(windowEnd(grid, answer.window), answer.claimedUntil ?? NEVER),
    );
    const age = (this.window(slot) - answer.window) | 0;
    if (age > 1 || age < 0) return this.#putBack(hot, flight);
    const field = age === 0 ? HELD : PREVIOUS;
    const decided = this.#settle(hot, flight, field, answer);
    if (age === 0) {
      this.table.cells[slot + CREDIT] = Math.max(this.spent(slot), answer.granted);
      this.table.cells[slot + COUNTED] = answer.granted;
      hot.remaining = answer.remaining;
      hot.resetAt = answer.resetAt;
      hot.spentThen = this.spent(slot);
      hot.answeredWindow = answer.window;
      // More: granted to a request that left meanwhile, somebody else in the world may want it. Less:
      // `on_failure` admitted meanwhile. Equal: the owner knows all that a report that is still due would say.
      if (answer.granted !== this.spent(slot)) outbox.reportBy(now);
      else if (flight.ask.previousSpent === this.table.get(slot, PREVIOUS)) outbox.reportAt = NEVER;
    }
    return isFull(view, now) || isBarred(view, now) ? [...decided, ...this.#denyQueue(hot)] : decided;
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
      this.#add(hot.slot, field, waiter.cost);
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
  #refused(hot: HotKey, seq: number, window: number): readonly Waiter[] {
    const flight = hot.outbox.land(seq);
    if (flight === undefined) return [];
    // Behind the Ask's own window, not the entry's: that may have rolled since the Ask left.
    if (window <= flight.ask.window) return this.#fail(flight);
    this.roll(hot.slot, window);
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
    if (reason === "unreachable") hot.outbox.retryReport(now, jitter);
    else {
      hot.outbox.pause(now, jitter);
      for (const waiter of hot.outbox.queue) waiter.state = "failed";
      failed.push(...hot.outbox.queue);
      hot.outbox.queue = [];
    }
    return failed;
  }

  /** The Ask's time is over without an answer; one that still comes is used. What was spent is reported again. */
  timedOut(hot: HotKey, seq: number, now: EpochMs, jitter: number): void {
    if (hot.outbox.flight?.ask.seq === seq) hot.outbox.retryReport(now, jitter);
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
    const { hi, lo } = tagOf(news.key);
    const slot = this.lookup(ruleIndex, hi, lo, now);
    if (slot < 0) return undefined;
    const hot = this.heat(slot, news.key, news.label, now);
    if (hot === undefined || compare(hot.view, news) <= 0) return undefined;
    const start = windowStart(this.gridAt(slot), this.window(slot));
    const wasClaimed = hot.view.claimedUntil > start;
    join(hot.view, news, now);
    hot.view.claimedUntil = later(hot.view.claimedUntil, news.claimedUntil ?? NEVER);
    hot.lastWindow = Math.max(hot.lastWindow, this.window(slot));
    if (wasClaimed || hot.view.claimedUntil <= start) return undefined;
    // First news of the claim: silent credit ends, and what it paid for is handed to the owner.
    this.table.cells[slot + CREDIT] = this.spent(slot);
    if (this.spent(slot) === 0 && this.table.get(slot, PREVIOUS) === 0) return undefined;
    hot.outbox.reportBy(after(now, durationMs(Math.floor(REPORT_JITTER_MAX * jitter))));
    return hot;
  }

  // ── Housekeeping ──────────────────────────────────────────────────────────────────────────────

  #add(slot: number, field: number, delta: number): void {
    const cells = this.table.cells;
    cells[slot + field] = (cells[slot + field] ?? 0) + delta;
    assert((cells[slot + field] ?? 0) >= 0, "a count is never negative");
  }

  #dropHot(slot: number): void {
    const index = this.table.get(slot, HOT) - 1;
    const hot = this.#hot[index];
    if (hot === undefined) return;
    hot.slot = -1;
    this.#hot[index] = undefined;
    this.#freeHot.push(index);
    this.table.cells[slot + HOT] = 0;
  }

  /** Frees the record of a hot key that nobody waits for: a hand goes round, as in CLOCK page replacement. */
  #evictHot(now: EpochMs): number | undefined {
    for (let tries = 0; tries < 64; tries += 1) {
      this.#hand = (this.#hand + 1) % this.#hot.length;
      const hot = this.#hot[this.#hand];
      if (hot === undefined || this.#isPinned(hot.slot, now)) continue;
      this.table.remove(hot.slot, now);
      return this.#freeHot.pop();
    }
    return undefined;
  }

  /** A request whose context died never comes back for what it holds: after two windows nothing is pinned. */
  #isPinned(slot: number, now: EpochMs): boolean {
    const inUse = this.table.get(slot, HELD) > 0 || this.hotAt(slot)?.outbox.busy === true;
    return inUse && !this.#isStale(slot, now);
  }

  #isStale(slot: number, now: EpochMs): boolean {
    return windowAt(this.gridAt(slot), now) - this.window(slot) > 1;
  }

  #occupants(): Occupants {
    return {
      pinned: (slot, now) => this.#isPinned(slot, now),
      stale: (slot, now) => this.#isStale(slot, now),
      ended: (slot, now) => windowAt(this.gridAt(slot), now) > this.window(slot),
      claimed: (slot, now) => (this.hotAt(slot)?.view.claimedUntil ?? NEVER) > now,
      legacy: (slot, now) => {
        const until = windowEnd(this.gridAt(slot), this.window(slot));
        const { limit, threshold } = this.ruleAt(slot);
        const claimed = (this.hotAt(slot)?.view.claimedUntil ?? NEVER) > now;
        // A claimed key has no silent credit: whoever returns has to ask. Of any other the silent credit it
        // still had is left: its count, and the floor that it began with itself.
        const left = this.table.get(slot, CREDIT) - this.spent(slot);
        return { count: claimed ? limit : threshold - 1 - left, until };
      },
      forget: (slot) => this.#dropHot(slot),
    };
  }

  /** When the block that is believed for an entry ends, NEVER for none. */
  blockedUntil(slot: number, now: EpochMs): EpochMs {
    const hot = this.hotAt(slot);
    return hot === undefined ? NEVER : blockedUntil(hot.view, now);
  }

  /** What a person is shown of the entries. */
  *entries(now: EpochMs): IterableIterator<SourceEntry> {
    for (const slot of this.table.slots()) {
      const grid = this.gridAt(slot);
      if (windowAt(grid, now) > this.window(slot)) continue;
      const hot = this.hotAt(slot);
      const until = this.blockedUntil(slot, now);
      yield {
        slot,
        rule: this.ruleAt(slot).name,
        window: this.window(slot),
        used: this.spent(slot),
        credit: this.table.get(slot, CREDIT),
        claimed: (hot?.view.claimedUntil ?? NEVER) > now,
        blockedUntil: until > now ? until : null,
      };
    }
  }
}

export interface SourceEntry {
  readonly slot: number;
  readonly rule: string;
  readonly window: number;
  readonly used: number;
  readonly credit: number;
  readonly claimed: boolean;
  readonly blockedUntil: EpochMs | null;
}
