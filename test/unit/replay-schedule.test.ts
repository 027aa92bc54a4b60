import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LogEntry } from "../../loadtest/replay/log-line.ts";
import { schedule } from "../../loadtest/replay/schedule.ts";
import { collectSlice } from "../../loadtest/replay/slice.ts";
import { durationMs, epochMs } from "../../shared/time.ts";

const entryAt = (at: number, client = "203.0.113.9", wholeSecond = true): LogEntry => ({
  at: epochMs(at),
  wholeSecond,
  client,
  request: { method: "GET", target: `/${at}` },
});
const WISH = { speed: 1, seed: 1, spread: 1, pops: 4 };
const BASE = Date.parse("2026-01-12T07:27:00Z");

describe("a slice", () => {
  const collect = (times: readonly number[], from: number | undefined, length: number) => {
    const collector = collectSlice({
      length: durationMs(length),
      ...(from === undefined ? {} : { from: epochMs(from) }),
    });
    for (const at of times) collector.add(entryAt(at));
    return collector.finish();
  };

  test("holds what lies from its start until before its end", () => {
    const slice = collect([1_000, 2_000, 3_999, 4_000], 2_000, 2_000);
    expect(slice.entries.map(({ at }) => at)).toEqual([2_000, 3_999]);
    expect(slice.sorted).toBe(true);
  });

  test("starts with the log's first request when no start is given", () => {
    expect(collect([5_000, 6_000, 7_000], undefined, 2_000).entries).toHaveLength(2);
  });

  test("of an unsorted log is sorted, keeps the order of equal times, and says so", () => {
    const collector = collectSlice({ from: epochMs(0), length: durationMs(10_000) });
    for (const [at, client] of [
      [2_000, "a"],
      [1_000, "b"],
      [2_000, "c"],
    ] as const)
      collector.add(entryAt(at, client));
    const slice = collector.finish();
    expect(slice.entries.map(({ client }) => client)).toEqual(["b", "a", "c"]);
    expect(slice.sorted).toBe(false);
  });

  test("with nothing in it names the log's range", () => {
    expect(() => collect([BASE, BASE + 1_500], BASE + 60_000, 1_000)).toThrow(
      "no request from 2026-01-12T07:28:00Z for 1s: the log holds 2026-01-12T07:27:00Z to 2026-01-12T07:27:01.500Z",
    );
  });

  test("with more requests than fit is refused", () => {
    const collector = collectSlice({ from: epochMs(0), length: durationMs(10_000) }, 2);
    collector.add(entryAt(1));
    collector.add(entryAt(2));
    expect(() => collector.add(entryAt(3))).toThrow(/more than 2 requests/);
  });
});

describe("a schedule", () => {
  const entries = Array.from({ length: 60 }, (_, index) =>
    entryAt(BASE + 1_000 * Math.floor(index / 20), `203.0.113.${index % 7}`),
  );

  test("is the same for the same seed, and another for another", () => {
    expect(schedule(entries, WISH)).toEqual(schedule(entries, WISH));
    expect(schedule(entries, { ...WISH, seed: 2 })).not.toEqual(schedule(entries, WISH));
  });

  test("starts at once, keeps each request within its second and the log's order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 50 }),
        fc.nat(0xffff_ffff),
        (seconds, seed) => {
          seconds.sort((a, b) => a - b);
          const plan = schedule(
            seconds.map((second, index) => entryAt(1_000 * second, `c${index}`)),
            { ...WISH, seed },
          );
          expect(plan[0]?.atMs).toBe(0);
          expect(plan.map(({ client }) => client)).toEqual(seconds.map((_, index) => `c${index}`));
          const [first = 0] = seconds;
          for (const [index, { atMs }] of plan.entries()) {
            const apart = ((seconds[index] ?? 0) - first) * 1_000;
            expect(Math.abs(atMs - apart)).toBeLessThan(1_000);
          }
        },
      ),
    );
  });

  test("keeps times finer than a second as they are", () => {
    const fine = [0, 250, 250, 900].map((at) => entryAt(at, "203.0.113.9", false));
    expect(schedule(fine, WISH).map(({ atMs }) => atMs)).toEqual([0, 250, 250, 900]);
  });

  test("at twice the speed takes half the time and uses the same POPs", () => {
    const [slow, fast] = [schedule(entries, WISH), schedule(entries, { ...WISH, speed: 2 })];
    expect(fast.map(({ atMs }) => atMs * 2)).toEqual(slow.map(({ atMs }) => atMs));
    expect(fast.map(({ pop }) => pop)).toEqual(slow.map(({ pop }) => pop));
  });

  test("sends a client to as many POPs as the spread allows, and different clients to different ones", () => {
    for (const spread of [1, 2, 4]) {
      const many = Array.from({ length: 400 }, (_, index) =>
        entryAt(1_000 * index, `203.0.113.${index % 8}`),
      );
      const used = new Map<string, Set<number>>();
      for (const { client, pop } of schedule(many, { ...WISH, spread })) {
        used.set(client, (used.get(client) ?? new Set()).add(pop));
      }
      for (const pops of used.values()) expect(pops.size).toBe(spread);
      expect(new Set([...used.values()].flatMap((pops) => [...pops]))).toEqual(new Set([0, 1, 2, 3]));
    }
  });
});
