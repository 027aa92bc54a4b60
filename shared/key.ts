/** What a rule counts by, as the hash that names it everywhere. */
import { halfSipHash64, hex64, type Message, textMessage } from "./hash.ts";
import type { KeyHash } from "./protocol/messages.ts";

/** The key of all requests without a usable address: they share one quota, which is neither a free pass nor a 500. */
export const UNKNOWN_ADDRESS = "unknown";

/** What a key is hashed from: bytes, or a text. */
export type KeyMessage = Message | string;

/** Words of secret material a `KeyHasher` takes: 256 bits, such as the SHA-256 of `KEY_SECRET`. */
export const SECRET_WORDS = 8;

/**
 * Hashes keys under one rule, the same in every isolate of a deployment. Hashes of one client under two
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

  /** Computes the 64-bit tag of a key into `hi` and `lo`. Allocates nothing for bytes. */
  tag(key: KeyMessage): void {
    halfSipHash64(this.#tagKey[0] ?? 0, this.#tagKey[1] ?? 0, messageOf(key), this.#tag);
  }

  /** The 128 bits that name the owner, as 32 hex digits; the first 16 are the tag, left in `hi` and `lo` too. */
  hash(key: KeyMessage): KeyHash {
    this.tag(key);
    halfSipHash64(this.#restKey[0] ?? 0, this.#restKey[1] ?? 0, messageOf(key), this.#rest);
    return hex64(this.hi, this.lo) + hex64(this.#rest[0] ?? 0, this.#rest[1] ?? 0);
  }
}

const messageOf = (key: KeyMessage): Message => (typeof key === "string" ? textMessage(key) : key);

/**
 * A key from four secret words: two hashes under independent keys, joined so that all four count. Their texts
 * differ, or a secret that repeats itself would cancel out and leave a key of zero.
 */
function deriveKey(secret: Readonly<ArrayLike<number>>, from: number, text: string, out: Int32Array): void {
  const other = new Int32Array(2);
  halfSipHash64(secret[from] ?? 0, secret[from + 1] ?? 0, textMessage(`${text}.0`), out);
  halfSipHash64(secret[from + 2] ?? 0, secret[from + 3] ?? 0, textMessage(`${text}.1`), other);
  for (let i = 0; i < 2; i++) out[i] = (out[i] ?? 0) ^ (other[i] ?? 0);
}

/** Digits of a key hash that are its tag. */
const TAG_DIGITS = 16;

/** The tag in a key hash, as hubs keep it: the first 16 of its digits. */
export const tagDigits = (key: KeyHash): string => key.slice(0, TAG_DIGITS);

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
