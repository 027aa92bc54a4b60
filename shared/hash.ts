/**
 * HalfSipHash-2-4 with 64 bits of output: SipHash's sibling for 32-bit arithmetic (Aumasson and Bernstein,
 * https://github.com/veorq/SipHash, halfsiphash.c). A keyed hash, because whoever could predict slots could
 * fill one set of the credit table; this one, because it needs no BigInt, no bytes and no allocation.
 *
 * Text goes in as its UTF-16 code units, little-endian: equal to the reference over UTF-16LE bytes.
 */

/** The block after the last whole pair of units: a last odd unit and the length in bytes, modulo 256. */
const lastBlock = (text: string): number =>
  ((text.length * 2) << 24) | (text.length % 2 === 1 ? text.charCodeAt(text.length - 1) : 0);

/**
 * Hashes `text` under the 64-bit key (`k0`, `k1`), each the key's 32-bit words read little-endian, into
 * `out[0]` (the first four bytes of the reference's output, little-endian) and `out[1]` (the last four).
 */
export function halfSipHash64(k0: number, k1: number, text: string, out: Int32Array | Uint32Array): void {
  const whole = text.length >> 1;
  let v0 = k0 | 0;
  let v1 = k1 ^ 0xee;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  // Two rounds for each block, then twice four to finish. One loop, so that the state stays in registers.
  for (let block = 0; block <= whole + 2; block++) {
    let word = 0;
    if (block < whole) word = text.charCodeAt(2 * block) | (text.charCodeAt(2 * block + 1) << 16);
    else if (block === whole) word = lastBlock(text);
    v3 ^= word;
    for (let rounds = block <= whole ? 2 : 4; rounds > 0; rounds--) {
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
    }
    v0 ^= word;
    if (block === whole) v2 ^= 0xee;
    if (block === whole + 1) {
      out[0] = v1 ^ v3;
      v1 ^= 0xdd;
    }
  }
  out[1] = v1 ^ v3;
}

/** A 32-bit number, signed or not, as 8 hex digits. */
export const hex32 = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");

/** Two 32-bit numbers as 16 hex digits. */
export const hex64 = (high: number, low: number): string => hex32(high) + hex32(low);
