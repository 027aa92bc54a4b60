import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClientAddress } from "../../shared/address.ts";
import { KeyHasher } from "../../shared/key.ts";
import { Counting, customKey, Requested } from "../../shared/requested.ts";
import { parseRules, type Rule } from "../../shared/rule.ts";
import { type Said, traitsOf } from "./traits.ts";

function ruleOf(fields: object): Rule {
  const parsed = parseRules([{ name: "r", limit: 100, window: "1m", ...fields }]);
  const [rule] = parsed.ok ? parsed.rules : [];
  if (rule === undefined) throw new Error(JSON.stringify(parsed));
  return rule;
}

const hasher = new KeyHasher(Uint32Array.from([1, 2, 3, 4, 5, 6, 7, 8]), "0123456789abcdef");

/** What a request counts by under a rule: for people, and as the hash that names it. */
function keyOf(fields: object, said: Said): { readonly text: string; readonly hash: string } {
  const counting = new Counting(ruleOf(fields));
  const traits = traitsOf(said);
  const client = new ClientAddress().read(traits.client);
  return { text: counting.textOf(traits, client), hash: hasher.hash(counting.keyOf(traits, client)) };
}

const textOf = (key: readonly string[], said: Said): string => keyOf({ key }, said).text;

const SAID: Said = {
  method: "POST",
  hostname: "example.com",
  pathname: "/a/b",
  country: "DE",
  asn: 13335,
  headers: { "x-api-key": "k1" },
  cookies: { sid: "s1" },
  query: "user=7&user=7",
};

describe("a key for people", () => {
  test.each([
    [["ip"], "ip=203.0.113.9"],
    [["header:X-API-Key"], "header:x-api-key=k1"],
    [["cookie:sid"], "cookie:sid=s1"],
    [["query:user"], "query:user=7"],
    [["path"], "path=/a/b"],
    [["host"], "host=example.com"],
    [["method"], "method=POST"],
    [["country"], "country=DE"],
    [["asn"], "asn=13335"],
    [["all"], "all=1"],
    [["ip", "path"], "ip=203.0.113.9&path=/a/b"],
    [["path", "ip"], "path=/a/b&ip=203.0.113.9"],
    [["country", "asn", "method", "host"], "country=DE&asn=13335&method=POST&host=example.com"],
  ])("%j is %s", (key, expected) => {
    expect(textOf(key, SAID)).toBe(expected);
  });

  test.each([
    [["header:a"], { headers: { a: "1&cookie:b=2%" } }, "header:a=1%26cookie:b=2%25"],
    [["header:a"], { headers: { a: "a=b" } }, "header:a=a=b"],
    [["query:q"], { query: "q=%00%1b[2J%0a" }, "query:q=%00%1b[2J%0a"],
    [["cookie:c"], { cookies: { c: "\ud800" } }, "cookie:c=%d800"],
    [["ip", "header:a"], { client: null, headers: { a: "x" } }, "ip=unknown&header:a=x"],
  ])("%j of %j is %s", (key, said, expected) => {
    expect(textOf(key, said)).toBe(expected);
  });

  test.each(["header:none", "cookie:none", "query:none"])("is the address where %s is missing", (part) => {
    expect(textOf([part, "path"], SAID)).toBe("ip=203.0.113.9");
    expect(textOf(["path", part], { ...SAID, client: "2001:db8::1" })).toBe("ip=2001:db8::/64");
    expect(textOf([part], { ...SAID, client: null })).toBe("ip=unknown");
  });

  test.each(["country", "asn"])("is the address where the platform does not tell the %s", (part) => {
    expect(textOf([part], {})).toBe("ip=203.0.113.9");
  });
});

