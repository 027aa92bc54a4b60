import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClientAddress } from "../../shared/address.ts";
import { IpRanges, readIpRange } from "../../shared/ip-ranges.ts";

/** Whether an address is in ranges as they are written. */
function has(written: readonly string[], address: string | null): boolean {
  const ranges = written.map((text) => {
    const range = readIpRange(text);
    if (range === undefined) throw new Error(text);
    return range;
  });
  return new IpRanges(ranges).has(new ClientAddress().read(address));
}

describe("a range", () => {
  test.each([
    ["192.0.2.7", "192.0.2.7", true],
    ["192.0.2.7", "192.0.2.8", false],
    ["192.0.2.7/32", "192.0.2.7", true],
    ["192.0.2.7/32", "192.0.2.6", false],
    ["192.0.2.7/31", "192.0.2.6", true],
    ["192.0.2.7/31", "192.0.2.8", false],
    // Host bits that are set do not matter.
    ["192.0.2.77/24", "192.0.2.0", true],
    ["192.0.2.77/24", "192.0.2.255", true],
    ["192.0.2.77/24", "192.0.3.0", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["128.0.0.0/1", "127.255.255.255", false],
    ["128.0.0.0/1", "128.0.0.0", true],
    ["255.255.255.255", "255.255.255.255", true],
    ["::/0", "2001:db8::1", true],
    // A family has its own ranges.
    ["::/0", "192.0.2.7", false],
    ["::ffff:192.0.2.0/120", "192.0.2.9", true],
    ["::ffff:192.0.2.0/120", "192.0.3.9", false],
    ["192.0.2.0/24", "::ffff:192.0.2.9", true],
    ["192.0.2.0/24", "::192.0.2.9", false],
    ["::192.0.2.0/120", "::c000:209", true],
    ["::192.0.2.0/120", "192.0.2.9", false],
    ["2001:db8::1/128", "2001:db8::1", true],
    ["2001:db8::1/128", "2001:db8::2", false],
    ["2001:db8:ffff::/33", "2001:db8:8000::", true],
    ["2001:db8:ffff::/33", "2001:db8:7fff:ffff::", false],
    ["2001:db8::/127", "2001:db8::1", true],
    ["2001:db8::/127", "2001:db8::2", false],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true],
  ])("%s has %s: %s", (range, address, expected) => {
    expect(has([range], address)).toBe(expected);
  });

  test.each([
    "",
    "/24",
    "192.0.2.0/",
    "192.0.2.0/33",
    "192.0.2.0/-1",
    "192.0.2.0/08",
    "192.0.2.0/0x8",
    "192.0.2.0/8/8",
    "192.0.2.0 /8",
    "192.0.2.0/255.255.255.0",
    "192.0.2",
    "192.0.2.256",
    "0300.0.2.1",
    "010.0.0.1",
    "0x7f.0.0.1",
    "127.1",
    "2130706433",
    " 192.0.2.1",
    "192.0.2.1\n",
    "2001:db8::/129",
    "2001:db8:::/32",
    "[2001:db8::1]",
    "2001:db8::1%eth0",
    "fe80::1%eth0/64",
    "::ffff:0300.0.2.1",
    "::ffff:1.2.3",
    "example.com",
    "*",
  ])("%j is none", (text) => {
    expect(readIpRange(text)).toBeUndefined();
  });

  test("has no client without an address, not even the one of all", () => {
    expect(has(["::/0", "0.0.0.0/0"], null)).toBe(false);
    expect(has(["::/0", "0.0.0.0/0"], "nonsense")).toBe(false);
    expect(has([], "192.0.2.1")).toBe(false);
  });

  test("has a client in whatever spelling it comes", () => {
    const v4 = ["192.0.2.9", " 192.0.2.9", "::ffff:192.0.2.9", "::FFFF:c000:209", "0:0:0:0:0:ffff:c000:0209"];
    const v6 = [
      "2001:db8::9",
      "2001:DB8::9",
      "2001:0db8::0009",
      "2001:db8:0:0:0:0:0:9",
      "2001:db8::0:9",
      "2001:db8::0.0.0.9",
      "2001:db8::9%eth0",
    ];
    for (const spelling of v4) expect(has(["192.0.2.9/32"], spelling)).toBe(true);
    for (const spelling of v6) expect(has(["2001:db8::9/128"], spelling)).toBe(true);
  });
});

describe("2,000 ranges", () => {
  /** An address as a number of 128 bits, IPv4 as `::ffff:a.b.c.d`. */
  const text4 = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
  const text6 = (value: bigint): string =>
    Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16)).join(":");

  /** Few addresses and many short prefixes beside long ones, so that ranges hold, overlap and touch each other. */
  const v4 = fc.record({ value: fc.integer({ min: 0x0a000000, max: 0x0a0003ff }), prefix: fc.nat(32) });
  const v6 = fc.record({
    value: fc.bigInt({ min: (0x20010db8n << 96n) - 300n, max: (0x20010db8n << 96n) + 300n }),
    prefix: fc.integer({ min: 100, max: 128 }),
  });
  const near = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 30 });

  test("have exactly the addresses that one of them has", () => {
    fc.assert(
      fc.property(near(v4), near(v6), near(v4), near(v6), (four, six, asked4, asked6) => {
        const written = [
          ...four.filter(({ prefix }) => prefix > 20).map(({ value, prefix }) => `${text4(value)}/${prefix}`),
          ...six.map(({ value, prefix }) => `${text6(value)}/${prefix}`),
        ];
        const in4 = (value: number) =>
          four.some(
            (range) =>
              range.prefix > 20 && range.value >>> (32 - range.prefix) === value >>> (32 - range.prefix),
          );
        const in6 = (value: bigint) =>
          six.some(
            (range) => range.value >> BigInt(128 - range.prefix) === value >> BigInt(128 - range.prefix),
          );
        for (const { value } of asked4) expect(has(written, text4(value))).toBe(in4(value));
        for (const { value } of asked6) expect(has(written, text6(value))).toBe(in6(value));
      }),
      { numRuns: 1_000 },
    );
  });

  test("that touch or hold each other, in any order", () => {
    const single = Array.from({ length: 1_000 }, (_, at) => text4(0x0a000000 + 2 * at));
    const pairs = Array.from({ length: 1_000 }, (_, at) => `${text4(0x0b000000 + 2 * at)}/31`);
    const ranges = new IpRanges([...pairs, ...single].reverse().flatMap((text) => readIpRange(text) ?? []));
    const client = new ClientAddress();
    for (let at = 0; at < 2_000; at++) {
      expect(ranges.has(client.read(text4(0x0a000000 + at)))).toBe(at % 2 === 0);
      expect(ranges.has(client.read(text4(0x0b000000 + at)))).toBe(true);
    }
    expect(ranges.has(client.read(text4(0x0b000000 + 2_000)))).toBe(false);
    expect(ranges.has(client.read("10.255.255.255"))).toBe(false);
  });
});
