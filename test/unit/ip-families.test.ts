import { describe, expect, it } from "vitest";
import { ClientAddress } from "../../shared/address.ts";
import { IpRanges, readIpRange } from "../../shared/ip-ranges.ts";

const covers = (written: string, client: string): boolean => {
  const range = readIpRange(written);
  return range !== undefined && new IpRanges([range]).has(new ClientAddress().read(client));
};

describe("a range covers clients of its own family alone", () => {
  it.each([
    ["::/0", "203.0.113.9", false],
    ["::/0", "::ffff:203.0.113.9", false],
    ["::/0", "2001:db8::1", true],
    // A network that lists of bogus ones have.
    ["::/8", "203.0.113.9", false],
    ["::/8", "::1", true],
    ["::/80", "203.0.113.9", false],
    ["::ffff:0:0/95", "203.0.113.9", false],
    ["::ffff:0:0/96", "203.0.113.9", true],
    ["::ffff:203.0.113.0/120", "203.0.113.9", true],
    ["::ffff:203.0.113.0/120", "203.0.114.9", false],
    // Once meant to hold IPv4, and read so by some: it is IPv6, in either spelling.
    ["::203.0.113.0/120", "203.0.113.9", false],
    ["::203.0.113.0/120", "::cb00:7109", true],
    ["::cb00:7100/120", "::203.0.113.9", true],
    ["203.0.113.0/24", "::203.0.113.9", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["0.0.0.0/0", "::1", false],
  ])("%s, %s: %s", (written, client, expected) => {
    expect(covers(written, client)).toBe(expected);
  });

  it("where a list has both", () => {
    const ranges = ["::/0", "192.0.2.0/24", "::/8", "192.0.2.128/25"].map(readIpRange);
    const list = new IpRanges(ranges.filter((range) => range !== undefined));
    const has = (client: string) => list.has(new ClientAddress().read(client));
    expect(["192.0.2.1", "192.0.2.200", "192.0.3.1", "::1", "ffff::1"].map(has)).toEqual([
      true,
      true,
      false,
      true,
      true,
    ]);
  });
});
