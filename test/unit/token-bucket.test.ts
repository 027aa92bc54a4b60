/** The token bucket against one that is filled by hand, millisecond by millisecond. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { capacity } from "../../shared/capacity.ts";
import {
  charge,
  chargePrevious,
  counted,
  emptyMeter,
  nextRoomAt,
  resetAt,
  rollMeter,
  room,
} from "../../shared/owner/meter/meter.ts";
import type { RulePolicy } from "../../shared/protocol/messages.ts";
import { durationMs, type EpochMs, epochMs, later, NEVER, windowAt } from "../../shared/time.ts";
import { compare, happenings, type Naive, policies, SEQUENCES } from "./meter-oracle.ts";
import { MINUTE, SLOW_MS, T0 } from "./world.ts";

/** Windows so short that every one of their milliseconds can be stepped through. */
const SHORT = [1, 7, 10, 13, 29];

/** What it holds, in tokens times the window's length, as of `at`. It begins full, so it does not matter when. */
class HandFilled implements Naive {
  readonly limit: number;
  readonly length: number;
  readonly full: number;
  level: number;
  at: EpochMs = NEVER;

  constructor({ limit, burst, grid }: RulePolicy) {
    this.limit = limit;
    this.length = grid.lengthMs;
    this.full = (burst ?? limit) * this.length;
    this.level = this.full;
  }

  levelAt(now: EpochMs): number {
    let { level } = this;
    for (let t: number = this.at; t < now && level < this.full; t += 1) level += this.limit;
    return Math.min(level, this.full);
  }

  count(_window: number, cost: number, now: EpochMs): void {
    const level = this.levelAt(now) - cost * this.length;
    this.level = Math.max(-this.limit * this.length, Math.min(this.full, level));
    this.at = later(this.at, now);
  }

  room(now: EpochMs): number {
    return Math.floor(this.levelAt(now) / this.length);
  }

  resetAt(now: EpochMs): EpochMs {
    let t = now;
    while (this.levelAt(t) < this.full) t = epochMs(t + 1);
    return t;
  }
}

const grid = { lengthMs: MINUTE, offsetMs: durationMs(0) };
const policy: RulePolicy = { version: "", name: "", algorithm: "token-bucket", limit: 10, burst: 30, grid };
const window = windowAt(grid, T0);
const at = (ms: number) => epochMs(T0 + ms);
/** A bucket from which `cost` was taken at T0. */
const spent = (cost: number, of = policy) => {
  const state = emptyMeter(window);
  charge(of, state, cost, T0);
  return state;
};

