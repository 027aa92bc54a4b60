/**
 * Which keys are counted exactly besides. Every isolate of a deployment chooses the same ones, from a key's tag and a
 * seed that only the deployment can compute: who is under the limit's eye does not know it, nor whether it is his turn.
 */
import { SAMPLED_SHARE } from "../limits.ts";

export class KeySample {
  readonly #seedHi: number;
  readonly #seedLo: number;
  /** Below it, as 32 bits unsigned, a mixed tag is in the sample. */
  readonly #below: number;

  /**
   * @param seed at least two words of secret material
   * @param share of all keys, from 0 to 1
   */
  constructor(seed: Readonly<ArrayLike<number>>, share: number = SAMPLED_SHARE) {
    this.#seedHi = (seed[0] ?? 0) | 0;
    this.#seedLo = (seed[1] ?? 0) | 0;
    this.#below = Math.round(share * 2 ** 32);
  }

  /**
   * Whether a key is in the sample; `hi` and `lo` are its tag. The tag is a keyed hash already, but it also places the
   * key's windows and its entry: mixed with the seed (by the multipliers of MurmurHash3's finaliser) it says nothing of those.
   */
  has(hi: number, lo: number): boolean {
    const x = Math.imul(hi ^ this.#seedHi, 0x85ebca6b);
    return Math.imul(x ^ (x >>> 15) ^ lo ^ this.#seedLo, 0xc2b2ae35) >>> 0 < this.#below;
  }
}
