/**
 * Holds one pattern against paths in a reading, in one walk along the path: a set of states, one for each character of
 * the pattern that may come next, is moved on by every character of the path, 32 states at a time. Nothing is tried
 * twice, whatever the path, so the work is at most |path| × |pattern| ÷ 32.
 *
 * State i, with what it waits for; the last one waits for nothing:
 *
 *     "/"      "a"      [^/]              "/"
 *   0 ────► 1 ────► 2 ────► 3 ──────────────► 4        /a:name/*
 *                           ⟲ [^/]            ⟲ any
 */
import { ANY, GLOBSTAR, isLiteral, NAME, SEGMENTS } from "./path-pattern.ts";

export type PathTest = (path: string) => boolean;

const SLASH = 0x2f;
/** Readings are ASCII. */
const CODES = 128;
const BITS = 32;

/** Whether a path, in a reading, is one of a pattern's. What it returns allocates nothing and never throws. */
export function pathTest(segments: readonly string[]): PathTest {
  const wild = segments.findIndex((segment) => !isLiteral(segment));
  const text = `/${segments.join("/")}`;
  if (wild === -1) return (path) => path === text;
  if (wild === segments.length - 1 && segments[wild] === GLOBSTAR) {
    const base = text.slice(0, -2);
    return (path) =>
      path.startsWith(base) && (path.length === base.length || path.charCodeAt(base.length) === SLASH);
  }
  const automaton = new Automaton(segments);
  return (path) => automaton.accepts(path);
}

class Automaton {
  /** What every path of the pattern begins with; states up to its end are passed at once. */
  readonly #beginning: string;
  readonly #words: number;
  /** For each character its row in `#moves`; those that the pattern does not have share one, `/` has one of its own. */
  readonly #rowOf = new Uint8Array(CODES);
  /** For each row: the states that go on to the next with such a character. */
  readonly #moves: Int32Array;
  /** The states that stay with any character; with any but `/`. */
  readonly #stayAny: Int32Array;
  readonly #stay: Int32Array;
  /** States in `**` with a `/` before and behind: when they are reached, the `/` may be both. */
  readonly #shares: Int32Array;
  readonly #accepting: Int32Array;
  readonly #initial: Int32Array;
  readonly #states: Int32Array;

  constructor(segments: readonly string[]) {
    /** What each state waits for: a character, or `NAME` for one that is no `/`. */
    const awaited: string[] = [];
    const any: number[] = [];
    const name: number[] = [];
    const shares: number[] = [];
    const accepting: number[] = [];
    segments.forEach((segment, at) => {
      awaited.push("/");
      for (const character of segment) {
        const state = awaited.length;
        if (character === ANY || character === SEGMENTS || character === GLOBSTAR) any.push(state);
        if (character === NAME || character === SEGMENTS) awaited.push(NAME);
        if (character === NAME) name.push(state + 1);
        if (character === GLOBSTAR) (at === segments.length - 1 ? accepting : shares).push(state);
        if (isLiteral(character)) awaited.push(character);
      }
    });
    // The `/` before a last `**` need not be there.
    accepting.push(...accepting.map((state) => state - 1), awaited.length);

    this.#words = Math.floor(awaited.length / BITS) + 1;
    this.#stayAny = this.#setOf(any);
    this.#stay = this.#setOf([...any, ...name]);
    this.#shares = this.#setOf(shares);
    this.#accepting = this.#setOf(accepting);
    const start = Math.min(...any, awaited.indexOf(NAME) === -1 ? awaited.length : awaited.indexOf(NAME));
    this.#beginning = awaited.slice(0, start).join("");
    this.#initial = this.#setOf(shares.includes(start) ? [start, start + 1] : [start]);
    this.#states = new Int32Array(this.#words);
    const rows = [
      "",
      "/",
      ...new Set(awaited.filter((character) => character !== "/" && character !== NAME)),
    ];
    this.#moves = Int32Array.from(
      rows.flatMap((row) =>
        Array.from(
          this.#setOf(
            awaited.flatMap((wanted, state) =>
              wanted === row || (wanted === NAME && row !== "/") ? [state] : [],
            ),
          ),
        ),
      ),
    );
    rows.forEach((character, row) => {
      if (row > 0) this.#rowOf[character.charCodeAt(0)] = row;
    });
  }

  #setOf(states: readonly number[]): Int32Array {
    const set = new Int32Array(this.#words);
    for (const state of states) set[state >>> 5] = (set[state >>> 5] ?? 0) | (1 << (state & 31));
    return set;
  }

  accepts(path: string): boolean {
    if (!path.startsWith(this.#beginning)) return false;
    if (this.#words === 1) return this.#acceptsInOneWord(path);
    const states = this.#states;
    states.set(this.#initial);
    for (let at = this.#beginning.length; at < path.length; at++)
      if (!this.#move(path.charCodeAt(at))) return false;
    for (let at = 0; at < states.length; at++)
      if (((states[at] as number) & (this.#accepting[at] as number)) !== 0) return true;
    return false;
  }

  /** The same for patterns of up to 31 characters, which most are: three times as fast. */
  #acceptsInOneWord(path: string): boolean {
    const rowOf = this.#rowOf;
    const moves = this.#moves;
    const stayAny = this.#stayAny[0] as number;
    const stay = this.#stay[0] as number;
    const shares = this.#shares[0] as number;
    let states = this.#initial[0] as number;
    for (let at = this.#beginning.length; at < path.length; at++) {
      const code = path.charCodeAt(at);
      const moved = (states & (moves[rowOf[code] ?? 0] as number)) << 1;
      if (code === SLASH) {
        states = moved | (states & stayAny);
        states |= (states & shares) << 1;
      } else states = moved | (states & stay);
      if (states === 0) return false;
    }
    return (states & (this.#accepting[0] as number)) !== 0;
  }

  /** Moves all states on by one character; false when none is left. */
  #move(code: number): boolean {
    const states = this.#states;
    const isSlash = code === SLASH;
    const stay = isSlash ? this.#stayAny : this.#stay;
    const row = (this.#rowOf[code] ?? 0) * this.#words;
    /** The highest state of a word goes on to the lowest of the next one. */
    let carry = 0;
    let shared = 0;
    let left = 0;
    for (let at = 0; at < states.length; at++) {
      const word = states[at] as number;
      const moved = word & (this.#moves[row + at] as number);
      let next = (moved << 1) | carry | (word & (stay[at] as number));
      carry = moved >>> 31;
      if (isSlash) {
        next |= shared;
        const sharing = next & (this.#shares[at] as number);
        shared = sharing >>> 31;
        next |= sharing << 1;
      }
      states[at] = next;
      left |= next;
    }
    return left !== 0;
  }
}
