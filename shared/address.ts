/**
 * A client's address in one spelling. One client must have one, or each spelling is another quota; many clients
 * must not share one, or one of them blocks the others. So IPv4 inside IPv6 counts as that IPv4, and IPv6 counts
 * per /64: that much is handed to a single customer, who can use any address in it.
 */
import ipaddr from "ipaddr.js";
import type { Message } from "./hash.ts";
import { isMapped, readIPv6 } from "./ipv6.ts";

/** Longest header that can be an address: 45 characters of IPv6 with a dotted tail, a zone id, some blanks. */
const ADDRESS_TEXT_MAX = 128;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** The groups of the IPv6 address that is being read. */
const groups = new Uint16Array(8);
/** The IPv4 address that was read last: its first octet lowest. */
let dotted = 0;

/** Reads four decimal numbers below 256 without leading zeros, and nothing else, into `dotted`. */
function readDotted(text: string, start: number): boolean {
  let address = 0;
  let shift = 0;
  let digits = 0;
  let octet = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (!isOctet(octet, digits) || shift === 24) return false;
      address |= octet << shift;
      shift += 8;
      digits = 0;
      octet = 0;
    } else {
      if (code < ZERO || code > NINE || digits === 3) return false;
      octet = octet * 10 + code - ZERO;
      digits++;
    }
  }
  if (!isOctet(octet, digits) || shift !== 24) return false;
  dotted = address | (octet << 24);
  return true;
}

/** Whether a text is an IPv4 address as everyone writes it. */
export const isDottedIPv4 = (text: string): boolean => readDotted(text, 0);

/**
 * Reads an IPv6 address as anyone may write it, without a zone, into `into`. A dotted tail must be as plain as an IPv4
 * alone. ipaddr.js would read `::ffff:0177.0.0.1` as octal, and `::1.2.3.4` as another address than `::102:304`.
 */
export function readDottedIPv6(text: string, into: Uint16Array): boolean {
  if (!text.includes(".")) return readIPv6(text, into);
  const tail = text.lastIndexOf(":") + 1;
  if (tail === 0 || !readDotted(text, tail)) return false;
  const hex = (half: number): string => swapped(half).toString(16);
  return readIPv6(`${text.slice(0, tail)}${hex(dotted & 0xffff)}:${hex(dotted >>> 16)}`, into);
}

/** The two bytes of a group, the other way round. */
const swapped = (group: number): number => ((group & 0xff) << 8) | (group >>> 8);

/** Whether so many digits, three at most, are a number below 256 as it is written: without zeros before it. */
const isOctet = (value: number, digits: number): boolean =>
  digits === 1 || (digits === 2 && value >= 10) || (digits === 3 && value >= 100 && value < 256);

/**
 * A client's address, read straight from a header's characters, and as the few bytes that it is counted under. One is
 * reused for every request: reading allocates nothing for an address as the platform writes it.
 */
export class ClientAddress implements Message {
  readonly words = new Int32Array(4);
  /** 4 of an IPv4 address, the first 8 of an IPv6 one, 0 for none: what is hashed is told apart by its length, too. */
  bytes: 0 | 4 | 8 = 0;

  /**
   * Reads a `CF-Connecting-IP` header. It is no address when there is no header, or a list, a port, brackets, or
   * IPv4 in octal, hex or short form, which different readers take for different addresses. Never throws.
   */
  read(header: string | null): this {
    if (header !== null && header.length <= ADDRESS_TEXT_MAX) {
      if (readDotted(header, 0)) return this.#set4(dotted);
      if (readIPv6(header, groups) && !isMapped(groups)) return this.#set6(groups);
      if (this.#readOther(header.trim())) return this;
    }
    this.bytes = 0;
    return this;
  }

  /** The same, kept while this one reads others. */
  copy(): ClientAddress {
    const copy = new ClientAddress();
    copy.words.set(this.words);
    copy.bytes = this.bytes;
    return copy;
  }

  /** What the client is counted under where the first `prefix` bits of an IPv6 address, 32 to 128, are one client. */
  under(prefix: number): Message {
    if (prefix === 64 || this.bytes !== 8) return this;
    const words = this.words.map((word, at) => word & maskOf(prefix - 32 * at));
    return { words, bytes: prefix <= 64 ? 8 : 16 };
  }

  /** `203.0.113.9`, or `2001:db8:1:2::/64` as RFC 5952 writes it; `undefined` for none. */
  textUnder(prefix: number): string | undefined {
    const [low = 0] = this.words;
    switch (this.bytes) {
      case 4:
        return `${low & 0xff}.${(low >>> 8) & 0xff}.${(low >>> 16) & 0xff}.${low >>> 24}`;
      case 8: {
        const { words } =
          prefix === 64 ? { words: this.words.map((word, at) => (at < 2 ? word : 0)) } : this.under(prefix);
        const written = new ipaddr.IPv6(Array.from(words).flatMap((word) => [word & 0xffff, word >>> 16]));
        return `${written.toRFC5952String()}${prefix === 128 ? "" : `/${prefix}`}`;
      }
      default:
        return undefined;
    }
  }

  /** Writes the address as 128 bits, IPv4 as `::ffff:a.b.c.d`, the highest word first. False when there is none. */
  writeInto(out: Uint32Array): boolean {
    const { words } = this;
    if (this.bytes === 0) return false;
    if (this.bytes === 4) {
      const address = words[0] as number;
      out.fill(0);
      out[2] = 0xffff;
      out[3] = (address << 24) | ((address & 0xff00) << 8) | ((address >>> 8) & 0xff00) | (address >>> 24);
      return true;
    }
    for (let at = 0; at < 4; at++) {
      const word = words[at] as number;
      out[at] = (word << 16) | (word >>> 16);
    }
    return true;
  }

  #set4(address: number): this {
    this.words[0] = address;
    this.bytes = 4;
    return this;
  }

  #set6(parts: ArrayLike<number>): this {
    for (let at = 0; at < 4; at++)
      this.words[at] = (parts[2 * at] as number) | ((parts[2 * at + 1] as number) << 16);
    this.bytes = 8;
    return this;
  }

  /** Spellings that the platform does not write. */
  #readOther(text: string): boolean {
    if (!text.includes(":")) {
      if (!readDotted(text, 0)) return false;
      this.#set4(dotted);
      return true;
    }
    // A zone id names an interface of the host that wrote it; it says nothing of the client.
    const zone = text.indexOf("%");
    return this.#readOther6(zone === -1 ? text : text.slice(0, zone));
  }

  #readOther6(text: string): boolean {
    if (!readDottedIPv6(text, groups)) return false;
    if (!isMapped(groups)) this.#set6(groups);
    else this.#set4(swapped(groups[6] as number) | (swapped(groups[7] as number) << 16));
    return true;
  }
}

/** The bits of a word that are the first `bits` of an address: its first group is the lower half of the first word. */
function maskOf(bits: number): number {
  if (bits >= 32) return -1;
  if (bits <= 0) return 0;
  const first = bits >= 16 ? 0xffff : (0xffff << (16 - bits)) & 0xffff;
  const second = bits <= 16 ? 0 : (0xffff << (32 - bits)) & 0xffff;
  return first | (second << 16);
}

/** The canonical text of the address in a `CF-Connecting-IP` header; `undefined` when there is none. */
export const canonicalAddress = (header: string | null): string | undefined =>
  new ClientAddress().read(header).textUnder(64);
