/**
 * The credit table: one isolate's counts, in fixed memory. Open addressing in sets of SET_SIZE: a key may
 * stand anywhere in the one set its hash names, so a probe reads a few neighbouring cache lines and a flood
 * of keys replaces entries instead of growing.
 *
 * A replaced entry leaves its count behind as its set's *floor* until its window ends (as SpaceSaving does,
 * Metwally et al. 2005): a key that returns starts from the floor, so pushing an entry out gains nobody
 * silent credit. The floor only lowers silent credit; it is never reported to an owner, so no client is
 * blocked for another's requests.
 */
import { SET_SIZE, SETS } from "../limits.ts";
import { type EpochMs, NEVER } from "../time.ts";

/** Words of one entry; 36 bytes. Field offsets within an entry: */
export const TAG_HI = 0;
export const TAG_LO = 1;
/** Window index, wrapped to 32 bits: compare by difference. */
export const WINDOW = 2;
/** Cost admitted here in the window. */
export const OWN = 3;
/** Cost taken for requests that still wait for other rules. */
export const HELD = 4;
/** How far OWN + HELD may go without asking. */
export const CREDIT = 5;
/** OWN + HELD of the window before. */
export const PREVIOUS = 6;
/**
 * Lower half: index of the rule, plus one; 0 marks an empty place. Upper half: index of the hot key's record, plus
 * one; 0 for a key that never asked and was never announced. Read by `ruleOf` and `hotOf`.
 */
const LINKS = 7;
/** A number that no other entry had for the last 2³² that were made: an entry that comes back has another. */
export const BIRTH = 8;
const WORDS = 9;
const HALF = 16;
/** Rules, and records of hot keys, that the links can tell apart. */
export const LINKS_MAX = 2 ** HALF - 1;

export interface TableSize {
  readonly sets: number;
}

/** Judges which entry of a full set may go. The owner of the table knows rules, windows and pins. */
export interface Occupants {
  /** True while requests wait on the entry: it must stay. */
  pinned(slot: number, now: EpochMs): boolean;
  /** True when neither its window nor the one after it is running: it holds no news. */
  stale(slot: number, now: EpochMs): boolean;
  /** True when its window is over: its count limits nobody any more. */
  ended(slot: number, now: EpochMs): boolean;
  /** True while its owner is known to count for everyone. */
  claimed(slot: number, now: EpochMs): boolean;
  /** The count that the entry leaves behind: no silent credit may undercut it until its window's end. */
  legacy(slot: number, now: EpochMs): number;
  /** When that ends. */
  legacyUntil(slot: number, now: EpochMs): EpochMs;
  /** The entry is being removed. */
  forget(slot: number): void;
}

export class CreditTable {
  /** Entry `slot` begins at word `slot`; slots are multiples of the entry's words. */
  readonly cells: Int32Array;
  readonly #sets: number;
  /** All bits of a set's number when there is a power of two of them; −1 otherwise. */
  readonly #mask: number;
  readonly #seed: number;
  readonly #floorCount: Int32Array;
  readonly #floorUntil: Float64Array;
  readonly #occupants: Occupants;
  /** Entries replaced while they still counted. */
  replacements = 0;
  /** Entries that stand in the table. */
  size = 0;
  #births = 0;

  /** @param seed 32 random bits of this isolate: nobody outside can aim keys at one set. */
  constructor(occupants: Occupants, seed: number, size: TableSize = { sets: SETS }) {
    this.#sets = size.sets;
    this.#mask = (size.sets & (size.sets - 1)) === 0 ? size.sets - 1 : -1;
    this.#seed = seed | 0;
    this.#occupants = occupants;
    this.cells = new Int32Array(size.sets * SET_SIZE * WORDS);
    this.#floorCount = new Int32Array(size.sets);
    this.#floorUntil = new Float64Array(size.sets);
  }

  /** The slot of a key, or −1. */
  find(hi: number, lo: number): number {
    const first = this.#setOf(hi, lo) * SET_SIZE * WORDS;
    const cells = this.cells;
    for (let slot = first; slot < first + SET_SIZE * WORDS; slot += WORDS) {
      if (cells[slot + TAG_LO] === lo && cells[slot + TAG_HI] === hi && cells[slot + LINKS] !== 0)
        return slot;
    }
    return -1;
  }

  /**
   * Makes a place for a key that is not in the table: an empty one, else a stale one, else the least-used
   * unclaimed (by the floor that it would leave), else the least-used claimed. −1 when every entry of the set is waited for.
   */
  open(hi: number, lo: number, ruleIndex: number, now: EpochMs): number {
    const set = this.#setOf(hi, lo);
    const slot = this.#victim(set, now);
    if (slot < 0) return -1;
    if (this.isTaken(slot)) this.remove(slot, now);
    this.cells.fill(0, slot, slot + WORDS);
    this.cells[slot + TAG_HI] = hi;
    this.cells[slot + TAG_LO] = lo;
    this.cells[slot + LINKS] = ruleIndex + 1;
    this.size += 1;
    this.#births += 1;
    this.cells[slot + BIRTH] = this.#births;
    return slot;
  }

