import { describe, expect, test } from "vitest";
import { parseRules, type Rule } from "../../shared/rule.ts";
import { matching, type Said } from "./traits.ts";

function rulesOf(fields: object): readonly Rule[] {
  const parsed = parseRules([{ name: "r", limit: 10, window: "1m", ...fields }]);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.rules;
}

/** Whether a rule with this `match` covers a request. */
const covers = (match: object, said: Said): boolean => !matching(rulesOf({ match }))(said).isEmpty;

const HOSTS = { hosts: ["example.com", "*.example.org", "127.0.0.1", "[::1]"] };
const HEADERS = { headers: { "X-Client": ["app", "web"], "x-beta": "*" } };
const KIND = { query: { kind: ["a", "b"] } };

describe("a rule covers a request only if", () => {
  test.each<[string, object, Said, boolean]>([
    ["its host is one of the list", HOSTS, { hostname: "example.com" }, true],
    ["a dot at the end of a host says nothing", HOSTS, { hostname: "example.com." }, true],
    ["a host below one is another", HOSTS, { hostname: "a.example.com" }, false],
    ["*. stands for all below", HOSTS, { hostname: "a.b.example.org" }, true],
    ["*. stands for all below, with a dot at the end", HOSTS, { hostname: "a.example.org." }, true],
    ["*. does not stand for the host itself", HOSTS, { hostname: "example.org" }, false],
    ["*. is not a mere ending", HOSTS, { hostname: "notexample.org" }, false],
    ["an address is a host", HOSTS, { hostname: "127.0.0.1" }, true],
    ["IPv6 is one as well", HOSTS, { hostname: "[::1]" }, true],
    ["each header has one of its values", HEADERS, { headers: { "x-client": "web", "x-beta": "0" } }, true],
    ["* is any value, the empty one too", HEADERS, { headers: { "x-client": "app", "x-beta": "" } }, true],
    ["a header is there", HEADERS, { headers: { "x-client": "app" } }, false],
    [
      "a value is the same in every letter",
      HEADERS,
      { headers: { "x-client": "App", "x-beta": "1" } },
      false,
    ],
    ["a parameter has the value", KIND, { query: "kind=a" }, true],
    ["any of its values has it", KIND, { query: "kind=z&x=1&kind=b" }, true],
    ["escapes in a query are read", KIND, { query: "k%69nd=%61" }, true],
    ["a parameter is there", KIND, { query: "kin=a" }, false],
    ["none of its values has it", KIND, { query: "kind=A&kind=" }, false],
    ["the country is one of the list", { country: ["DE", "T1"] }, { country: "T1" }, true],
    ["the country is another", { country: ["DE"] }, { country: "FR" }, false],
    ["the country is not told", { country: ["DE"] }, {}, false],
    ["the network is one of the list", { asn: [1, 13335] }, { asn: 13335 }, true],
    ["the network is another", { asn: [13335] }, { asn: 13336 }, false],
    ["the network is not told", { asn: [13335] }, {}, false],
    [
      "all fields hold",
      { ...HOSTS, country: ["DE"], methods: ["GET"] },
      { hostname: "example.com", country: "DE" },
      true,
    ],
    [
      "one field does not",
      { ...HOSTS, country: ["DE"], methods: ["POST"] },
      { hostname: "example.com", country: "DE" },
      false,
    ],
  ])("%s", (_, match, said, expected) => {
    expect(covers(match, said)).toBe(expected);
  });
});

describe("an exception", () => {
  test.each<[string, object, Said, boolean]>([
    ["takes out what it matches", { hosts: ["a.example"] }, { hostname: "a.example." }, false],
    ["leaves the rest", { hosts: ["a.example"] }, { hostname: "b.example" }, true],
    ["asks all of its fields", { methods: ["GET"], country: ["DE"] }, { country: "FR" }, true],
    ["takes out what has all", { methods: ["GET"], country: ["DE"] }, { country: "DE" }, false],
    ["looks at the method", { methods: ["POST"] }, {}, true],
    ["looks at the path", { path: ["/a", "/b/*"] }, { pathname: "/b/c" }, false],
    ["looks at path and method", { path: "/a", methods: ["POST"] }, { pathname: "/a" }, true],
    ["is none where one reading is another path", { path: "/a/*" }, { pathname: "/a/..%2flogin" }, true],
    ["is none where one reading is another path (;)", { path: "/a/*" }, { pathname: "/a/..;/login" }, true],
    ["is none where one value of two is another", { query: { k: "1" } }, { query: "k=1&k=2" }, true],
    ["takes the same value twice", { query: { k: "1" } }, { query: "k=1&k=1" }, false],
    ["needs a value", { query: { k: "*" } }, {}, true],
    ["that asks nothing takes out everything", {}, {}, false],
  ])("%s", (_, not, said, expected) => {
    expect(covers({ not }, said)).toBe(expected);
  });
});

