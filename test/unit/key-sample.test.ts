/** Which keys are counted exactly: a hundredth, the same in every isolate, and for no reason that can be seen. */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../loadtest/tools/random.ts";
import { KeySample } from "../../shared/accuracy/key-sample.ts";
import { SAMPLED_SHARE } from "../../shared/limits.ts";

const KEYS = 400_000;
const random = seededRandom(11);
const word = (): number => Math.floor(random() * 2 ** 32) | 0;
const tags = Array.from({ length: KEYS }, () => [word(), word()] as const);
const sample = new KeySample([word(), word()]);
const chosen = tags.filter(([hi, lo]) => sample.has(hi, lo));

/** Whether counts are as even as chance makes them: χ² within five standard deviations of its mean. */
function expectEven(counts: readonly number[]): void {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const chi2 = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
  const freedom = counts.length - 1;
  expect(chi2).toBeLessThan(freedom + 5 * Math.sqrt(2 * freedom));
}

const countsBy = (of: (hi: number, lo: number) => number, groups: number): number[] => {
  const counts = new Array<number>(groups).fill(0);
  for (const [hi, lo] of chosen) counts[of(hi, lo)] = (counts[of(hi, lo)] ?? 0) + 1;
  return counts;
};

describe("the sample of keys", () => {
  it("is the share that it should be", () => {
    const deviation = Math.sqrt(KEYS * SAMPLED_SHARE * (1 - SAMPLED_SHARE));
    expect(Math.abs(chosen.length - KEYS * SAMPLED_SHARE)).toBeLessThan(5 * deviation);
    expect(tags.some(([hi, lo]) => new KeySample([1, 2], 0).has(hi, lo))).toBe(false);
    expect(tags.every(([hi, lo]) => new KeySample([1, 2], 1).has(hi, lo))).toBe(true);
  });

  it("is spread evenly over the offsets of windows and over either half of the tag", () => {
    expectEven(countsBy((_, lo) => ((lo >>> 0) % 60_000) % 60, 60));
    expectEven(countsBy((_, lo) => lo & 63, 64));
    expectEven(countsBy((_, lo) => lo >>> 26, 64));
    expectEven(countsBy((hi) => hi & 63, 64));
    expectEven(countsBy((hi) => hi >>> 26, 64));
  });

  it("is spread evenly over keys that differ in a few bits only", () => {
    for (const shift of [0, 8, 16, 24]) {
      let count = 0;
      for (let n = 0; n < 65_536; n += 1) if (sample.has(0x5eed, Math.imul(n, 1 << shift))) count += 1;
      const expected = 65_536 * SAMPLED_SHARE;
      // With n above the bits that are left, keys repeat: then whole groups are in or out.
      if (shift <= 16) expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected));
    }
  });

  it("is another one under another seed: what is in both is what chance puts there", () => {
    const other = new KeySample([word(), word()]);
    const both = chosen.filter(([hi, lo]) => other.has(hi, lo)).length;
    const expected = chosen.length * SAMPLED_SHARE;
    expect(Math.abs(both - expected)).toBeLessThan(5 * Math.sqrt(expected));
  });

  it("depends on both words of the seed", () => {
    const [hi, lo] = [word(), word()];
    for (const seed of [
      [hi ^ 1, lo],
      [hi, lo ^ 1],
    ]) {
      const other = new KeySample(seed);
      const one = new KeySample([hi, lo]);
      const same = tags.filter(([a, b]) => one.has(a, b) && other.has(a, b)).length;
      expect(same).toBeLessThan(KEYS * SAMPLED_SHARE * 0.05);
    }
  });
});
