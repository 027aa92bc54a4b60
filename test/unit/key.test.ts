import { isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClientAddress, canonicalAddress } from "../../shared/address.ts";
import { KeyHasher, tagOf } from "../../shared/key.ts";

const SECRET = Uint32Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
const VERSION = "0123456789abcdef";

describe("an address has one spelling", () => {
  test.each([
    ["203.0.113.9", "203.0.113.9"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["  203.0.113.9\t", "203.0.113.9"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["::FFFF:203.0.113.9", "203.0.113.9"],
    ["::ffff:cb00:7109", "203.0.113.9"],
    ["0:0:0:0:0:ffff:cb00:7109", "203.0.113.9"],
    ["::ffff:203.0.113.9%eth0", "203.0.113.9"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8::/64"],
    ["2001:db8::1.2.3.4", "2001:db8::/64"],
    ["::192.0.2.9", "::/64"],
    ["2001:0:0:1::5", "2001:0:0:1::/64"],
    ["0:0:0:1::", "0:0:0:1::/64"],
    ["::1", "::/64"],
    ["::", "::/64"],
    ["fe80::1%eth0", "fe80::/64"],
    ["fe80::1%25eth0", "fe80::/64"],
    [" 2001:db8::1 ", "2001:db8::/64"],
  ])("%j is %j", (header, expected) => {
    expect(canonicalAddress(header)).toBe(expected);
  });

  test("a plain IPv4 address comes back as the same string", () => {
    fc.assert(fc.property(fc.ipV4(), (address) => canonicalAddress(address) === address));
  });

  test("every spelling of an IPv6 address gives the /64 that its first four groups name", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), (groups) => {
        fc.pre(!(groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff));
        const spellings = [
          groups.map((group) => group.toString(16)).join(":"),
          groups.map((group) => group.toString(16).padStart(4, "0").toUpperCase()).join(":"),
          new URL(`http://[${groups.map((group) => group.toString(16)).join(":")}]`).hostname.slice(1, -1),
        ];
        // The platform's own shortening of the prefix is the oracle for ours.
        const zeroed = [...groups.slice(0, 4), 0, 0, 0, 0].map((group) => group.toString(16)).join(":");
        const expected = `${new URL(`http://[${zeroed}]`).hostname.slice(1, -1)}/64`;
        for (const spelling of spellings) expect(canonicalAddress(spelling)).toBe(expected);
      }),
    );
  });
});

