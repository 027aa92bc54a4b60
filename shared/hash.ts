/**
 * HalfSipHash-2-4 with 64 bits of output: SipHash's sibling for 32-bit arithmetic (Aumasson and Bernstein,
 * https://github.com/veorq/SipHash, halfsiphash.c). A keyed hash, because whoever could predict slots could
 * fill one set of the credit table; this one, because it needs no BigInt and no allocation.
 */

/** What is hashed: `bytes` bytes, four to a word, the first one lowest. What lies beyond them in the words is not read. */
export interface Message {
  words: Int32Array;
  bytes: number;
}

/**
 * Hashes a message under the 64-bit key (`k0`, `k1`), each the key's 32-bit words read little-endian, into
 * `out[0]` (the first four bytes of the reference's output, little-endian) and `out[1]` (the last four).
 */
export function halfSipHash64(k0: number, k1: number, message: Message, out: Int32Array | Uint32Array): void {
  const { words, bytes } = message;
  const whole = bytes >> 2;
  const left = bytes & 3;
  // The block after the last whole word: the bytes that are left, and the length modulo 256.
  const last = (bytes << 24) | (left === 0 ? 0 : (words[whole] ?? 0) & ((1 << (8 * left)) - 1));
  let v0 = k0 | 0;
  let v1 = k1 ^ 0xee;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  // Two rounds for each block, then twice four to finish. One loop, so that the state stays in registers.
  for (let turn = 0; turn <= whole + 4; turn++) {
    const word = turn < whole ? (words[turn] ?? 0) : turn === whole ? last : 0;
    v3 ^= word;

    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);

    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);

    v0 ^= word;
    if (turn === whole) v2 ^= 0xee;
    if (turn === whole + 2) {
      out[0] = v1 ^ v3;
      v1 ^= 0xdd;
    }
  }
  out[1] = v1 ^ v3;
}

/** A text as a message: its UTF-16 code units, little-endian. Anything may be in it, lone surrogates too. */
export function textMessage(text: string): Message {
  const words = new Int32Array((text.length + 1) >> 1);
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    words[at >> 1] = (words[at >> 1] ?? 0) | (at % 2 === 0 ? unit : unit << 16);
  }
  return { words, bytes: 2 * text.length };
}

/** A 32-bit number, signed or not, as 8 hex digits. */
export const hex32 = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");

/** Two 32-bit numbers as 16 hex digits. */
export const hex64 = (high: number, low: number): string => hex32(high) + hex32(low);