describe("the token-bucket meter", () => {
  it(
    "agrees with a bucket filled by hand, whatever is learnt, asked, handed back or late, and whenever",
    () => {
      fc.assert(
        fc.property(policies("token-bucket", SHORT), happenings, (policy, happened) => {
          compare(policy, happened, (policy) => new HandFilled(policy));
        }),
        { numRuns: SEQUENCES },
      );
    },
    SLOW_MS,
  );

  it("agrees to the millisecond on the largest limits, bursts and longest windows a rule may have", () => {
    const sizes = fc.constantFrom<[number, number, number]>(
      [868_720, 868_720, 2_592_000_000],
      [1, 868_720, 2_592_000_000],
      [868_719, 1, 2_592_000_000],
      [999_999_937, 1_000_000_000, 2_251_799],
      [3, 1_000_000_000, 2_251_799],
      [26_000_000, 25_999_999, 86_400_000],
    );
    const charges = fc.array(
      fc.tuple(
        fc.oneof(fc.double({ min: -1, max: 2, noNaN: true }), fc.constant(2 ** 30)),
        fc.double({ min: 0, max: 1, noNaN: true }),
      ),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(sizes, charges, ([limit, burst, length], charges) => {
        const big = {
          ...policy,
          limit,
          burst,
          grid: { lengthMs: durationMs(length), offsetMs: durationMs(0) },
        };
        const state = emptyMeter(0);
        const [full, floor, wide] = [BigInt(burst * length), -BigInt(limit * length), BigInt(length)];
        let level = full;
        let now = T0;
        const levelAt = (time: number): bigint => {
          const filled = level + BigInt(time - now) * BigInt(limit);
          return filled > full ? full : filled;
        };
        for (const [part, pause] of charges) {
          const cost = Math.round(part * (burst + limit));
          charge(big, state, cost, now);
          const charged = level - BigInt(cost) * wide;
          level = charged > full ? full : charged < floor ? floor : charged;
          const next = nextRoomAt(big, state, now);
          expect(BigInt(room(big, state, now))).toBe(floorDiv(level, wide));
          expect(levelAt(next) >= wide && room(big, state, next) >= 1).toBe(true);
          if (next > now) {
            const before = epochMs(next - 1);
            expect(levelAt(before) < wide && room(big, state, before) < 1).toBe(true);
          }
          const later = epochMs(now + Math.round(pause * ((burst * length) / limit)));
          level = levelAt(later);
          now = later;
        }
      }),
      { numRuns: 10_000 },
    );
  });

  it("grants in no span of time more than it holds and what flows in", () => {
    const grants = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat({ max: 40 })), { maxLength: 24 });
    fc.assert(
      fc.property(policies("token-bucket", SHORT), grants, (policy, steps) => {
        const { limit, grid } = policy;
        const state = emptyMeter(0);
        const granted: { at: number; cost: number }[] = [];
        let now = T0;
        for (const [cost, pause] of steps) {
          now = epochMs(now + pause);
          if (room(policy, state, now) < cost) continue;
          charge(policy, state, cost, now);
          granted.push({ at: now, cost });
          let sum = 0;
          for (const { at, cost } of granted.toReversed()) {
            sum += cost;
            expect(sum * grid.lengthMs).toBeLessThanOrEqual(
              capacity(policy) * grid.lengthMs + limit * (now - at),
            );
          }
        }
      }),
      { numRuns: 10_000 },
    );
  });

  it("begins full, and fills evenly", () => {
    expect(room(policy, emptyMeter(window), T0)).toBe(30);
    const state = spent(30);
    expect(
      [0, 5_999, 6_000, 11_999, 12_000, 179_999, 180_000].map((ms) => room(policy, state, at(ms))),
    ).toEqual([0, 0, 1, 1, 2, 29, 30]);
    expect(nextRoomAt(policy, state, T0)).toBe(at(6_000));
    expect(counted(policy, state, at(6_000))).toBe(29);
  });

  it("holds the limit when the rule names no burst", () => {
    const { burst: _, ...plain } = policy;
    expect(room(plain, emptyMeter(window), T0)).toBe(10);
  });

  it("knows no windows: nothing comes back when one ends", () => {
    const state = spent(30);
    rollMeter(state, window + 1);
    expect(room(policy, state, at(60_000))).toBe(10);
    expect(state).toMatchObject({ current: 0, previous: 30 });
  });

  it("tells when quota comes back: with no room when a unit is there, else when it is full again", () => {
    expect(resetAt(policy, spent(30), T0)).toBe(at(6_000));
    expect(resetAt(policy, spent(29), T0)).toBe(at(29 * 6_000));
    expect(resetAt(policy, emptyMeter(window), T0)).toBe(T0);
  });

  it("goes into debt for what is learnt, but never for longer than one window pays off", () => {
    const state = spent(35);
    expect(room(policy, state, T0)).toBe(-5);
    expect(nextRoomAt(policy, state, T0)).toBe(at(36_000));
    charge(policy, state, Number.MAX_SAFE_INTEGER, T0);
    expect(room(policy, state, T0)).toBe(-10);
    expect(nextRoomAt(policy, state, T0)).toBe(at(66_000));
  });

  it("takes back what was handed back, but holds no more than its burst", () => {
    const state = spent(12);
    charge(policy, state, -2, T0);
    expect(room(policy, state, T0)).toBe(20);
    charge(policy, state, -Number.MAX_SAFE_INTEGER, T0);
    expect(room(policy, state, T0)).toBe(30);
  });

  it("is charged now for what comes late, for there is no earlier window to charge", () => {
    const state = spent(0);
    chargePrevious(policy, state, 4, T0);
    expect(room(policy, state, T0)).toBe(26);
    expect(state).toMatchObject({ current: 0, previous: 4 });
    chargePrevious(policy, state, -1, T0);
    expect(room(policy, state, T0)).toBe(27);
  });

  it("refills nothing when the clock steps back, and nothing twice when it comes forward again", () => {
    const state = spent(30);
    expect(room(policy, state, at(-60_000))).toBe(0);
    expect(nextRoomAt(policy, state, at(-60_000))).toBe(at(6_000));
    charge(policy, state, 1, at(-60_000));
    expect(nextRoomAt(policy, state, at(-60_000))).toBe(at(12_000));
    expect(room(policy, state, at(12_000))).toBe(1);
  });
});

function floorDiv(a: bigint, b: bigint): bigint {
  return a >= 0n ? a / b : -((-a + b - 1n) / b);
}