describe("what is no address is undefined, never an error", () => {
  test.each([
    null,
    "",
    " ",
    "unknown",
    "203.0.113.9:443",
    "[2001:db8::1]",
    "[2001:db8::1]:443",
    "203.0.113.9, 198.51.100.7",
    "203.0.113.9,198.51.100.7",
    "0177.0.0.1",
    "0177.1",
    "0x7f.0.0.1",
    "127.1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.",
    ".1.2.3",
    "1..2.3",
    "01.2.3.4",
    "00.0.0.0",
    "1.2.3.4 5",
    "2130706433",
    "::ffff:0177.0.0.1",
    "::ffff:0x7f.0.0.1",
    "::ffff:1.2.3",
    "::1.2.3.4:80",
    "1::2::3",
    "2001:db8",
    "2001:db8:::1",
    "12345::",
    "g::1",
    ":",
    "%eth0",
    "203.0.113.9%eth0",
    "٢٠٣.0.113.9",
  ])("%j", (header) => {
    expect(canonicalAddress(header)).toBeUndefined();
  });

  test("however long it is", () => {
    expect(canonicalAddress("1".repeat(10_000))).toBeUndefined();
    expect(canonicalAddress(`${"0".repeat(200)}::1`)).toBeUndefined();
    expect(canonicalAddress(`fe80::1%${"x".repeat(200)}`)).toBeUndefined();
  });

  test("no text throws, and only what Node takes for an address is one", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(..."0123456789abcfx:.%[]/ ") }),
      fc.ipV6().map((address) => address.slice(1)),
    );
    fc.assert(
      fc.property(text, (header) => {
        const address = canonicalAddress(header);
        const trimmed = header.trim();
        if (address !== undefined) expect(isIPv4(trimmed) || isIPv6(trimmed.replace(/%.*$/s, ""))).toBe(true);
        else expect(isIPv4(trimmed)).toBe(false);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("the bytes of an address", () => {
  const header = fc.oneof(
    fc.ipV4(),
    fc.ipV4().map((address) => `::ffff:${address}`),
    fc.ipV6(),
    fc
      .array(fc.constantFrom("0", "1", "ff"), { minLength: 8, maxLength: 8 })
      .map((groups) => groups.join(":")),
    fc.constantFrom("", "nonsense", "0.0.0.4", "::", "::4", "4::", "0:0:0:6::"),
  );
  const bytesOf = ({ words, bytes }: ClientAddress): string =>
    Buffer.from(Int32Array.from(words).buffer).subarray(0, bytes).toString("hex");

  test("are the same for two headers if their texts are, and otherwise differ", () => {
    fc.assert(
      fc.property(header, header, (one, other) => {
        const [a, b] = [new ClientAddress().read(one), new ClientAddress().read(other)];
        expect(bytesOf(a) === bytesOf(b)).toBe(a.textUnder(64) === b.textUnder(64));
      }),
      { numRuns: 5_000 },
    );
  });

  test("are the octets of IPv4, half of those of IPv6, and none without an address", () => {
    expect(bytesOf(new ClientAddress().read("203.0.113.9"))).toBe("cb007109");
    expect(bytesOf(new ClientAddress().read("102:304:506:708::"))).toHaveLength(16);
    expect(bytesOf(new ClientAddress().read("none"))).toBe("");
  });

  test("hold nothing of the address that was read before, and a copy keeps them", () => {
    const reused = new ClientAddress();
    const copies = ["2001:db8:1:2::", "203.0.113.9", "::ffff:1.2.3.4", "x"].map((text) =>
      reused.read(text).copy(),
    );
    expect(copies.map((copy) => copy.textUnder(64))).toEqual([
      "2001:db8:1:2::/64",
      "203.0.113.9",
      "1.2.3.4",
      undefined,
    ]);
  });
});

describe("a key's hash", () => {
  test("is the same in every isolate: 32 hex digits that never change", () => {
    const hash = new KeyHasher(SECRET, VERSION).hash("ip=203.0.113.9");
    expect(hash).toMatch(/^[0-9a-f]{32}$/);
    expect(hash).toBe(new KeyHasher([...SECRET], VERSION).hash("ip=203.0.113.9"));
    expect(hash).toBe("bfdb08e3602aeb846221166d76d1d165");
  });

  test("begins with the tag under which POPs keep the key", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const hasher = new KeyHasher(SECRET, VERSION);
        const hash = hasher.hash(text);
        const afterHash = { hi: hasher.hi, lo: hasher.lo };
        hasher.tag(text);
        expect(tagOf(hash)).toEqual({ hi: hasher.hi, lo: hasher.lo });
        expect(afterHash).toEqual(tagOf(hash));
      }),
    );
  });

  test("holds a tag of two signed 32-bit numbers", () => {
    expect(tagOf("ffffffff80000000aaaaaaaaaaaaaaaa")).toEqual({ hi: -1, lo: -0x80000000 });
    expect(tagOf("000000010000000fffffffffffffffff")).toEqual({ hi: 1, lo: 15 });
  });

  test("depends on the text, the rule's version and every word of the secret, in both halves", () => {
    const base = new KeyHasher(SECRET, VERSION).hash("ip=203.0.113.9");
    const halves = (hash: string) => [hash.slice(0, 16), hash.slice(16)];
    for (const other of [
      new KeyHasher(SECRET, VERSION).hash("ip=203.0.113.8"),
      new KeyHasher(SECRET, "0123456789abcdee").hash("ip=203.0.113.9"),
    ]) {
      expect(halves(other)[0]).not.toBe(halves(base)[0]);
      expect(halves(other)[1]).not.toBe(halves(base)[1]);
    }
    for (let word = 0; word < 8; word++) {
      const secret = SECRET.map((value, at) => (at === word ? value ^ 1 : value));
      expect(new KeyHasher(secret, VERSION).hash("ip=203.0.113.9")).not.toBe(base);
    }
  });

  test("keeps its halves and rules apart even under a secret that repeats itself", () => {
    const hashes = ["a", "b"].map((version) => new KeyHasher(new Uint32Array(8), version).hash("ip=::/64"));
    expect(new Set(hashes.flatMap((hash) => [hash.slice(0, 16), hash.slice(16)])).size).toBe(4);
  });

  test("does not collide for 100,000 addresses", () => {
    const hasher = new KeyHasher(SECRET, VERSION);
    const tags = new Set<string>();
    for (let i = 0; i < 100_000; i++) {
      hasher.tag(`ip=10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
      tags.add(`${hasher.hi},${hasher.lo}`);
    }
    expect(tags.size).toBe(100_000);
  });

  test("needs all of its secret", () => {
    expect(() => new KeyHasher(new Uint32Array(7), VERSION)).toThrow(RangeError);
  });
});
