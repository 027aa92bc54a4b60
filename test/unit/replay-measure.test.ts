import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type MeasuredRule, measure, percentile } from "../../loadtest/replay/measure.ts";
import { exactCounter } from "../../loadtest/replay/oracle.ts";
import type { Answer, Decision, Sent } from "../../loadtest/replay/sender.ts";
import { durationMs, epochMs } from "../../shared/time.ts";

const grid = (lengthMs: number, offsetMs = 0) => ({
  lengthMs: durationMs(lengthMs),
  offsetMs: durationMs(offsetMs),
});
const rule = (fields: Partial<MeasuredRule> = {}): MeasuredRule => ({
  name: "login",
  limit: 2,
  burst: fields.limit ?? 2,
  cost: 1,
  blockFor: undefined,
  algorithm: "fixed-window",
  mode: "enforce",
  ...fields,
});

describe("the exact counter", () => {
  test("of a token bucket admits the burst at once, then one for every part of the window", () => {
    const counter = exactCounter();
    const charge = {
      rule: rule({ algorithm: "token-bucket", limit: 2, burst: 3 }),
      key: "k",
      grid: grid(1_000),
    };
    const admitted = [0, 0, 0, 0, 499, 500, 501, 1_000, 1_001].filter((at) =>
      counter.admits(epochMs(10_000 + at), [charge]),
    );
    expect(admitted).toEqual([0, 0, 0, 500, 1_000]);
  });

  test("counts what each request costs, whole or not at all", () => {
    const counter = exactCounter();
    const charge = { rule: rule({ limit: 5, cost: 2 }), key: "k", grid: grid(1_000) };
    expect([0, 1, 2].map((at) => counter.admits(epochMs(at), [charge]))).toEqual([true, true, false]);
  });

  test("bars a denied key for as long as the rule says, from the first denial on", () => {
    const counter = exactCounter();
    const charge = { rule: rule({ limit: 1, blockFor: durationMs(2_500) }), key: "k", grid: grid(1_000) };
    const admitted = [0, 100, 1_000, 2_000, 2_599, 2_600].filter((at) =>
      counter.admits(epochMs(at), [charge]),
    );
    expect(admitted).toEqual([0, 2_600]);
  });

  test("of a fixed window admits exactly the limit in each of the key's own windows", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5_000), { maxLength: 60 }),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(999),
        (times, limit, offset) => {
          times.sort((a, b) => a - b);
          const counter = exactCounter();
          const charge = { rule: rule({ limit }), key: "k", grid: grid(1_000, offset) };
          const windows = new Map<number, { sent: number; admitted: number }>();
          for (const at of times) {
            // Windows counted out by hand, from one that starts before every time.
            let window = 0;
            while (offset - 1_000 + (window + 1) * 1_000 <= at) window++;
            const seen = windows.get(window) ?? { sent: 0, admitted: 0 };
            windows.set(window, seen);
            seen.sent++;
            if (counter.admits(epochMs(at), [charge])) seen.admitted++;
          }
          for (const { sent, admitted } of windows.values()) expect(admitted).toBe(Math.min(sent, limit));
        },
      ),
    );
  });

  test("of a sliding window weighs the window before it by what is left of it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(6_000), { maxLength: 80 }),
        fc.integer({ min: 1, max: 8 }),
        (times, limit) => {
          times.sort((a, b) => a - b);
          const counter = exactCounter();
          const charge = { rule: rule({ limit, algorithm: "sliding-window" }), key: "k", grid: grid(1_000) };
          const admitted: number[] = [];
          for (const at of times) {
            const start = at - (at % 1_000);
            const current = admitted.filter((time) => time >= start).length;
            const previous = admitted.filter((time) => time >= start - 1_000 && time < start).length;
            // In thousandths of a request, so that nothing is rounded.
            const fits = 1_000 * (current + 1) + previous * (1_000 - (at - start)) <= 1_000 * limit;
            expect(counter.admits(epochMs(at), [charge])).toBe(fits);
            if (fits) admitted.push(at);
          }
        },
      ),
    );
  });

  test("charges no rule for a request that one of its rules denies", () => {
    const counter = exactCounter();
    const [wide, narrow] = [
      { rule: rule({ name: "wide", limit: 2 }), key: "k", grid: grid(1_000) },
      { rule: rule({ name: "narrow", limit: 1 }), key: "k", grid: grid(1_000) },
    ];
    expect(counter.admits(epochMs(0), [wide, narrow])).toBe(true);
    expect(counter.admits(epochMs(1), [wide, narrow])).toBe(false);
    expect(counter.admits(epochMs(2), [wide])).toBe(true);
    expect(counter.admits(epochMs(3), [wide])).toBe(false);
  });
});

