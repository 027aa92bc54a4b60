/**
 * Lists of addresses and ranges, and whether a client is in one. An address is its family and 128 bits here, IPv4 inside
 * IPv6 as `::ffff:a.b.c.d`, so that one order holds for both; ranges that touch are one, and a look is a bisection.
 *
 * The family keeps `::/8`, which lists of bogus networks have, and `::/0` from covering every IPv4 client.
 */
import type { ClientAddress } from "./address.ts";
import { isDottedIPv4, readDottedIPv6 } from "./address.ts";
import { isMapped } from "./ipv6.ts";

/** Words of 32 bits in an address here, the first one highest: its family, and 128 bits. */
const WORDS = 5;
const IPV4 = 4;
const IPV6 = 6;
/** Bits before an IPv4 address in `::ffff:a.b.c.d`. */
const MAPPED_BITS = 96;

/** The first and the last address of a range: five words of 32 bits each. */
export interface IpRange {
  readonly first: readonly number[];
  readonly last: readonly number[];
}

/**
 * Reads `192.0.2.7`, `192.0.2.0/24`, `2001:db8::1` or `2001:db8::/32`; what lies behind the prefix does not matter.
 * `undefined` for anything else: IPv4 in octal or short form is read differently by different readers.
 */
export function readIpRange(written: string): IpRange | undefined {
  const slash = written.indexOf("/");
  const text = slash < 0 ? written : written.slice(0, slash);
  const isIPv4 = isDottedIPv4(text);
  const groups = new Uint16Array(8);
  if (!readDottedIPv6(isIPv4 ? `::ffff:${text}` : text, groups)) return undefined;
  const bits = isIPv4 ? 32 : 128;
  const prefix = slash < 0 ? bits : readPrefix(written.slice(slash + 1), bits);
  if (prefix === undefined) return undefined;
  const words = wordsOf(groups);
  const kept = 128 - bits + prefix;
  const family = isMapped(groups) && kept >= MAPPED_BITS ? IPV4 : IPV6;
  const masks = words.map((_, at) => maskOf(kept - 32 * at));
  return {
    first: [family, ...words.map((word, at) => (word & (masks[at] ?? 0)) >>> 0)],
    last: [family, ...words.map((word, at) => (word | ~(masks[at] ?? 0)) >>> 0)],
  };
}

const readPrefix = (text: string, bits: number): number | undefined =>
  /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= bits ? Number(text) : undefined;

const wordsOf = (groups: ArrayLike<number>): number[] =>
  Array.from({ length: 4 }, (_, at) => (((groups[2 * at] ?? 0) << 16) | (groups[2 * at + 1] ?? 0)) >>> 0);

/** The upper `bits` of 32. */
const maskOf = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits));

function compare(a: ArrayLike<number>, aAt: number, b: ArrayLike<number>, bAt: number): number {
  for (let word = 0; word < WORDS; word++) {
    const difference = (a[aAt + word] ?? 0) - (b[bAt + word] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export class IpRanges {
  /** Ranges that do not overlap, in order: where each begins, and where it ends. */
  readonly #first: Uint32Array;
  readonly #last: Uint32Array;
  readonly #wanted = new Uint32Array(WORDS);
  /** The 128 bits of it. */
  readonly #address = this.#wanted.subarray(1);

  constructor(ranges: readonly IpRange[]) {
    const merged = merge(ranges);
    this.#first = Uint32Array.from(merged.flatMap(({ first }) => first));
    this.#last = Uint32Array.from(merged.flatMap(({ last }) => last));
  }

  get isEmpty(): boolean {
    return this.#first.length === 0;
  }

  /** Whether a client is in one of the ranges. One without an address is in none. */
  has(client: ClientAddress): boolean {
    if (!client.writeInto(this.#address)) return false;
    this.#wanted[0] = client.bytes === 4 ? IPV4 : IPV6;
    let low = 0;
    let high = this.#first.length / WORDS;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#first, middle * WORDS, this.#wanted, 0) <= 0) low = middle + 1;
      else high = middle;
    }
    return low > 0 && compare(this.#wanted, 0, this.#last, (low - 1) * WORDS) <= 0;
  }
}

/** The same addresses as ranges that do not overlap, in order. */
function merge(ranges: readonly IpRange[]): readonly IpRange[] {
  const merged: IpRange[] = [];
  for (const range of ranges.slice().sort((a, b) => compare(a.first, 0, b.first, 0))) {
    const before = merged.at(-1);
    if (before === undefined || compare(range.first, 0, before.last, 0) > 0) merged.push(range);
    else if (compare(range.last, 0, before.last, 0) > 0)
      merged[merged.length - 1] = { first: before.first, last: range.last };
  }
  return merged;
}
