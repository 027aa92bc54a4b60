/** The JSON that breaks a cluster on purpose. */
import { describe, expect, test } from "vitest";
import { parseFault } from "../../loadtest/cluster/fault.ts";

const POPS = ["LHR", "TYO"];

describe("POST /api/fault", () => {
  test.each([
    [
      '{"kill":"owner","rule":"login","key":"ip=203.0.113.9"}',
      { kind: "kill", rule: "login", key: "ip=203.0.113.9" },
    ],
    ['{"cut":["LHR","owner"]}', { kind: "cut", link: ["LHR", "owner"] }],
    ['{"cut":["TYO","hub"]}', { kind: "cut", link: ["TYO", "hub"] }],
    ['{"delayMs":800,"link":["TYO","owner"]}', { kind: "delay", link: ["TYO", "owner"], delayMs: 800 }],
    ['{"next":"lost","link":["LHR","owner"]}', { kind: "next", next: "lost", link: ["LHR", "owner"] }],
    ['{"skewMs":-900,"pop":"TYO"}', { kind: "skew", pop: "TYO", skewMs: -900 }],
    ['{"heal":true}', { kind: "heal" }],
  ])("takes %s", (text, fault) => {
    expect(parseFault(text, POPS)).toEqual({ ok: true, fault });
  });

  test.each([
    ["", "the body is no JSON"],
    ["[]", "not an object"],
    ["null", "not an object"],
    ["{}", "no fault"],
    ['{"__proto__":{"heal":true}}', "no fault"],
    ['{"heal":true,"cut":["LHR","hub"]}', "more than one fault"],
    ['{"heal":true,"why":1}', 'unknown field "why"'],
    ['{"heal":false}', '"heal" is false; allowed: true'],
    ['{"kill":"POP"}', '"kill" is "POP"; allowed: "owner", "hub"'],
    ['{"kill":"hub"}', '"region" is nothing; allowed: "wnam", "enam"'],
    ['{"kill":"hub","region":"weur","rule":"x"}', '"rule" and "key" name an owner'],
    ['{"kill":"owner","region":"weur"}', '"region" names a hub; "kill" is "owner"'],
    ['{"kill":"owner","rule":""}', '"rule" is ""'],
    ['{"kill":"owner","rule":"login"}', '"key" is nothing'],
    ['{"cut":["LHR"]}', "POP one of LHR, TYO"],
    [
      '{"cut":["CDG","owner"]}',
      '"cut" names "CDG"; allowed: [POP, "owner"] or [POP, "hub"], POP one of LHR, TYO',
    ],
    ['{"cut":["LHR","moon"]}', '"cut" ends at "moon"'],
    ['{"delayMs":-1,"link":["LHR","hub"]}', '"delayMs" is -1; allowed: a number from 0 to 60000'],
    ['{"delayMs":1}', '"link" is nothing'],
    ['{"next":"late","link":["LHR","owner"]}', '"next" is "late"; allowed: "lost", "overloaded", "reset"'],
    ['{"next":"lost","link":["LHR","hub"]}', '"link" ends at "hub"; calls go to owners'],
    ['{"skewMs":1e9,"pop":"LHR"}', '"skewMs" is 1000000000; allowed: a number from -60000 to 60000'],
    ['{"skewMs":1,"pop":"CDG"}', '"pop" is "CDG"; allowed: LHR, TYO'],
  ])("refuses %s, saying what was found and what is allowed", (text, problem) => {
    const parsed = parseFault(text, POPS);
    expect(parsed.ok ? "taken" : parsed.problem).toContain(problem);
  });
});
