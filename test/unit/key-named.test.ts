/** A key that somebody names is the one that requests are counted by, as far as it is written like one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClientAddress } from "../../shared/address.ts";
import { KeyHasher, type KeyMessage } from "../../shared/key.ts";
import { Counting } from "../../shared/requested.ts";
import { parseRules, type Rule } from "../../shared/rule.ts";
import { traitsOf } from "./traits.ts";

const hasher = new KeyHasher([1, 2, 3, 4, 5, 6, 7, 8], "0123456789abcdef");
const hashOf = (key: KeyMessage | undefined) => (key === undefined ? undefined : hasher.hash(key));

function countingOf(key: readonly string[], more: object = {}): Counting {
  const parsed = parseRules([{ name: "r", limit: 5, window: "1m", key, ...more }]);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return new Counting(parsed.rules[0] as Rule);
}

/** What a request is counted by and shown as. */
function countedAs(counting: Counting, headers: Record<string, string>, client: string | null) {
  const traits = traitsOf({ headers, client });
  const address = new ClientAddress().read(client);
  return { hash: hashOf(counting.keyOf(traits, address)), text: counting.textOf(traits, address) };
}

const KEYS = [
  ["ip"],
  ["header:x-api-key"],
  ["ip", "header:x-api-key"],
  ["path", "header:x-api-key"],
  ["all"],
];
const client = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant(null), fc.constant("no address"));
const value = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("a&ip=203.0.113.9", "%00", "\0", "ip=::1"),
);

describe("a key by its text", () => {
  it("is the request's that is shown by that text, whatever the request says and lacks", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...KEYS),
        fc.constantFrom(48, 64, 128),
        client,
        value,
        (key, prefix, ip, said) => {
          const counting = countingOf(key, { ipv6_prefix: prefix });
          const { hash, text } = countedAs(counting, { "x-api-key": said }, ip);
          const named = counting.keyNamed(text);
          expect([hashOf(named?.key), named?.text]).toEqual([hash, text]);
        },
      ),
    );
  });

  it("is the client's in any spelling of its address", () => {
    for (const [key, texts] of [
      [["ip"], ["2001:db8::7", "ip=2001:db8::7", "ip=2001:DB8::/64", "2001:db8::/64"]],
      [["header:x-api-key"], ["ip=2001:db8::7", "ip=2001:db8::/64"]],
    ] as const) {
      const counting = countingOf(key);
      const { hash } = countedAs(counting, {}, "2001:db8::1");
      expect(texts.map((text) => hashOf(counting.keyNamed(text)?.key))).toEqual(texts.map(() => hash));
    }
    const both = countingOf(["ip", "header:x-api-key"]);
    expect(both.keyNamed("ip=2001:db8::7&header:x-api-key=k")?.text).toBe(
      "ip=2001:db8::/64&header:x-api-key=k",
    );
  });
});

describe("any other text", () => {
  it.each([
    [["ip"], "user 7"],
    [["ip"], "ip="],
    [["ip"], "ip=203.0.113"],
    [["ip"], "203.0.113.9/64"],
    [["ip"], "2001:db8::/48"],
    [["ip"], "unknown"],
    [["header:x-api-key"], "203.0.113.9"],
    [["header:x-api-key"], "k1"],
    [["header:x-api-key"], "header:x-api-key=\u001b[2J"],
    [["header:x-api-key"], "header:x-api-key=\ud800"],
    [["ip", "header:x-api-key"], "ip=nobody&header:x-api-key=k"],
  ])("under %j, %j is a key of its own, and shown without a control character", (key, text) => {
    const shown = countingOf(key).keyNamed(text)?.text ?? "";
    expect(shown).toMatch(/^key=/);
    expect(shown).not.toMatch(/[\p{Cc}\p{Cs}]/u);
  });

  it("is none if it is empty, and no two are one", () => {
    const counting = countingOf(["ip"]);
    expect(counting.keyNamed("")).toBeUndefined();
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", minLength: 1 }),
        fc.string({ unit: "binary", minLength: 1 }),
        (a, b) => {
          fc.pre(a !== b && !/[.:]/.test(a + b));
          expect(counting.keyNamed(a)?.text).not.toBe(counting.keyNamed(b)?.text);
        },
      ),
    );
  });
});
