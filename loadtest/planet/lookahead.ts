/**
 * Reads a stream a few requests ahead, and looks at what each of them will need before the first is sent. A planet
 * does not fit in a processor's cache: every request comes to another isolate and another client, and waits for
 * memory a dozen times. Memory answers many questions at once as fast as one, if they are asked together.
 */
import type { Isolate } from "./isolate.ts";
import type { PlanetKeys } from "./planet-keys.ts";
import type { Stream } from "./stream.ts";
import type { WindowBook } from "./window-book.ts";

const AHEAD = 16;

export class Lookahead {
  /** The request that it is at: ms since the stream's beginning, the key, and the isolate's index. */
  at = 0;
  key = 0;
  isolate = 0;
  /** What was seen of memory: kept, so that looking is no idle work. */
  seen = 0;
  readonly #stream: Stream;
  readonly #keys: PlanetKeys;
  readonly #book: WindowBook;
  readonly #isolates: readonly Isolate[];
  readonly #perPlace: number;
  readonly #ats = new Float64Array(AHEAD);
  readonly #keysAhead = new Int32Array(AHEAD);
  readonly #isolatesAhead = new Int32Array(AHEAD);
  readonly #his = new Int32Array(AHEAD);
  readonly #los = new Int32Array(AHEAD);
  #next = 0;
  #size = 0;

  constructor(
    stream: Stream,
    keys: PlanetKeys,
    book: WindowBook,
    isolates: readonly Isolate[],
    perPlace: number,
  ) {
    this.#stream = stream;
    this.#keys = keys;
    this.#book = book;
    this.#isolates = isolates;
    this.#perPlace = perPlace;
  }

  /** Goes on to the next request; false when there is none. */
  next(): boolean {
    if (this.#next === this.#size) this.#fill();
    if (this.#size === 0) return false;
    const at = this.#next;
    this.at = this.#ats[at] as number;
    this.key = this.#keysAhead[at] as number;
    this.isolate = this.#isolatesAhead[at] as number;
    this.#next += 1;
    return true;
  }

  #fill(): void {
    const stream = this.#stream;
    let size = 0;
    while (size < AHEAD && stream.next()) {
      this.#ats[size] = stream.at;
      this.#keysAhead[size] = this.#keys.keyOf(stream.client, stream.path);
      this.#isolatesAhead[size] = stream.place * this.#perPlace + stream.isolate;
      size += 1;
    }
    this.#size = size;
    this.#next = 0;
    this.#look();
  }

  /** A loop for each step: what one iteration looks at does not depend on what another found. */
  #look(): void {
    let seen = 0;
    for (let at = 0; at < this.#size; at += 1) {
      const key = this.#keysAhead[at] as number;
      seen += this.#keys.look(key) + this.#book.look(key);
      seen += this.#isolates[this.#isolatesAhead[at] as number]?.look() ?? 0;
    }
    for (let at = 0; at < this.#size; at += 1) {
      const { hi, lo } = this.#keys.tagged(this.#keysAhead[at] as number);
      this.#his[at] = hi;
      this.#los[at] = lo;
    }
    for (let at = 0; at < this.#size; at += 1) {
      const { source } = this.#isolates[this.#isolatesAhead[at] as number] as Isolate;
      seen += source.table.find(this.#his[at] as number, this.#los[at] as number);
    }
    this.seen = seen;
  }
}
