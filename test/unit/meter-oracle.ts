/** Runs a meter beside a deliberately naive one, and compares them after everything that happens. */
import fc from "fast-check";
import { expect } from "vitest";
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
import { durationMs, type EpochMs, epochMs, windowAt, windowEnd } from "../../shared/time.ts";
import { T0 } from "./world.ts";

/** Sequences for each meter. They are short: what goes wrong, goes wrong within a few steps. */
export const SEQUENCES = 100_000;

/** What happens to a meter: `part` is how much of what may be handed back is; time passes in hundredths of a window. */
export type Happening =
  | { readonly kind: "learn" | "ask" | "late"; readonly cost: number }
  | { readonly kind: "handBack" | "lateHandBack"; readonly part: number }
  | { readonly kind: "pass"; readonly parts: number }
  | { readonly kind: "stepBack"; readonly parts: number };

/** One number decides each step, which is much cheaper to make up (and to shrink) than a record of its own. */
function happening(n: number): Happening {
  const size = Math.floor(n / 16);
  switch (n % 16) {
    case 0:
    case 1:
      return { kind: "learn", cost: 1 + (size % 9) };
    case 2:
      return { kind: "late", cost: 1 + (size % 9) };
    case 3:
    case 4:
      return { kind: "handBack", part: size % 5 };
    case 5:
      return { kind: "lateHandBack", part: size % 5 };
    case 6:
    case 7:
      return { kind: "pass", parts: size % 4 };
    case 8:
    case 9:
      return { kind: "pass", parts: size % 90 };
    case 10:
      return { kind: "pass", parts: size % 900 };
    case 11:
      return { kind: "stepBack", parts: size % 90 };
    default:
      return { kind: "ask", cost: 1 + (size % 9) };
  }
}

export const happenings: fc.Arbitrary<readonly Happening[]> = fc
  .array(fc.nat({ max: 16 * 900 - 1 }), { maxLength: 12, size: "max" })
  .map((numbers) => numbers.map(happening));

export const policies = (
  algorithm: RulePolicy["algorithm"],
  lengths: readonly number[] = [1_000, 1_001, 2_999],
): fc.Arbitrary<RulePolicy> =>
  fc
    .tuple(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 30 }),
      fc.constantFrom(...lengths),
      fc.integer({ min: 0, max: 999 }),
    )
    .map(([limit, burst, length, offset]) => ({
      version: "",
      name: "",
      algorithm,
      limit,
      grid: { lengthMs: durationMs(length), offsetMs: durationMs(offset % length) },
      // Left out now and then: then it is the limit.
      ...(algorithm === "token-bucket" && burst <= 20 && { burst }),
    }));

/** A meter as simple as can be. */
export interface Naive {
  /** `cost` (negative: handed back) is counted in `window`, by what is known at `now`. */
  count(window: number, cost: number, now: EpochMs): void;
  room(now: EpochMs): number;
  /** When quota comes back, seen from a moment with room. */
  resetAt(now: EpochMs): EpochMs;
}

/** Room by definition: the limit minus what weighs at `now`, given every event and its window. */
export type Weigh = (policy: RulePolicy, countIn: (window: number) => number, now: EpochMs) => number;

/** A log of every event, weighed anew each time. */
export const logged =
  (weigh: Weigh) =>
  (policy: RulePolicy): Naive => {
    const log: { window: number; cost: number }[] = [];
    const countIn = (window: number): number =>
      log.reduce((sum, event) => (event.window === window ? sum + event.cost : sum), 0);
    return {
      count: (window, cost) => void log.push({ window, cost }),
      room: (now) => weigh(policy, countIn, now),
      resetAt: (now) => windowEnd(policy.grid, windowAt(policy.grid, now)),
    };
  };

/** `expect` costs more than all the rest, so it is asked only when something is wrong. */
function same(actual: number, expected: number, what: string): void {
  if (actual !== expected) expect(actual, what).toBe(expected);
}
function atLeast(actual: number, least: number, what: string): void {
  if (!(actual >= least)) expect(actual, what).toBeGreaterThanOrEqual(least);
}

/** Lets things happen to the production meter and to the naive one, and compares them after each. */
export function compare(
  policy: RulePolicy,
  happened: readonly Happening[],
  naiveOf: (policy: RulePolicy) => Naive,
): void {
  const { grid } = policy;
  let now: EpochMs = T0;
  const naive = naiveOf(policy);
  const meter = emptyMeter(windowAt(grid, now));
  const counts = new Map<number, number>();
  const countIn = (window: number): number => counts.get(window) ?? 0;
  const count = (window: number, cost: number): void => {
    counts.set(window, countIn(window) + cost);
    naive.count(window, cost, now);
    if (window === meter.window) charge(policy, meter, cost, now);
    else chargePrevious(policy, meter, cost, now);
  };
  for (const event of happened) {
    const { window } = meter;
    switch (event.kind) {
      case "pass":
        now = epochMs(now + Math.floor((event.parts * grid.lengthMs) / 100));
        rollMeter(meter, windowAt(grid, now));
        break;
      case "stepBack":
        // Windows do not step back with the clock, and neither would the log's: a bucket has none.
        if (policy.algorithm !== "token-bucket") break;
        now = epochMs(now - Math.floor((event.parts * grid.lengthMs) / 100));
        break;
      case "learn":
        count(window, event.cost);
        break;
      case "ask":
        if (event.cost > room(policy, meter, now)) break;
        count(window, event.cost);
        atLeast(naive.room(now), 0, "granted only what there was room for");
        break;
      case "late":
        count(window - 1, event.cost);
        break;
      case "handBack":
        count(window, -Math.floor((countIn(window) * event.part) / 4));
        break;
      case "lateHandBack":
        count(window - 1, -Math.floor((countIn(window - 1) * event.part) / 4));
    }
    same(meter.current, countIn(meter.window), "the window's count");
    atLeast(meter.fill, 0, "what a row can hold");
    const left = naive.room(now);
    same(room(policy, meter, now), left, "room");
    same(counted(policy, meter, now), capacity(policy) - left, "counted");
    const next = nextRoomAt(policy, meter, now);
    atLeast(next, now, "nextRoomAt is not in the past");
    atLeast(naive.room(next), 1, "at nextRoomAt a unit fits");
    if (next > now) same(Math.max(0, naive.room(epochMs(next - 1))), 0, "1 ms before it does not");
    same(resetAt(policy, meter, now), left < 1 ? next : naive.resetAt(now), "resetAt");
  }
}
