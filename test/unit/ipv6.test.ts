/** Our reading of plain hexadecimal IPv6, against ipaddr.js. */
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { expect, test } from "vitest";
import { isMapped, readIPv6 } from "../../shared/ipv6.ts";

const read = (text: string): number[] | undefined => {
  const groups = new Uint16Array(8).fill(0xabcd);
  return readIPv6(text, groups) ? Array.from(groups) : undefined;
};

/** Addresses with zeros in all places, and texts that are nearly addresses. */
const group = fc.oneof(
  { weight: 2, arbitrary: fc.constant("0") },
  fc.nat(0xffff).map((value) => value.toString(16)),
  fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEFg"), minLength: 0, maxLength: 5 }),
);
const nearly = fc.oneof(
  fc.array(group, { maxLength: 10 }).map((groups) => groups.join(":")),
  fc
    .tuple(fc.array(group, { maxLength: 8 }), fc.array(group, { maxLength: 8 }))
    .map(([before, after]) => `${before.join(":")}::${after.join(":")}`),
  fc.string({ unit: fc.constantFrom(..."01afAF::::.%/ "), maxLength: 45 }),
  fc.ipV6(),
);

test("a text is read as ipaddr.js reads it, and not at all if that does not, or if it is dotted or has a zone", () => {
  fc.assert(
    fc.property(nearly, (text) => {
      const plain = !/[.%]/.test(text) && ipaddr.IPv6.isValid(text);
      expect(read(text)).toEqual(plain ? ipaddr.IPv6.parse(text).parts : undefined);
    }),
    { numRuns: 50_000 },
  );
});

test.each([
  ["::", [0, 0, 0, 0, 0, 0, 0, 0]],
  ["::1", [0, 0, 0, 0, 0, 0, 0, 1]],
  ["1::", [1, 0, 0, 0, 0, 0, 0, 0]],
  ["1:2:3:4:5:6:7::", [1, 2, 3, 4, 5, 6, 7, 0]],
  ["2001:DB8:0:12::Ff", [0x2001, 0xdb8, 0, 0x12, 0, 0, 0, 0xff]],
  ["1:2:3:4:5:6:7:8", [1, 2, 3, 4, 5, 6, 7, 8]],
  ["1:2:3:4:5:6:7:8::", undefined],
  ["1:2:3:4:5:6:7:8:9", undefined],
  ["1:2:3:4:5:6:7:", undefined],
  [":1:2:3:4:5:6:7", undefined],
  ["1::2::3", undefined],
  [":::", undefined],
  [":", undefined],
  ["", undefined],
])("%s", (text, groups) => expect(read(text)).toEqual(groups));

test("mapped is what holds an IPv4 address, and nothing near it", () => {
  const mapped = (text: string): boolean => isMapped(Uint16Array.from(read(text) ?? []));
  expect(["::ffff:1:2", "::fffe:1:2", "::1:ffff:1:2", "::ffff:0:1:2"].map(mapped)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