describe("the figures", () => {
  const sentOne = (
    at: number,
    decision: Decision | undefined,
    status: number,
    fields: Partial<Sent> = {},
  ): Sent => {
    const answer: Answer = { status, ...(decision === undefined ? {} : { decision, rule: "login" }) };
    const planned = { atMs: at, client: "203.0.113.9", request: { method: "GET", target: "/" }, pop: 0 };
    return { planned, sentAt: epochMs(at), lateMs: 0, tookMs: 1, answer, ...fields };
  };
  const figures = (sent: readonly Sent[], rules: readonly MeasuredRule[] = [rule()]) =>
    measure({
      sent,
      rules,
      popNames: ["LHR", "CDG"],
      chargesOf: ({ planned }) => rules.map((one) => ({ rule: one, key: planned.client, grid: grid(1_000) })),
    });

  test("count excess and missing per client and window, without setting one off against the other", () => {
    const sent = [
      // Window 0: three admitted of an exact two.
      ...[0, 1, 2].map((at) => sentOne(at, "credit", 200)),
      sentOne(3, "owner", 429),
      // Window 1: one admitted of an exact two.
      sentOne(1_000, "owner", 200),
      sentOne(1_001, "blocked", 429),
      sentOne(1_002, "blocked", 429),
    ];
    expect(figures(sent).rules).toEqual([
      {
        name: "login",
        requests: 7,
        admitted: 4,
        denied: 3,
        deniedByOthers: 0,
        waited: 2,
        claims: 2,
        excess: 1,
        falseDenials: 1,
        admittedPerWindowMax: 3,
      },
    ]);
  });

  test("of a rule in shadow mode claim neither excess nor missing", () => {
    const [shadow] = figures(
      [0, 1, 2].map((at) => sentOne(at, "credit", 200)),
      [rule({ mode: "shadow" })],
    ).rules;
    expect(shadow).not.toHaveProperty("excess");
    expect(shadow).toMatchObject({ requests: 3, admitted: 3, denied: 0 });
  });

  test("tell a rule's own denials from those of the request's other rules", () => {
    const rules = [rule(), rule({ name: "all", limit: 100 })];
    const result = figures(
      [0, 1].map((at) => sentOne(at, "credit", 200)).concat(sentOne(2, "blocked", 429)),
      rules,
    );
    expect(result.rules.map(({ denied, deniedByOthers }) => [denied, deniedByOthers])).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(result.rules.map(({ excess, falseDenials }) => [excess, falseDenials])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  test("give the time by decision, and what it added to the median answer without I/O", () => {
    const credits = [1, 2, 3].map((tookMs, at) => sentOne(at, "credit", 200, { tookMs }));
    const owners = [50, 70].map((tookMs, at) => sentOne(10 + at, "owner", 429, { tookMs }));
    expect(figures([...credits, ...owners]).decisions).toEqual([
      { decision: "credit", requests: 3, p50Ms: 2, p99Ms: 3, addedP50Ms: 0, addedP99Ms: 1 },
      { decision: "owner", requests: 2, p50Ms: 50, p99Ms: 70, addedP50Ms: 48, addedP99Ms: 68 },
    ]);
    expect(figures(owners).decisions[0]).not.toHaveProperty("addedP50Ms");
  });

  test("leave out of the comparison what no Worker decided, and count it apart", () => {
    const result = figures([
      sentOne(0, "credit", 200),
      sentOne(1, undefined, 501),
      { ...sentOne(2, undefined, 0), answer: { failure: "ECONNREFUSED" } },
    ]);
    expect(result).toMatchObject({
      requests: 3,
      admitted: 1,
      denied: 0,
      undecided: 1,
      failures: { ECONNREFUSED: 1 },
    });
    expect(result.statuses).toEqual({ "200": 1, "501": 1 });
    expect(result.rules[0]).toMatchObject({ requests: 1, falseDenials: 0 });
  });

  test("list the ten busiest clients with the POPs they used", () => {
    const sent = Array.from({ length: 12 }, (_, client) =>
      Array.from({ length: client + 1 }, (_unused, index) => {
        const one = sentOne(index, "credit", 200);
        return { ...one, planned: { ...one.planned, client: `203.0.113.${client}`, pop: index % 2 } };
      }),
    ).flat();
    const { clients, clientCount } = figures(sent);
    expect(clientCount).toBe(12);
    expect(clients).toHaveLength(10);
    expect(clients[0]).toEqual({
      client: "203.0.113.11",
      requests: 12,
      admitted: 12,
      denied: 0,
      pops: ["LHR", "CDG"],
    });
  });
});

test("a percentile is the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([0.5, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([50, 99, 100]);
  expect(percentile([7], 0.5)).toBe(7);
  expect(percentile([], 0.5)).toBe(0);
});
