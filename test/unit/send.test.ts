/** The JSON that has a cluster send requests. */
import { describe, expect, test } from "vitest";
import { addressOf, parseSend } from "../../loadtest/cluster/send.ts";

const POPS = ["LHR", "TYO"];
const ONE = {
  pop: "LHR",
  ip: "203.0.113.9",
  path: "/",
  method: "GET",
  count: 1,
  clients: 1,
  perSecond: undefined,
};

describe("POST /api/send", () => {
  test.each([
    ['{"pop":"LHR","ip":"203.0.113.9"}', ONE],
    [
      '{"pop":"TYO","ip":"2001:db8::1","path":"/a?b","method":"POST"}',
      { ...ONE, pop: "TYO", ip: "2001:db8::1", path: "/a?b", method: "POST" },
    ],
    ['{"pop":"LHR","ip":"203.0.113.9","count":100}', { ...ONE, count: 100 }],
    [
      '{"pop":"LHR","ip":"203.0.113.9","count":1000,"clients":256,"perSecond":500}',
      { ...ONE, count: 1000, clients: 256, perSecond: 500 },
    ],
  ])("takes %s", (text, send) => {
    expect(parseSend(text, POPS)).toEqual({ ok: true, send });
  });

  test.each([
    ["", "the body is no JSON"],
    ["[]", "not an object"],
    ["null", "not an object"],
    ["{}", '"pop" is nothing; allowed: LHR, TYO'],
    ['{"pop":"CDG"}', '"pop" is "CDG"; allowed: LHR, TYO'],
    ['{"pop":"LHR","ip":"1.2.3.4","why":1}', 'unknown field "why"'],
    ['{"pop":"LHR"}', '"ip" is nothing'],
    ['{"pop":"LHR","ip":"1.2.3"}', '"ip" is "1.2.3"'],
    ['{"pop":"LHR","ip":"1.2.3.4\\r\\nx: y"}', '"ip" is'],
    ['{"pop":"LHR","ip":"1.2.3.4","path":"x"}', '"path" is "x"; allowed: a path that begins with "/"'],
    ['{"pop":"LHR","ip":"1.2.3.4","path":"/a b"}', '"path" is "/a b"'],
    ['{"pop":"LHR","ip":"1.2.3.4","method":"get"}', '"method" is "get"; allowed: GET, HEAD'],
    ['{"pop":"LHR","ip":"1.2.3.4","count":0}', '"count" is 0; allowed: a whole number from 1 to 1000'],
    ['{"pop":"LHR","ip":"1.2.3.4","count":1.5}', '"count" is 1.5'],
    ['{"pop":"LHR","ip":"1.2.3.4","count":101}', '"count" is 101 without "perSecond"'],
    ['{"pop":"LHR","ip":"1.2.3.4","clients":"2"}', '"clients" is "2"'],
    ['{"pop":"LHR","ip":"::1","clients":2}', "allowed with several clients: an IPv4 address"],
    ['{"pop":"LHR","ip":"255.255.255.255","clients":2}', "with as many after it"],
    [
      '{"pop":"LHR","ip":"1.2.3.4","perSecond":0}',
      '"perSecond" is 0; allowed: a number above 0, at most 500',
    ],
    [
      '{"pop":"LHR","ip":"1.2.3.4","count":100,"perSecond":1}',
      "100 requests at 1 a second take 100 s; allowed: 30 s",
    ],
  ])("refuses %s, saying what was found and what is allowed", (text, problem) => {
    const parsed = parseSend(text, POPS);
    expect(parsed.ok ? "taken" : parsed.problem).toContain(problem);
  });

  test("clients have addresses one after the other", () => {
    expect([0, 1, 250].map((index) => addressOf("10.0.0.9", index))).toEqual([
      "10.0.0.9",
      "10.0.0.10",
      "10.0.1.3",
    ]);
  });
});
