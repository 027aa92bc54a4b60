/** What a rule costs under a mix of traffic, in exact figures. */
import { expect, test } from "vitest";
import { costOf, isolateMonthUsd, MIX_DEFAULT } from "../../loadtest/check-rules/cost.ts";

const LOGIN = { limit: 20, threshold: 4, cost: 1 };

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
