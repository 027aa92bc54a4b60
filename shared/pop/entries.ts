/**
 * The entries of one isolate: the credit table, and a hot-key record for each key that asked its owner or was
 * announced. Keeps what every entry must keep: windows that never go back, holds that outlive them, records that
 * go with their entries. What entries mean to owners is `source.ts`'s.
 */
import { assert } from "../assert.ts";
import { gridOf } from "../grid.ts";
import { GRACE_AGAIN, HOT_KEYS_MAX } from "../limits.ts";
import type { Rule } from "../rule.ts";
import {
  type EpochMs,
  epochMs,
  later,
  NEVER,
  type WindowGrid,
  windowAt,
  windowEnd,
  windowStart,
} from "../time.ts";
import {
  BIRTH,
  CREDIT,
  CreditTable,
  HELD,
  LINKS_MAX,
  type Occupants,
  OWN,
  PREVIOUS,
  TAG_LO,
  type TableSize,
  WINDOW,
} from "./credit-table.ts";
import { type HotKey, newHotKey } from "./hot-key.ts";
import { CurrentThreshold } from "./source-estimate.ts";
import { blockedUntil, emptyView } from "./view.ts";

/** Cost taken for a request that other rules have yet to decide. */
export interface Hold {
  readonly slot: number;
  /** The birth of the entry that it is held on. */
  readonly birth: number;
  readonly cost: number;
  /** The window it counts in. */
  readonly window: number;
  /** Whether credit paid for it. What `on_failure` admits is not paid for. */
  readonly paid: boolean;
}

export interface EntryState {
  readonly slot: number;
  readonly rule: string;
  readonly window: number;
  readonly used: number;
  readonly credit: number;
  /** Credit that is not spent and that its owner has counted, or grace: used without waiting, or handed back. */
  readonly ahead: number;
  /** The threshold by which a new entry would get its silent credit now. */
  readonly threshold: number;
  readonly claimed: boolean;
  readonly blockedUntil: EpochMs | null;
}

export class Entries {
  readonly rules: readonly Rule[];
  readonly table: CreditTable;
  readonly #hot: (HotKey | undefined)[] = [];
  readonly #freeHot: number[] = [];
  readonly #hotKeysMax: number;
  /** The rules' windows, ms, and a mask that takes the offset away where windows begin on the clock. */
  readonly #lengths: Uint32Array;
  readonly #offsetMasks: Int32Array;
  /** What the rules let a source admit beyond its silent credit. */
  readonly #graces: Int32Array;
  /** By rule: what silent credit is given by now. */
  protected readonly thresholds: readonly CurrentThreshold[];
  /** The entry that was found last, the window that it was looked up for, and when that ends. */
  #foundLast = -1;
  readonly #itsWindow = new Float64Array(2);
  #hand = 0;
  #broom = 0;
  #lives = 0;

  /**
   * @param seed 32 random bits of this isolate: where keys stand in the table
   * @param hotKeysMax how many hot-key records are kept
   */
  constructor(rules: readonly Rule[], seed: number, size: TableSize | undefined, hotKeysMax = HOT_KEYS_MAX) {
    assert(
      rules.length <= LINKS_MAX && hotKeysMax <= LINKS_MAX,
      "an entry can name any rule and any hot key",
    );
    this.rules = rules;
    this.#hotKeysMax = hotKeysMax;
    this.#lengths = Uint32Array.from(rules, (rule) => rule.window);
    this.#offsetMasks = Int32Array.from(rules, (rule) => (rule.align === "clock" ? 0 : -1));
    this.#graces = Int32Array.from(rules, (rule) => rule.grace);
    this.thresholds = rules.map((rule) => new CurrentThreshold(rule));
    this.table = new CreditTable(this.#occupants(), seed, size);
  }

  /** The entry of a key, rolled to `now`; created with the rule's silent credit when it is new. −1 when there is no place. */
  lookup(ruleIndex: number, hi: number, lo: number, now: EpochMs): number {
    const found = this.table.find(hi, lo);
    const length = this.#lengths[ruleIndex] as number;
    const offset = this.#offsetOf(ruleIndex, lo);
    const window = Math.floor((now - offset) / length);
    if (found < 0) return this.#create(ruleIndex, hi, lo, window, now);
    if (this.table.get(found, WINDOW) !== (window | 0)) this.roll(found, window, now);
    this.#foundLast = found;
    this.#itsWindow[0] = window;
    this.#itsWindow[1] = (window + 1) * length + offset;
    return found;
  }

  #create(ruleIndex: number, hi: number, lo: number, window: number, now: EpochMs): number {
    const slot = this.table.open(hi, lo, ruleIndex, now);
    if (slot < 0) return -1;
    // It may be the place of the entry that was found last.
    this.#foundLast = -1;
    this.table.cells[slot + WINDOW] = window;
    this.table.cells[slot + CREDIT] = this.#silentCredit(slot, now);
    return slot;
  }