  /** Takes an entry out and keeps its count as the set's floor. */
  remove(slot: number, now: EpochMs): void {
    if (!this.#occupants.stale(slot, now)) {
      this.leaveFloor(slot, now);
      this.replacements += 1;
    }
    this.clear(slot);
  }

  /** Keeps an entry's count as the set's floor until its window ends. */
  leaveFloor(slot: number, now: EpochMs): void {
    const count = this.#occupants.legacy(slot, now);
    const until = this.#occupants.legacyUntil(slot, now);
    this.#raiseFloor(Math.floor(slot / (SET_SIZE * WORDS)), count, until, now);
  }

  /** Takes out an entry that leaves nothing behind. */
  clear(slot: number): void {
    this.#occupants.forget(slot);
    if (this.isTaken(slot)) this.size -= 1;
    this.cells[slot + LINKS] = 0;
  }

  /** How many entries fit in. */
  get capacity(): number {
    return this.#sets * SET_SIZE;
  }

  /** The count below which no new entry of this slot's set may start its silent credit. */
  floorOf(slot: number, now: EpochMs): number {
    const set = Math.floor(slot / (SET_SIZE * WORDS));
    return (this.#floorUntil[set] ?? 0) > now ? (this.#floorCount[set] ?? 0) : 0;
  }

  /** Reads one field of an entry. */
  get(slot: number, field: number): number {
    return this.cells[slot + field] ?? 0;
  }

  /** Whether an entry stands there. */
  isTaken(slot: number): boolean {
    return this.cells[slot + LINKS] !== 0;
  }

  /** Index of an entry's rule. */
  ruleOf(slot: number): number {
    return (this.get(slot, LINKS) & LINKS_MAX) - 1;
  }

  /** Index of an entry's hot-key record; −1 for none. */
  hotOf(slot: number): number {
    return (this.get(slot, LINKS) >>> HALF) - 1;
  }

  /** @param index −1 for none */
  linkHot(slot: number, index: number): void {
    this.cells[slot + LINKS] = ((index + 1) << HALF) | (this.get(slot, LINKS) & LINKS_MAX);
  }

  /** Every occupied slot, for inspection. */
  *slots(): IterableIterator<number> {
    for (let slot = 0; slot < this.cells.length; slot += WORDS) {
      if (this.isTaken(slot)) yield slot;
    }
  }

  #setOf(hi: number, lo: number): number {
    // The tag is already a keyed hash; one round of mixing with the isolate's seed spreads it anew.
    let x = lo ^ this.#seed;
    x = Math.imul(x ^ (x >>> 16), 0x45d9f3b) ^ hi;
    x = Math.imul(x ^ (x >>> 16), 0x45d9f3b);
    x ^= x >>> 16;
    return this.#mask >= 0 ? x & this.#mask : (x >>> 0) % this.#sets;
  }

  #victim(set: number, now: EpochMs): number {
    const first = set * SET_SIZE * WORDS;
    // Empty places are looked for first: to judge an entry takes its hot key, which is far away in memory.
    for (let slot = first; slot < first + SET_SIZE * WORDS; slot += WORDS)
      if (!this.isTaken(slot)) return slot;
    let best = -1;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let slot = first; slot < first + SET_SIZE * WORDS; slot += WORDS) {
      if (this.#occupants.pinned(slot, now)) continue;
      const rank = this.#rank(slot, now);
      if (rank < bestRank) {
        bestRank = rank;
        best = slot;
      }
    }
    return best;
  }

  /** Lower goes first. Counts are below 2^31, so claimed entries rank above every unclaimed one. */
  #rank(slot: number, now: EpochMs): number {
    if (this.#occupants.stale(slot, now)) return -1;
    // Last window's counts must not keep this window's keys out, or those replace one another in one place.
    if (this.#occupants.ended(slot, now) && !this.#occupants.claimed(slot, now)) return 0;
    const claimed = this.#occupants.claimed(slot, now);
    if (claimed) return 2 ** 32 + this.get(slot, OWN) + this.get(slot, HELD);
    // By what it leaves, the floor that it began with included: or else the newest entry would go next, and take
    // its floor along, and a few strangers would use up the credit of all who come to this set.
    return this.#occupants.legacy(slot, now);
  }

  #raiseFloor(set: number, count: number, until: EpochMs, now: EpochMs): void {
    if (until <= now) return;
    const standing = (this.#floorUntil[set] ?? NEVER) > now;
    this.#floorCount[set] = standing ? Math.max(this.#floorCount[set] ?? 0, count) : count;
    // The largest count stays until the last of the windows it may stand for has ended.
    this.#floorUntil[set] = standing ? Math.max(this.#floorUntil[set] ?? 0, until) : until;
  }
}