describe("a plan", () => {
  const limits = { by: "header:X-Plan", free: 5, pro: 50, __proto: 7 };
  const planned = rulesOf({ limits });
  const limitOf = (said: Said): readonly number[] => matching(planned)(said).rules.map(({ limit }) => limit);

  test("is the one that a request names, the rule's own limit for all others, and never two", () => {
    expect(limitOf({ headers: { "x-plan": "free" } })).toEqual([5]);
    expect(limitOf({ headers: { "x-plan": "pro" } })).toEqual([50]);
    expect(limitOf({ headers: { "x-plan": "__proto" } })).toEqual([7]);
    expect(limitOf({ headers: { "x-plan": "constructor" } })).toEqual([10]);
    expect(limitOf({ headers: { "x-plan": "Pro" } })).toEqual([10]);
    expect(limitOf({ headers: { "x-plan": "" } })).toEqual([10]);
    expect(limitOf({ headers: { "x-plan": "free, pro" } })).toEqual([10]);
    expect(limitOf({})).toEqual([10]);
  });

  test("is picked by country, network, host, path or method as well", () => {
    const pick = (by: string, name: string, said: Said) =>
      matching(rulesOf({ limits: { by, [name]: 99 } }))(said).rules.map(({ limit }) => limit);
    expect(pick("country", "DE", { country: "DE" })).toEqual([99]);
    expect(pick("country", "DE", {})).toEqual([10]);
    expect(pick("asn", "13335", { asn: 13335 })).toEqual([99]);
    expect(pick("host", "a.example", { hostname: "a.example." })).toEqual([99]);
    expect(pick("path", "/A/", { pathname: "/a" })).toEqual([99]);
    expect(pick("path", "/a", { pathname: "/a;%5c.." })).toEqual([10]);
    expect(pick("method", "POST", { method: "POST" })).toEqual([99]);
    expect(pick("method", "POST", {})).toEqual([10]);
  });
});

describe("lists of clients", () => {
  const lists = {
    allow: ["192.0.2.0/24", "2001:db8::/32", "header:X-Probe=s3cret=1", "header:x-probe=other"],
    deny: ["192.0.2.7", "198.51.100.0/25", "header:x-bad=yes"],
  };
  const rules = rulesOf(lists);
  const outcomeOf = (said: Said): string => {
    const set = matching(rules)(said);
    return set.refusedBy !== undefined ? "refused" : set.isEmpty ? "not covered" : "counted";
  };

  test.each<[Said, string]>([
    [{ client: "203.0.113.9" }, "counted"],
    [{ client: "192.0.2.255" }, "not covered"],
    [{ client: "::ffff:192.0.2.255" }, "not covered"],
    // What is allowed is not refused.
    [{ client: "192.0.2.7" }, "not covered"],
    [{ client: "2001:db8:ffff::1" }, "not covered"],
    [{ client: "2001:db9::" }, "counted"],
    [{ client: "198.51.100.127" }, "refused"],
    [{ client: "198.51.100.128" }, "counted"],
    [{ client: null }, "counted"],
    [{ client: "192.0.2.1, 203.0.113.9" }, "counted"],
    [{ headers: { "x-probe": "s3cret=1" } }, "not covered"],
    [{ headers: { "x-probe": "other" } }, "not covered"],
    [{ headers: { "x-probe": "s3cret" } }, "counted"],
    [{ headers: { "x-bad": "yes" } }, "refused"],
    [{ headers: { "x-bad": "yes", "x-probe": "other" } }, "not covered"],
    [{ headers: { "x-bad": "no" } }, "counted"],
  ])("%j is %s", (said, expected) => {
    expect(outcomeOf(said)).toBe(expected);
  });

  test("nobody is refused by a shadow rule, by one that tags, or with enforcement off", () => {
    const said = { client: "198.51.100.1" };
    expect(matching(rulesOf({ ...lists, mode: "shadow" }))(said).refusedBy).toBeUndefined();
    expect(matching(rulesOf({ ...lists, action: { kind: "tag" } }))(said).refusedBy).toBeUndefined();
    expect(matching(rules, false)(said).refusedBy).toBeUndefined();
  });

  test("a candidate counts whom its rule refuses", () => {
    const both = rulesOf({ ...lists, candidate: { limit: 3, window: "10s" } });
    const set = matching(both)({ client: "198.51.100.1" });
    expect(set.refusedBy?.name).toBe("r");
    expect(set.rules.map(({ name }) => name)).toEqual(["r.candidate"]);
  });
});

describe("a request that lacks a part of the key", () => {
  test.each([
    ["ip", "counted"],
    ["skip", "not covered"],
    ["deny", "refused"],
  ])("is, with missing = %j, %s", (missing, expected) => {
    const match = matching(rulesOf({ key: ["header:x-api-key", "ip"], missing }));
    const outcomeOf = (said: Said): string => {
      const set = match(said);
      return set.refusedBy !== undefined ? "refused" : set.isEmpty ? "not covered" : "counted";
    };
    expect(outcomeOf({})).toBe(expected);
    expect(outcomeOf({ headers: { "x-api-key": "" } })).toBe(expected);
    expect(outcomeOf({ headers: { "x-api-key": "k" } })).toBe("counted");
    // All clients without an address are one.
    expect(outcomeOf({ headers: { "x-api-key": "k" }, client: null })).toBe("counted");
  });
});