  /** `gridOf` for every request: whole numbers throughout, and nothing is built. */
  #offsetOf(ruleIndex: number, tagLo: number): number {
    const length = this.#lengths[ruleIndex] as number;
    return ((tagLo & (this.#offsetMasks[ruleIndex] as number)) >>> 0) % length;
  }

  /** When an entry's window ends. */
  endOfWindow(slot: number): EpochMs {
    // Nearly always asked of the entry that was just looked up, which took a division already.
    if (slot === this.#foundLast && this.window(slot) === this.#itsWindow[0])
      return epochMs(this.#itsWindow[1] as number);
    const ruleIndex = this.table.ruleOf(slot);
    const offset = this.#offsetOf(ruleIndex, this.table.get(slot, TAG_LO));
    return epochMs((this.window(slot) + 1) * (this.#lengths[ruleIndex] as number) + offset);
  }

  /** Whether an entry without an owner has credit for `cost`: then it may be spent, and nobody has to be asked. */
  hasSilentCredit(slot: number, cost: number): boolean {
    return (
      this.table.hotOf(slot) < 0 &&
      this.spent(slot) + cost + (this.#graces[this.table.ruleOf(slot)] as number) <=
        this.table.get(slot, CREDIT)
    );
  }

  /** Counts `cost` as admitted. */
  spend(slot: number, cost: number): void {
    this.add(slot, OWN, cost);
  }

  /** What may be spent without asking: less than the threshold, and less still in a set that pushed counts out. */
  #silentCredit(slot: number, now: EpochMs): number {
    const { threshold, grace } = this.ruleAt(slot);
    // Floors are measured from the rule's threshold, as in `legacy`. An automatic one may be lower by now, and what a
    // floor leaves of the rule's may still be more than that.
    const unfloored = threshold - 1 + grace - this.table.floorOf(slot, now);
    return Math.max(0, Math.min(this.thresholdAt(slot, now) - 1 + grace, unfloored));
  }

  /** The threshold that an entry would get its silent credit by now; the rule's own, unless that is automatic. */
  thresholdAt(slot: number, now: EpochMs): number {
    const threshold = this.thresholds[this.table.ruleOf(slot)];
    assert(threshold !== undefined, "an entry names its rule");
    return threshold.at(now);
  }

  /** The automatic thresholds in force, by the names of their rules. */
  automaticThresholds(now: EpochMs): [rule: string, threshold: number][] {
    return this.rules.flatMap(({ name, threshold, excessMax }, index) =>
      excessMax === undefined ? [] : [[name, this.thresholds[index]?.at(now) ?? threshold]],
    );
  }

  ruleAt(slot: number): Rule {
    const rule = this.rules[this.table.ruleOf(slot)];
    assert(rule !== undefined, "an entry names its rule");
    return rule;
  }

  gridAt(slot: number): WindowGrid {
    return gridOf(this.ruleAt(slot), this.table.get(slot, TAG_LO));
  }

  hotAt(slot: number): HotKey | undefined {
    const index = this.table.hotOf(slot);
    return index < 0 ? undefined : this.#hot[index];
  }

  /** OWN + HELD: what a source answers for in its window. */
  spent(slot: number): number {
    return this.table.get(slot, OWN) + this.table.get(slot, HELD);
  }

  window(slot: number): number {
    // Windows of a second outgrow 31 bits in 2038, and 32 in 2106.
    return this.table.get(slot, WINDOW) >>> 0;
  }

  /** Moves an entry to a later window. Windows never go back: a clock that steps back changes nothing. */
  roll(slot: number, window: number, now: EpochMs): void {
    const cells = this.table.cells;
    const ahead = (window - this.window(slot)) | 0;
    if (ahead <= 0) return;
    // An owner is ahead of this clock. If the entry is pushed out there, its key comes back in the window it leaves.
    if (window > windowAt(this.gridAt(slot), now)) this.table.leaveFloor(slot, now);
    const spent = this.spent(slot);
    cells[slot + PREVIOUS] = ahead === 1 ? spent : 0;
    cells[slot + OWN] = 0;
    cells[slot + HELD] = 0;
    cells[slot + WINDOW] = window;
    const old = this.hotAt(slot);
    if (old !== undefined) {
      old.counted = 0;
      if (old.outbox.reportAt === old.lease.until) old.outbox.reportAt = NEVER;
      old.lease.roll(spent);
    }
    if (old !== undefined && this.#isForgotten(old, window)) {
      // Its owner may have forgotten the key by now, and with it the epoch: what comes is new to both.
      Object.assign(old.view, emptyView());
      old.limit = undefined;
      if (!old.outbox.busy) this.#dropHot(slot);
    }
    const hot = this.hotAt(slot);
    const claimed = hot !== undefined && this.isClaimedIn(hot, window);
    // The floor may be of this very window: an owner ahead of this clock brought the entry there once before.
    const silent = this.#silentCredit(slot, now);
    cells[slot + CREDIT] = claimed ? Math.min(silent, this.#graceOf(hot, window)) : silent;
  }

  /**
   * What may be admitted in a claimed window before its owner answers: nothing if there was no room when last heard,
   * unless all of it came back when the window began.
   */
  #graceOf({ rule, view, limit, slot }: HotKey, window: number): number {
    if (view.fullUntil === NEVER) return rule.grace;
    const isNew =
      rule.algorithm === "fixed-window" && view.fullUntil <= windowStart(this.gridAt(slot), window);
    return isNew && rule.grace * GRACE_AGAIN <= (limit ?? rule.limit) ? rule.grace : 0;
  }

  /** Takes `cost` for a request that is not decided yet. */
  hold(slot: number, cost: number, paid: boolean): Hold {
    this.add(slot, HELD, cost);
    return { slot, birth: this.table.get(slot, BIRTH), cost, window: this.window(slot), paid };
  }

  /** The request was admitted: what was held is spent for good. */
  take(hold: Hold): void {
    // After a roll it is counted as the previous window's already.
    if (!this.#isStanding(hold) || this.window(hold.slot) !== hold.window) return;
    this.add(hold.slot, HELD, -hold.cost);
    this.add(hold.slot, OWN, hold.cost);
  }

  /** The request was denied by another rule: what was held is free again, and an owner that granted it hears so. */
  release(hold: Hold, now: EpochMs): HotKey | undefined {
    if (!this.#isStanding(hold)) return undefined;
    const { slot, cost, window } = hold;
    const age = (this.window(slot) - window) | 0;
    if (age === 0) {
      this.add(slot, HELD, -cost);
      // An Ask that left meanwhile took all that was spent for credit. What nobody granted must not be spent again.
      if (!hold.paid)
        this.table.cells[slot + CREDIT] = Math.max(this.spent(slot), this.table.get(slot, CREDIT) - cost);
    } else if (age === 1) this.add(slot, PREVIOUS, -cost);
    const hot = this.hotAt(slot);
    if (hot !== undefined) hot.lease.returns = true;
    if (hot === undefined || age > 1 || !this.isClaimedIn(hot, window)) return undefined;
    hot.outbox.reportBy(now);
    return hot;
  }

  /** Whether the entry is still there: a request may wait for so long that it was replaced, and may have come back. */
  #isStanding({ slot, birth }: Hold): boolean {
    return this.table.get(slot, BIRTH) === birth && this.table.isTaken(slot);
  }

  /** True when the key was known to be claimed at the start of that window. */
  protected isClaimedIn(hot: HotKey, window: number): boolean {
    return hot.view.claimedUntil > windowStart(this.gridAt(hot.slot), window);
  }

  /** True when neither asking nor hearing of the last two windows ties this source to the key's owner. */
  #isForgotten(hot: HotKey, window: number): boolean {
    const start = windowStart(this.gridAt(hot.slot), window - 1);
    return window - hot.lastWindow > 1 && hot.view.claimedUntil <= start && hot.view.penaltyUntil <= start;
  }

  /** The hot-key record of an entry, made when there is none; undefined when all are in use. */
  heat(slot: number, key: string, label: string | undefined, now: EpochMs): HotKey | undefined {
    const known = this.hotAt(slot);
    if (known !== undefined) {
      known.label ??= label;
      return known;
    }
    this.#tidy(now);
    const index =
      this.#freeHot.pop() ?? (this.#hot.length < this.#hotKeysMax ? this.#hot.length : this.#evictHot(now));
    if (index === undefined) return undefined;
    this.#lives += 1;
    const hot = newHotKey(this.ruleAt(slot), key, label, this.#lives, slot);
    this.#hot[index] = hot;
    this.table.linkHot(slot, index);
    return hot;
  }

  /** Changes one count of an entry. */
  protected add(slot: number, field: number, delta: number): void {
    const cells = this.table.cells;
    cells[slot + field] = (cells[slot + field] ?? 0) + delta;
    assert((cells[slot + field] ?? 0) >= 0, "a count is never negative");
  }

  #dropHot(slot: number): void {
    const index = this.table.hotOf(slot);
    const hot = this.#hot[index];
    if (hot === undefined) return;
    hot.slot = -1;
    this.#hot[index] = undefined;
    this.#freeHot.push(index);
    this.table.linkHot(slot, -1);
  }

  /**
   * Frees the record of a hot key that nobody waits for: a hand goes round, as in CLOCK page replacement. Hearsay
   * goes first, and leaves no floor. Or else a flood of claims elsewhere would push out what clients here have,
   * and its floors would have every other client here ask, and claim, and push out more, at every source there is.
   */
  #evictHot(now: EpochMs): number | undefined {
    let victim: HotKey | undefined;
    for (let tries = 0; tries < 64; tries += 1) {
      this.#hand = (this.#hand + 1) % this.#hot.length;
      const hot = this.#hot[this.#hand];
      if (hot === undefined || this.#isPinned(hot.slot, now)) continue;
      if (this.#isHearsay(hot)) {
        this.table.clear(hot.slot);
        return this.#freeHot.pop();
      }
      victim ??= hot;
    }
    if (victim === undefined) return undefined;
    this.table.remove(victim.slot, now);
    return this.#freeHot.pop();
  }

  /**
   * True for a key that was announced, but of which this source has nothing to tell. A source that forgets it is
   * as one that never heard the news: that costs accuracy, never the bound.
   */
  #isHearsay({ slot, outbox }: HotKey): boolean {
    const spent = this.spent(slot) + this.table.get(slot, PREVIOUS);
    return outbox.seq === 0 && outbox.reportAt === NEVER && spent === 0;
  }

  /** A request whose context died never comes back for what it holds: after two windows nothing is pinned. */
  #isPinned(slot: number, now: EpochMs): boolean {
    const inUse = this.table.get(slot, HELD) > 0 || this.hotAt(slot)?.outbox.busy === true;
    return inUse && !this.#isStale(slot, now);
  }

  #isStale(slot: number, now: EpochMs): boolean {
    return windowAt(this.gridAt(slot), now) - this.window(slot) > 1 && !this.isClaimed(slot, now);
  }

  /** True while silent credit is out of the question: the key is claimed, or barred for longer than its windows. */
  isClaimed(slot: number, now: EpochMs): boolean {
    const view = this.hotAt(slot)?.view;
    return view !== undefined && later(view.claimedUntil, view.penaltyUntil) > now;
  }

  #occupants(): Occupants {
    return {
      pinned: (slot, now) => this.#isPinned(slot, now),
      stale: (slot, now) => this.#isStale(slot, now),
      ended: (slot, now) => windowAt(this.gridAt(slot), now) > this.window(slot),
      claimed: (slot, now) => this.isClaimed(slot, now),
      legacy: (slot, now) => {
        const { limit, threshold, grace } = this.ruleAt(slot);
        // A claimed key has no silent credit: whoever returns has to ask. Of any other the silent credit it
        // still had is left: its count, and the floor that it began with itself. Measured from the rule's threshold,
        // not from an automatic one that may be higher again when the key comes back.
        if (this.isClaimed(slot, now)) return limit;
        return threshold - 1 + grace - (this.table.get(slot, CREDIT) - this.spent(slot));
      },
      legacyUntil: (slot) => {
        const end = windowEnd(this.gridAt(slot), this.window(slot));
        return later(end, this.hotAt(slot)?.view.penaltyUntil ?? NEVER);
      },
      forget: (slot) => this.#dropHot(slot),
    };
  }

  /** When the block that is believed for an entry ends, NEVER for none. */
  blockedUntil(slot: number, now: EpochMs): EpochMs {
    const hot = this.hotAt(slot);
    return hot === undefined ? NEVER : blockedUntil(hot.view, now);
  }

  /** True when no entry stands there, or its window is over and no block stands: people are not shown it. */
  isOver(slot: number, now: EpochMs): boolean {
    return !this.table.isTaken(slot) || (this.#hasEnded(slot, now) && this.blockedUntil(slot, now) <= now);
  }

  /** True when an entry's window is over; its next request begins another. */
  #hasEnded(slot: number, now: EpochMs): boolean {
    return windowAt(this.gridAt(slot), now) > this.window(slot);
  }

  /** The running window of an entry and what counts in it, as its next request would find it. */
  runningAt(slot: number, now: EpochMs): { readonly window: number; readonly used: number } {
    return this.#hasEnded(slot, now)
      ? { window: windowAt(this.gridAt(slot), now), used: 0 }
      : { window: this.window(slot), used: this.spent(slot) };
  }

  /** What an entry holds ahead of asking: in a window that is claimed all its credit that is not spent. */
  aheadAt(slot: number, now: EpochMs): number {
    const hot = this.hotAt(slot);
    if (hot === undefined || this.#hasEnded(slot, now) || !this.isClaimedIn(hot, this.window(slot))) return 0;
    return Math.max(0, this.table.get(slot, CREDIT) - this.spent(slot));
  }

  /** What a person is shown of the entries. */
  *entries(now: EpochMs): IterableIterator<EntryState> {
    for (const slot of this.table.slots()) {
      if (this.isOver(slot, now)) continue;
      const hot = this.hotAt(slot);
      const until = this.blockedUntil(slot, now);
      yield {
        slot,
        rule: this.ruleAt(slot).name,
        ...this.runningAt(slot, now),
        // Who is blocked has none, whatever his last window left him.
        credit: this.#hasEnded(slot, now) ? 0 : this.table.get(slot, CREDIT),
        ahead: this.aheadAt(slot, now),
        threshold: this.thresholdAt(slot, now),
        claimed: (hot?.view.claimedUntil ?? NEVER) > now,
        blockedUntil: until > now ? until : null,
      };
    }
  }

  /**
   * Brings a few records to `now`, as the next request of their keys would. Keys that never come back would keep
   * theirs until all places were taken; two looks for each new record keep those of the past fewer than the others.
   */
  #tidy(now: EpochMs): void {
    for (let looks = 0; looks < 2 && this.#hot.length > 0; looks += 1) {
      this.#broom = (this.#broom + 1) % this.#hot.length;
      const hot = this.#hot[this.#broom];
      if (hot !== undefined) this.roll(hot.slot, windowAt(this.gridAt(hot.slot), now), now);
    }
  }

  /** Every hot-key record. */
  *hotKeys(): IterableIterator<HotKey> {
    for (const hot of this.#hot) if (hot !== undefined) yield hot;
  }
}
