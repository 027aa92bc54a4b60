/** What a rule costs under a mix of traffic, in exact figures. */
import { describe, expect, test } from "vitest";
import { questionsOf } from "../../loadtest/check-rules/ahead.ts";
import { costOf, isolateMonthUsd, MIX_DEFAULT } from "../../loadtest/check-rules/cost.ts";
import { durationMs } from "../../shared/time.ts";

const LOGIN = {
  limit: 20,
  window: durationMs(60_000),
  threshold: 4,
  cost: 1,
  lease: 0,
  grace: 0,
  strict: 0,
  spread: "off",
} as const;

test("with the default mix", () => {
  expect(costOf(LOGIN, MIX_DEFAULT)).toEqual({
    asks: 190_000, // 200,000 claimed − 10,000 blocked
    ownerRequests: 230_000, // and 200,000 ÷ 10 = 20,000 claims × 2 further isolates
    hubMessages: 270_000, // (20,000 claims + 10,000 blocks) × 9 regions
    rowsWritten: 270_000, // 230,000 and 2 × 20,000
    // Requests (230,000 + 270,000 + 20,000 alarms) × $0.15 + rows × $1 + 230,000 rows read × $0.001, and
    // 230,000 × 10 ms + 30,000 × 300 ms + 270,000 × 25 ms = 18,050 s × 0.128 GB × $12.50: all per million.
    usd: 0.3771,
  });
});

test("nothing, where nobody is busy", () => {
  const mix = { ...MIX_DEFAULT, busy: 0, blocked: 0 };
  expect(costOf(LOGIN, mix)).toEqual({ asks: 0, ownerRequests: 0, hubMessages: 0, rowsWritten: 0, usd: 0 });
});

test("a claimed client makes as many requests in a window as claim it, at least", () => {
  const { hubMessages } = costOf(LOGIN, { ...MIX_DEFAULT, blocked: 0, pace: 0 });
  expect(hubMessages).toBe((200_000 / 4) * 9);
});

test("costs are counted against the limit: fewer requests of a client fill a window", () => {
  const { hubMessages } = costOf({ ...LOGIN, cost: 5 }, { ...MIX_DEFAULT, blocked: 0, pace: 1 });
  expect(hubMessages).toBe((200_000 / 4) * 9);
  expect(costOf({ ...LOGIN, cost: 20 }, { ...MIX_DEFAULT, blocked: 0 }).hubMessages).toBe(200_000 * 9);
});

test("with threshold = 1 every request asks, and nobody has anything to report", () => {
  expect(costOf({ ...LOGIN, threshold: 1 }, MIX_DEFAULT)).toEqual({
    asks: 990_000,
    ownerRequests: 990_000,
    hubMessages: 830_000 * 9, // 800,000 clients of one request, 20,000 busy ones, 10,000 blocks
    rowsWritten: 990_000 + 2 * 820_000,
    // 9,280,000 requests of objects, the rows, and 445,650 s awake.
    usd: 4.736,
  });
});

test("more isolates cost a report each; the hub's connections are a matter of time alone", () => {
  const of = (isolates: number) => costOf(LOGIN, { ...MIX_DEFAULT, isolates }).ownerRequests;
  expect([of(1), of(2), of(11)]).toEqual([190_000, 210_000, 390_000]);
  // 30 days ÷ 22.5 s = 115,200 connections × $0.15 per million.
  expect(isolateMonthUsd()).toBe(0.0173);
});

