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

/** Whether so many digits, three at most, are a number below 256 as it is written: without zeros before it. */
const isOctet = (value: number, digits: number): boolean =>
  digits === 1 || (digits === 2 && value >= 10) || (digits === 3 && value >= 100 && value < 256);

/**
 * A client's address as the few bytes that it is counted under, read straight from a header's characters. One is
 * reused for every request: reading allocates nothing for an address as the platform writes it.
 */
export class ClientAddress implements Message {
  readonly words = new Int32Array(2);
  /** 4 of an IPv4 address, 8 of an IPv6 one, 0 for none: what is hashed is told apart by its length, too. */
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

  /** `203.0.113.9`, or `2001:db8:1:2::/64` as RFC 5952 writes it; `undefined` for none. */
  get text(): string | undefined {
    const [low = 0, high = 0] = this.words;
    switch (this.bytes) {
      case 4:
        return `${low & 0xff}.${(low >>> 8) & 0xff}.${(low >>> 16) & 0xff}.${low >>> 24}`;
      case 8:
        return prefix64([low & 0xffff, low >>> 16, high & 0xffff, high >>> 16]);
      default:
        return undefined;
    }
  }

  #set4(address: number): this {
    this.words[0] = address;
    this.bytes = 4;
    return this;
  }

  #set6(parts: ArrayLike<number>): this {
    this.words[0] = (parts[0] ?? 0) | ((parts[1] ?? 0) << 16);
    this.words[1] = (parts[2] ?? 0) | ((parts[3] ?? 0) << 16);
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
    // ipaddr.js would read `::ffff:0177.0.0.1` as octal; a dotted tail must be as plain as an IPv4 alone.
    if (text.includes(".") && !readDotted(text, text.lastIndexOf(":") + 1)) return false;
    if (!ipaddr.IPv6.isValid(text)) return false;
    const address = ipaddr.IPv6.parse(text);
    if (address.isIPv4MappedAddress()) {
      readDotted(address.toIPv4Address().toString(), 0);
      this.#set4(dotted);
    } else this.#set6(address.parts);
    return true;
  }
}

/** The /64 of an IPv6 address from its first four groups: the low half is zero and always the longest run. */
function prefix64(parts: readonly number[]): string {
  let length = 4;
  while (length > 0 && parts[length - 1] === 0) length--;
  const written = parts.slice(0, length).map((part) => part.toString(16));
  return `${written.join(":")}::/64`;
}

/** The canonical text of the address in a `CF-Connecting-IP` header; `undefined` when there is none. */
export const canonicalAddress = (header: string | null): string | undefined =>
  new ClientAddress().read(header).text;
