/**
 * What a rule counts by: a client's address in one spelling, its text in a rule, and the hash of that text.
 *
 * One client must have one spelling, or each spelling is another quota; many clients must not share one, or
 * one of them blocks the others. So IPv4 inside IPv6 counts as that IPv4, and IPv6 counts per /64: that much
 * is handed to a single customer, who can use any address in it.
 */
import ipaddr from "ipaddr.js";
import { halfSipHash64, hex64 } from "./hash.ts";
import { isMapped, readIPv6 } from "./ipv6.ts";
import type { KeyHash } from "./protocol/messages.ts";
import type { Rule } from "./rule.ts";

/** Longest header that can be an address: 45 characters of IPv6 with a dotted tail, a zone id, some blanks. */
const ADDRESS_TEXT_MAX = 128;
/** The key of all requests without a usable address: they share one quota, which is neither a free pass nor a 500. */
const UNKNOWN_ADDRESS = "unknown";

/** Whether `text` from `start` on is four decimal numbers below 256 without leading zeros, and nothing else. */
function isDottedIPv4(text: string, start: number): boolean {
  let parts = 1;
  let digits = 0;
  let value = 0;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (digits === 0 || ++parts > 4) return false;
      digits = value = 0;
    } else {
      if (code < 0x30 || code > 0x39 || (digits > 0 && value === 0)) return false;
      value = value * 10 + code - 0x30;
      digits++;
      if (value > 255) return false;
    }
  }
  return parts === 4 && digits > 0;
}

/** The /64 of an IPv6 address, as RFC 5952 writes it: the low half is zero and always the longest run. */
function prefix64(groups: ArrayLike<number>): string {
  let length = 4;
  while (length > 0 && groups[length - 1] === 0) length--;
  let text = "";
  for (let at = 0; at < length; at++) text += `${at === 0 ? "" : ":"}${(groups[at] ?? 0).toString(16)}`;
  return `${text}::/64`;
}

/** The groups of the address that is being read. */
const groups = new Uint16Array(8);

function canonicalIPv6(text: string): string | undefined {
  if (readIPv6(text, groups) && !isMapped(groups)) return prefix64(groups);
  // ipaddr.js would read `::ffff:0177.0.0.1` as octal; a dotted tail must be as plain as an IPv4 alone.
  if (text.includes(".") && !isDottedIPv4(text, text.lastIndexOf(":") + 1)) return undefined;
  if (!ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : prefix64(address.parts);
}

/**
 * The canonical text of the address in a `CF-Connecting-IP` header: `203.0.113.9`, or `2001:db8:1:2::/64`.
 * `undefined` when there is none: no header, a list, a port, brackets, or IPv4 in octal, hex or short form,
 * which different readers take for different addresses. Never throws.
 */
export function canonicalAddress(header: string | null): string | undefined {
  if (header === null || header.length > ADDRESS_TEXT_MAX) return undefined;
  if (isDottedIPv4(header, 0)) return header;
  const text = header.trim();
  if (!text.includes(":")) return isDottedIPv4(text, 0) ? text : undefined;
  // A zone id names an interface of the host that wrote it; it says nothing of the client.
  const zone = text.indexOf("%");
  return canonicalIPv6(zone === -1 ? text : text.slice(0, zone));
}

/** The readable key of a request under `rule`: `ip=203.0.113.9`. `address` as `canonicalAddress` returns it. */
export function keyText(rule: Pick<Rule, "key">, address: string | undefined): string {
  const [part] = rule.key;
  return `${part}=${address ?? UNKNOWN_ADDRESS}`;
}

/** Words of secret material a `KeyHasher` takes: 256 bits, such as the SHA-256 of `KEY_SECRET`. */
export const SECRET_WORDS = 8;

/**
 * Hashes key texts under one rule, the same in every isolate of a deployment. Hashes of one client under two
 * rules (or two versions of one) tell nothing of each other: the keys are derived from the rule's version.
 */
export class KeyHasher {
  readonly #tagKey = new Int32Array(2);
  readonly #restKey = new Int32Array(2);
  readonly #tag = new Int32Array(2);
  readonly #rest = new Int32Array(2);

  /** `secret`: at least `SECRET_WORDS` 32-bit words. `version`: the rule's. */
  constructor(secret: Readonly<ArrayLike<number>>, version: string) {
    if (secret.length < SECRET_WORDS)
      throw new RangeError(`a key secret has ${SECRET_WORDS} words of 32 bits`);
    deriveKey(secret, 0, `tag.${version}`, this.#tagKey);
    deriveKey(secret, 4, `rest.${version}`, this.#restKey);
  }

  /** The tag that `tag` or `hash` computed last: its first 32 bits, signed. */
  get hi(): number {
    return this.#tag[0] ?? 0;
  }
  /** The tag that `tag` or `hash` computed last: its last 32 bits, signed. */
  get lo(): number {
    return this.#tag[1] ?? 0;
  }

  /** Computes the 64-bit tag of `text` into `hi` and `lo`. Allocates nothing. */
  tag(text: string): void {
    halfSipHash64(this.#tagKey[0] ?? 0, this.#tagKey[1] ?? 0, text, this.#tag);
  }

  /** The 128 bits that name the owner, as 32 hex digits; the first 16 are the tag, left in `hi` and `lo` too. */
  hash(text: string): KeyHash {
    this.tag(text);
    halfSipHash64(this.#restKey[0] ?? 0, this.#restKey[1] ?? 0, text, this.#rest);
    return hex64(this.hi, this.lo) + hex64(this.#rest[0] ?? 0, this.#rest[1] ?? 0);
  }
}

/**
 * A key from four secret words: two hashes under independent keys, joined so that all four count. Their texts
 * differ, or a secret that repeats itself would cancel out and leave a key of zero.
 */
function deriveKey(secret: Readonly<ArrayLike<number>>, from: number, text: string, out: Int32Array): void {
  const other = new Int32Array(2);
  halfSipHash64(secret[from] ?? 0, secret[from + 1] ?? 0, `${text}.0`, out);
  halfSipHash64(secret[from + 2] ?? 0, secret[from + 3] ?? 0, `${text}.1`, other);
  for (let i = 0; i < 2; i++) out[i] = (out[i] ?? 0) ^ (other[i] ?? 0);
}

/** The tag in a key hash, as two signed 32-bit numbers: what an announcement's key is looked up by. */
export const tagOf = (key: KeyHash): { hi: number; lo: number } => ({
  hi: wordAt(key, 0),
  lo: wordAt(key, 8),
});

/** The 32 bits of the eight hex digits from `start` on. Every source does this for all news of the world. */
function wordAt(hex: string, start: number): number {
  let word = 0;
  for (let i = start; i < start + 8; i++) {
    const code = hex.charCodeAt(i);
    // Digits have 0x3 in the upper half of their code, letters 0x4 or 0x6, and "a" is 1 in the lower half.
    word = (word << 4) | ((code & 0xf) + (code > 0x39 ? 9 : 0));
  }
  return word;
}
