/** One client, one key: however a request spells what a rule counts by, and however a caller of the API does. */
import { describe, expect, it } from "vitest";
import { ClientAddress } from "../../shared/address.ts";
import { Counting } from "../../shared/requested.ts";
import { parseRules, type Rule } from "../../shared/rule.ts";
import { matching, type Said, traitsOf } from "./traits.ts";

function ruleOf(part: Record<string, unknown>): Rule {
  const parsed = parseRules([{ name: "test", limit: 5, window: "1m", ...part }]);
  const [rule] = parsed.ok ? parsed.rules : [];
  if (rule === undefined) throw new Error(JSON.stringify(parsed));
  return rule;
}

const keyText = (rule: Rule, said: Said): string => {
  const traits = traitsOf(said);
  return new Counting(rule).textOf(traits, new ClientAddress().read(traits.client));
};

describe("spellings of one value are one key", () => {
  it.each<[string, string, Said[]]>([
    [
      "path",
      "path=/a/b",
      ["/a/b", "/A/b", "/a/b/", "//a//b", "/a/%62", "/a/b;x=1", "/a%2fb", "/a/c/..%2fb", "/a\\b"].map(
        (pathname) => ({ pathname }),
      ),
    ],
    ["host", "host=example.com", ["example.com", "example.com."].map((hostname) => ({ hostname }))],
    [
      "cookie:sid",
      "cookie:sid=v w",
      ["v w", '"v w"', "v%20w", '"v%20w"', ["v w", "v%20w"]].map((sid) => ({ cookies: { sid } })),
    ],
    ["query:k", "query:k=v", ["k=v", "k=%76", "%6b=v", "k=v&k=v"].map((query) => ({ query }))],
  ])("%s", (part, expected, spellings) => {
    const rule = ruleOf({ key: [part] });
    expect(spellings.map((said) => keyText(rule, said))).toEqual(spellings.map(() => expected));
  });

  it("an escape in a cookie is decoded once, and one that is no UTF-8 stays", () => {
    const rule = ruleOf({ key: ["cookie:sid"] });
    expect(keyText(rule, { cookies: { sid: "%2576" } })).toBe("cookie:sid=%2576");
    expect(keyText(rule, { cookies: { sid: "%ff" } })).toBe("cookie:sid=%25ff");
  });
});

describe("two values of one name, of which an origin may take either", () => {
  const torn: Said[] = [{ query: "k=a&k=b" }, { query: "k=&k=b" }];

  it("count by the address, and so for missing = ip and skip; for deny they are refused", () => {
    for (const said of torn) {
      for (const missing of ["ip", "skip"]) {
        const rule = ruleOf({ key: ["query:k"], missing });
        expect(matching([rule])(said).indexes).toEqual([0]);
        expect(keyText(rule, said)).toBe("ip=203.0.113.9");
      }
      const strict = ruleOf({ key: ["query:k"], missing: "deny" });
      expect(matching([strict])(said).refusedBy).toBe(strict);
    }
  });

  it("and of cookies", () => {
    const rule = ruleOf({ key: ["cookie:sid"], missing: "skip" });
    const said = { cookies: { sid: ["a", "b"] } };
    expect([matching([rule])(said).indexes, keyText(rule, said)]).toEqual([[0], "ip=203.0.113.9"]);
    expect(matching([rule])({}).isEmpty).toBe(true);
  });
});

it.each([
  ["/login;%5c..", "/, or /login where ; begins parameters and \\ is a character"],
  ["/login;%5c../x7", "another key for each x"],
  ["/api%2f..;", "/, or below /api where ; is a character"],
])("the path %s, which may be %s, counts by the address", (pathname) => {
  const rule = ruleOf({ key: ["path"] });
  expect(keyText(rule, { pathname })).toBe("ip=203.0.113.9");
  expect(matching([ruleOf({ key: ["path"], missing: "skip" })])({ pathname }).indexes).toEqual([0]);
});

describe("a plan is picked by the same spelling", () => {
  it.each<[Record<string, unknown>, Said]>([
    [{ by: "path", "/Small": 1 }, { pathname: "/small/" }],
    [{ by: "host", "example.com": 1 }, { hostname: "example.com." }],
  ])("%j", (limits, said) => {
    const parsed = parseRules([{ name: "test", limit: 5, window: "1m", limits }]);
    const rules = parsed.ok ? parsed.rules : [];
    expect(matching(rules)(said).indexes.map((index) => rules[index]?.limit)).toEqual([1]);
  });
});

describe("a caller that names a key", () => {
  it.each<[string[], string, string]>([
    [["path"], "path=/A//b/", "path=/a/b"],
    [["path"], "path=/a;x%26y", "path=/a"],
    [["path"], "path=/a%2525", "path=/a%2525"],
    [["ip", "host"], "ip=2001:DB8::1&host=example.com.", "ip=2001:db8::/64&host=example.com"],
    [["cookie:sid"], "cookie:sid=%2576", "cookie:sid=%2576"],
  ])("%j: %s is %s", (key, said, expected) => {
    expect(new Counting(ruleOf({ key })).keyNamed(said)?.text).toBe(expected);
  });
});
