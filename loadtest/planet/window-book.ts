/**
 * The book of a planet run: for each key and window how much was admitted, by which sources, and which isolates
 * saw the client at all. A key's last two windows stand open, as answers come late; a third closes the first.
 *
 * Most clients stay at one place: that place and a few bits are all that is kept of them.
 */

/** A window that is over. */
export interface ClosedWindow {
  readonly key: number;
  readonly window: number;
  readonly admitted: number;
  /** Entries that admitted: isolates, and those again whose entry was replaced in between. */
  readonly sources: number;
  /** Isolates that got a request of the client, whatever became of it. */
  readonly seenBy: readonly number[];
}

/** For clients that more than one place sees: parallel lists. */
interface Spread {
  readonly isolates: number[];
  /** The birth of the entry that admitted last; 0 for none. */
  readonly births: number[];
  reborn: number;
}

const NOWHERE = -1;
const SPREAD = -2;

/** Words of one window's record, all of which lie together. Field offsets: */
const WINDOW = 0;
const ADMITTED = 1;
/** Index of the only place that saw the client, NOWHERE or SPREAD. */
const PLACE = 2;
/** Bits of that place's isolates that saw the client. */
const SEEN = 3;
/** Entries that admitted, but were replaced and came back. */
const REBORN = 4;
/** For each isolate of the place the birth of the entry that admitted last, 0 for none. */
const BIRTHS = 5;

export class WindowBook {
  readonly #perPlace: number;
  readonly #closed: (window: ClosedWindow) => void;
  readonly #words: number;
  /** Two records of each key: of windows with even numbers, and with odd ones. */
  readonly #records: Int32Array;
  readonly #spread = new Map<number, Spread>();

  /**
   * @param keys how many there are
   * @param perPlace isolates of a place, at most 8: isolate `n` is at place ⌊n / perPlace⌋
   */
  constructor(keys: number, perPlace: number, closed: (window: ClosedWindow) => void) {
    this.#perPlace = perPlace;
    this.#closed = closed;
    this.#words = BIRTHS + perPlace;
    this.#records = new Int32Array(2 * keys * this.#words);
    for (let record = 0; record < this.#records.length; record += this.#words) this.#clear(record);
  }

  /** An isolate got a request of the client. */
  saw(key: number, window: number, isolate: number): void {
    this.#saw(this.#open(key, window), isolate);
  }

  #saw(record: number, isolate: number): void {
    const place = Math.floor(isolate / this.#perPlace);
    const known = this.#get(record, PLACE);
    if (known === NOWHERE) this.#records[record + PLACE] = place;
    if (known === NOWHERE || known === place) {
      const bit = 1 << (isolate - place * this.#perPlace);
      this.#records[record + SEEN] = this.#get(record, SEEN) | bit;
      return;
    }
    const { isolates, births } = this.#spreadOf(record);
    if (isolates.includes(isolate)) return;
    isolates.push(isolate);
    births.push(0);
  }

  /** An isolate admitted one of the client's requests in that window, on the entry of this birth. */
  admitted(key: number, window: number, isolate: number, birth: number): void {
    const record = this.#open(key, window);
    this.#saw(record, isolate);
    this.#records[record + ADMITTED] = this.#get(record, ADMITTED) + 1;
    if (this.#get(record, PLACE) === SPREAD) {
      const spread = this.#spreadOf(record);
      const at = spread.isolates.indexOf(isolate);
      if (isOther(spread.births[at] as number, birth)) spread.reborn += 1;
      spread.births[at] = birth;
      return;
    }
    const field = BIRTHS + (isolate % this.#perPlace);
    if (isOther(this.#get(record, field), birth))
      this.#records[record + REBORN] = this.#get(record, REBORN) + 1;
    this.#records[record + field] = birth;
  }

  /** Closes all that is open: the run is over. */
  end(): void {
    for (let record = 0; record < this.#records.length; record += this.#words) this.#close(record);
  }

  /** Which isolates saw the client in a window that is still open. */
  seenBy(key: number, window: number): readonly number[] {
    const record = this.#recordOf(key, window);
    return this.#get(record, WINDOW) === window ? this.#seenBy(record) : [];
  }

  /** Reads what the other methods will. The number has no meaning. */
  look(key: number): number {
    return this.#get(this.#recordOf(key, 0), WINDOW) + this.#get(this.#recordOf(key, 1), WINDOW);
  }

  #get(record: number, field: number): number {
    return this.#records[record + field] as number;
  }

  #recordOf(key: number, window: number): number {
    return (2 * key + (window & 1)) * this.#words;
  }

  #open(key: number, window: number): number {
    const record = this.#recordOf(key, window);
    const open = this.#get(record, WINDOW);
    if (open === window) return record;
    if (open > window) throw new RangeError(`window ${window} of key ${key} is closed`);
    this.#close(record);
    this.#records[record + WINDOW] = window;
    return record;
  }

  #close(record: number): void {
    const window = this.#get(record, WINDOW);
    if (window === -1) return;
    const spread = this.#spread.get(record);
    const births = spread?.births ?? this.#records.subarray(record + BIRTHS, record + this.#words);
    let sources = spread?.reborn ?? this.#get(record, REBORN);
    for (const birth of births) if (birth !== 0) sources += 1;
    this.#closed({
      key: Math.floor(record / (2 * this.#words)),
      window,
      admitted: this.#get(record, ADMITTED),
      sources,
      seenBy: this.#seenBy(record),
    });
    this.#clear(record);
    this.#spread.delete(record);
  }

  #clear(record: number): void {
    this.#records.fill(0, record, record + this.#words);
    this.#records[record + WINDOW] = -1;
    this.#records[record + PLACE] = NOWHERE;
  }

  #seenBy(record: number): readonly number[] {
    const spread = this.#spread.get(record);
    if (spread !== undefined) return spread.isolates;
    const isolates: number[] = [];
    const first = this.#get(record, PLACE) * this.#perPlace;
    const seen = this.#get(record, SEEN);
    for (let at = 0; at < this.#perPlace; at += 1) if ((seen & (1 << at)) !== 0) isolates.push(first + at);
    return isolates;
  }

  /** A second place sees the client: from here on lists are kept. */
  #spreadOf(record: number): Spread {
    const known = this.#spread.get(record);
    if (known !== undefined) return known;
    const isolates = [...this.#seenBy(record)];
    const births = isolates.map((isolate) => this.#get(record, BIRTHS + (isolate % this.#perPlace)));
    const spread = { isolates, births, reborn: this.#get(record, REBORN) };
    this.#spread.set(record, spread);
    this.#records[record + PLACE] = SPREAD;
    return spread;
  }
}

const isOther = (known: number, birth: number): boolean => known !== 0 && known !== birth;