describe("one key for each client", () => {
  /** Values that would end a part and begin the next, if anything let them. */
  const value = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."&%=26ab:", "cookie:b=", "\u0000", "\ud800"), maxLength: 8 }),
    fc.string({ maxLength: 8 }),
  );
  const said = fc.record({ a: value, b: value, c: value });
  const key = ["header:a", "header:b", "header:c"];

  test("different values have different texts and hashes, equal ones the same", () => {
    fc.assert(
      fc.property(said, said, (one, other) => {
        fc.pre(
          Object.values(one).every((each) => each !== "") &&
            Object.values(other).every((each) => each !== ""),
        );
        const same = JSON.stringify(one) === JSON.stringify(other);
        const [mine, yours] = [one, other].map((headers) => keyOf({ key }, { headers }));
        expect(mine?.text === yours?.text).toBe(same);
        expect(mine?.hash === yours?.hash).toBe(same);
      }),
      { numRuns: 5_000 },
    );
  });

  test("values that only look alike are two, shifted between parts or escaped already", () => {
    const texts = [
      { a: "1&header:b=2", b: "3", c: "4" },
      { a: "1", b: "2&header:b=3", c: "4" },
      { a: "1%26header:b=2", b: "3", c: "4" },
      { a: "1", b: "2", c: "3&header:c=4" },
      { a: "\ud800", b: "2", c: "3" },
      { a: "%d800", b: "2", c: "3" },
    ].map((headers) => keyOf({ key }, { headers }).text);
    expect(new Set(texts).size).toBe(texts.length);
  });

  test("a request that lacks a part counts by its address as one of a rule on addresses does, and by no value", () => {
    const lacking = keyOf({ key: ["header:a"] }, {});
    const plain = keyOf({}, {});
    expect(lacking).toEqual(plain);
    expect(keyOf({ key: ["header:a"] }, { headers: { a: "ip=203.0.113.9" } }).hash).not.toBe(lacking.hash);
  });

  test.each([
    [32, "2001:db8::/32", ["2001:db8:ffff::1"], ["2001:db9::1"]],
    [48, "2001:db8:1::/48", ["2001:db8:1:ffff::1"], ["2001:db8:2::1"]],
    [56, "2001:db8:1:200::/56", ["2001:db8:1:2ff::1"], ["2001:db8:1:300::1"]],
    [64, "2001:db8:1:234::/64", ["2001:db8:1:234:ffff::1"], ["2001:db8:1:235::1"]],
    [128, "2001:db8:1:234:5678::1", ["2001:0db8:1:234:5678:0:0:1"], ["2001:db8:1:234:5678::2"]],
  ])("the first %i bits of an IPv6 address are a client", (ipv6_prefix, text, same, others) => {
    for (const key of [["ip"], ["ip", "method"]]) {
      const of = (client: string) => keyOf({ ipv6_prefix, key }, { client });
      const own = of("2001:db8:1:234:5678::1");
      expect(own.text).toBe(`ip=${text}${key.length > 1 ? "&method=GET" : ""}`);
      for (const other of same) expect(of(other)).toEqual(own);
      for (const other of others) expect(of(other).hash).not.toBe(own.hash);
      expect(of("203.0.113.9").text).toMatch(/^ip=203\.0\.113\.9/);
    }
  });

  test("a key of the caller's own equals none that is read", () => {
    const rule = ruleOf({ key: ["header:a"] });
    fc.assert(
      fc.property(value, value, (own, read) => {
        fc.pre(read !== "");
        const requested = new Requested([new Counting(rule)]);
        const traits = traitsOf({ headers: { a: read } });
        const readKey = requested.read(traits, 1).textOf(0);
        const custom = requested.read(traits, 1, () => own);
        expect(custom.textOf(0)).toBe(customKey(own));
        expect(custom.textOf(0)).not.toBe(readKey);
        expect(hasher.hash(custom.keyOf(0))).toBe(hasher.hash(customKey(own)));
      }),
    );
    expect(customKey("ip=203.0.113.9")).toBe("key=ip=203.0.113.9");
  });

  test("a key that is named is what a request of that client counts by", () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(address, value, fc.constantFrom(48, 64, 128), (client, a, ipv6_prefix) => {
        for (const key of [["ip"], ["header:a"], ["ip", "header:a"], ["header:a", "ip", "method"]]) {
          const rule = ruleOf({ key, ipv6_prefix });
          const counting = new Counting(rule);
          const traits = traitsOf({ client, headers: { a } });
          const read = new ClientAddress().read(client);
          const text = counting.textOf(traits, read);
          const named = counting.keyNamed(text);
          expect(named?.text).toBe(text);
          expect(hasher.hash(named?.key ?? "")).toBe(hasher.hash(counting.keyOf(traits, read)));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("what a request costs", () => {
  test.each([
    [undefined, 1],
    ["", 1],
    ["0", 1],
    ["1", 1],
    ["7", 7],
    ["007", 7],
    ["10", 10],
    ["11", 10],
    ["9".repeat(400), 10],
    ["-5", 1],
    ["+5", 1],
    ["1.5", 1],
    ["1e3", 1],
    ["0x7", 1],
    [" 7", 1],
    ["7, 1", 1],
    ["٧", 1],
    ["Infinity", 1],
    ["NaN", 1],
    ["seven", 1],
  ])("with %j in its header is %i", (said, expected) => {
    const rule = ruleOf({ cost: { by: "header:X-Cost", max: 10 } });
    const headers = said === undefined ? {} : { "x-cost": said };
    const requested = new Requested([new Counting(rule)]);
    expect(requested.read(traitsOf({ headers }), 1).costOf(0)).toBe(expected);
    expect(requested.read(traitsOf({ headers }), 3).costOf(0)).toBe(3 * expected);
  });

  test("is what the rule says, whatever headers say", () => {
    const counting = new Counting(ruleOf({ cost: 4 }));
    expect(new Requested([counting]).read(traitsOf({ headers: { "x-cost": "9" } }), 1).costOf(0)).toBe(4);
  });
});

test("a copy of a request stays as it is while the original reads others", () => {
  const countings = [new Counting(ruleOf({})), new Counting(ruleOf({ key: ["path"], cost: 2 }))];
  const requested = new Requested(countings).read(traitsOf({ pathname: "/a" }), 2);
  const copy = requested.copy();
  requested.read(traitsOf({ pathname: "/b", client: "::1" }), 1, () => "own");
  expect([0, 1].map((at) => [copy.textOf(at), copy.costOf(at)])).toEqual([
    ["ip=203.0.113.9", 2],
    ["path=/a", 4],
  ]);
  expect([0, 1].map((at) => requested.textOf(at))).toEqual(["key=own", "key=own"]);
});