describe("a claimed client of a rule that holds credit ahead", () => {
  const API = { ...LOGIN, limit: 5_000, lease: "auto", grace: 2 } as const;
  const of = (rule: Parameters<typeof questionsOf>[0], requests: number, isolates: number) => {
    const { calls, waiting } = questionsOf(rule, requests, isolates);
    return [Math.round(calls), Math.round(waiting)];
  };

  test("asks as often as a client that was measured, and a little more", () => {
    // `lease-figures.test.ts` has for two windows 5,681, 166 and 89 Asks, where 99.89, 0.25 and 0.26 % waited.
    expect(of({ ...API, lease: 0, grace: 0 }, 4_000, 4)).toEqual([4_000, 4_000]);
    // 4,000 ÷ (2.8 s at 1,000 a minute and isolate), and four that hand back.
    expect(of(API, 4_000, 4)).toEqual([90, 14]);
    // 125 at a time down to 3,150, then 25·ln(3,125 ÷ 975), and four; the first at each isolate waits.
    expect(of({ ...API, lease: 0.1, grace: 0 }, 4_000, 4)).toEqual([48, 11]);
  });

  test("waits near its limit with each request", () => {
    // A tenth of the limit is asked for at least: 46 ÷ 6, then 2·ln(12 ÷ 2), and the last four by themselves, of which
    // half is less than 2 − 1; one hands back.
    expect(of({ ...API, limit: 60 }, 60, 1)).toEqual([16, 6]);
    expect(of({ ...API, limit: 60, grace: 0 }, 60, 1)).toEqual([16, 7]);
  });

  test("that comes slowly to each isolate asks and hands back each time", () => {
    // 10 requests a minute at three isolates: every 18 s, when a lease lives for 10.
    expect(of({ ...API, limit: 20, grace: 0 }, 10, 3)).toEqual([20, 10]);
    expect(of({ ...API, limit: 20 }, 10, 3)).toEqual([20, 0]);
  });

  test("with grace alone asks with each request, and has its grace once at each isolate", () => {
    expect(of({ ...API, lease: 0 }, 100, 4)).toEqual([100, 92]);
    expect(of({ ...API, lease: 0 }, 6, 4)).toEqual([6, 0]);
    expect(of({ ...API, lease: 0, cost: 3 }, 100, 4)).toEqual([100, 100]);
  });

  test("costs accordingly", () => {
    // 190,000 requests × 83.4 ÷ 4,000, 50 claims × 3 reports; 13.9 of 4,000 wait, and a hub hears of 10,050 claims and blocks.
    const mix = { ...MIX_DEFAULT, isolates: 4, pace: 0.8 };
    expect(costOf(API, mix)).toEqual({
      asks: 679,
      ownerRequests: 4_411,
      hubMessages: 90_450,
      rowsWritten: 4_511,
      // 94,911 requests of objects, the rows, and 5,320 s awake.
      usd: 0.0273,
    });
    const { asks, ownerRequests } = costOf(
      { ...API, threshold: 1, grace: 0 },
      { ...mix, busy: 0, blocked: 0 },
    );
    // Each client asks for its one request, which waits, and hands back what it was granted ahead.
    expect([asks, ownerRequests]).toEqual([1_000_000, 2_000_000]);
  });
});

test("under a strict rule as many isolates tell of each claim as it names, at least", () => {
  const of = (strict: number, isolates: number) =>
    costOf({ ...LOGIN, strict }, { ...MIX_DEFAULT, isolates }).ownerRequests;
  // 20,000 claims.
  expect([of(0, 3), of(8, 3), of(8, 11)]).toEqual([230_000, 330_000, 390_000]);
});

test("with spread = auto hubs hear twice of each request that is picked", () => {
  const of = (limit: number, more: object = {}) =>
    costOf({ ...LOGIN, limit, spread: "auto", ...more }, { ...MIX_DEFAULT, busy: 0, blocked: 0 });
  // p = 12 ÷ limit; $0.15 per million calls, and 25 ms each × 0.128 GB × $12.50.
  expect(of(1_200)).toMatchObject({ hubMessages: 20_000, usd: 0.0038 });
  expect(of(10).hubMessages).toBe(2_000_000);
  expect(of(1_200, { cost: 5 }).hubMessages).toBe(100_000);
  expect(of(1_200, { threshold: 1 }).hubMessages).toBe(9_000_000);
});
