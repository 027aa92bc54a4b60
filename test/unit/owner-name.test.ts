import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyHasher } from "../../shared/key.ts";
import { ownerName } from "../../shared/owner-name.ts";

const version = "0123456789abcdef";
const key = "00112233445566778899aabbccddeeff";
const hasher = new KeyHasher(new Uint32Array([1, 2, 3, 4, 5, 6, 7, 8]), version);
const keyOf = (n: number): string => hasher.hash(`ip=10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);

describe("the owner of a key", () => {
  test("is one of its own, named by the rule's version and the whole hash", () => {
    expect(ownerName({ version, owners: 0 }, key)).toBe(`${version}.${key}`);
  });

  test("with shared owners is chosen by the last 32 bits of the hash", () => {
    expect(ownerName({ version, owners: 1 }, key)).toBe(`${version}.shared-0`);
    expect(ownerName({ version, owners: 64 }, key)).toBe(`${version}.shared-63`);
    expect(ownerName({ version, owners: 4_096 }, key)).toBe(`${version}.shared-${0xeff}`);
    expect(ownerName({ version, owners: 4_096 }, `${key.slice(0, -8)}ffffffff`)).toBe(
      `${version}.shared-4095`,
    );
  });

  test("has a whole number below N for any hash", () => {
    const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 32, maxLength: 32 });
    const powers = fc.integer({ min: 0, max: 12 }).map((power) => 2 ** power);
    fc.assert(
      fc.property(hex, powers, (key, owners) => {
        const [, n] = /^0123456789abcdef\.shared-(\d+)$/.exec(ownerName({ version, owners }, key)) ?? [];
        expect(Number(n)).toBeLessThan(owners);
      }),
    );
  });

  test("is one of at most N, and each has about as many keys as the others", () => {
    const counts = new Map<string, number>();
    for (let n = 0; n < 64_000; n += 1) {
      const name = ownerName({ version, owners: 64 }, keyOf(n));
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect(counts.size).toBe(64);
    // Thrown at random, 64,000 keys give each 1,000 with a standard deviation of 31.4.
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(5 * 31.4);
  });

  test("does not go by the part of the hash that places a key's windows", () => {
    const [a, b] = [key, `ffffffffffffffff${key.slice(16)}`];
    expect(ownerName({ version, owners: 4_096 }, a)).toBe(ownerName({ version, owners: 4_096 }, b));
  });
});
