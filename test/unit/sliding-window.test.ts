/** The sliding window against a log of every event, weighed in exact fractions. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyMeter, nextRoomAt, room } from "../../shared/owner/meter/meter.ts";
import type { RulePolicy } from "../../shared/protocol/messages.ts";
import { durationMs, epochMs, windowAt, windowStart } from "../../shared/time.ts";
import { compare, happenings, logged, policies, SEQUENCES, type Weigh } from "./meter-oracle.ts";
import { MINUTE, SLOW_MS, T0 } from "./world.ts";

const ceilDiv = (a: bigint, b: bigint): bigint => (a + b - 1n) / b;

const weigh: Weigh = ({ limit, grid }, countIn, now) => {
  const window = windowAt(grid, now);
  const left = BigInt(grid.lengthMs - (now - windowStart(grid, window)));
  const previous = BigInt(Math.min(countIn(window - 1), 2 * limit));
  return limit - countIn(window) - Number(ceilDiv(previous * left, BigInt(grid.lengthMs)));
};

const grid = { lengthMs: MINUTE, offsetMs: durationMs(0) };
const policy: RulePolicy = { version: "", name: "", algorithm: "sliding-window", limit: 10, grid };
const window = windowAt(grid, T0);
const at = (ms: number) => epochMs(T0 + ms);

describe("the sliding-window meter", () => {
  it(
    "agrees with a log of every event, whatever is learnt, asked, handed back or late, and whenever",
    () => {
      fc.assert(
        fc.property(policies("sliding-window"), happenings, (policy, happened) => {
          compare(policy, happened, logged(weigh));
        }),
        { numRuns: SEQUENCES },
      );
    },
    SLOW_MS,
  );

  it(
    "agrees to the millisecond on the largest limits and longest windows a rule may have",
    () => {
      const sizes = fc.constantFrom<[number, number]>(
        [868_720, 2_592_000_000],
        [2_251_799_813, 1_000_000],
        [26_000_000, 86_400_000],
      );
      fc.assert(
        fc.property(sizes, fc.nat(), fc.nat(), fc.nat(), ([limit, length], a, b, elapsed) => {
          const big = { ...policy, limit, grid: { lengthMs: durationMs(length), offsetMs: durationMs(0) } };
          const state = { ...emptyMeter(1_000), current: a % limit, previous: b % (3 * limit) };
          const countIn = (w: number): number =>
            w === 1_000 ? state.current : w === 999 ? state.previous : 0;
          const now = epochMs(1_000 * length + (elapsed % length));
          expect(room(big, state, now)).toBe(weigh(big, countIn, now));
          const next = nextRoomAt(big, state, now);
          expect(weigh(big, countIn, next)).toBeGreaterThanOrEqual(1);
          if (next > now) expect(weigh(big, countIn, epochMs(next - 1))).toBeLessThan(1);
        }),
        { numRuns: 10_000 },
      );
    },
    SLOW_MS,
  );

  it("lets the previous window fade in a straight line: half of it counts in the middle", () => {
    const state = { ...emptyMeter(window), current: 0, previous: 10 };
    expect([0, 1, 6_000, 30_000, 54_000, 59_999].map((ms) => room(policy, state, at(ms)))).toEqual([
      0, 0, 1, 5, 9, 9,
    ]);
  });

  it("rounds the fading share up, in the direction of fewer grants", () => {
    expect(room(policy, { ...emptyMeter(window), current: 0, previous: 1 }, at(59_999))).toBe(9);
  });

  it("makes a client that filled this window wait into the next, until a unit of it has faded", () => {
    expect(nextRoomAt(policy, { ...emptyMeter(window), current: 10, previous: 0 }, T0)).toBe(at(66_000));
  });

  it("weighs no more than twice the limit, so that a flood learnt late blocks no longer than two windows", () => {
    const flooded = { ...emptyMeter(window), current: 1_000_000, previous: 1_000_000 };
    expect(nextRoomAt(policy, flooded, T0)).toBe(at(60_000 + 33_000));
  });

  it("counts the whole previous window while a source ahead of this clock has rolled it", () => {
    const ahead = { ...emptyMeter(window + 1), current: 0, previous: 10 };
    expect(room(policy, ahead, at(59_500))).toBe(0);
    expect(nextRoomAt(policy, ahead, at(59_500))).toBe(at(66_000));
  });
});
