/** Runs a meter beside a deliberately naive one that keeps every event and weighs them anew each time. */
import fc from "fast-check";
import { expect } from "vitest";
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

/** What happens to a meter: `part` is how much of what may be handed back is. */
export type Happening =
  | { readonly kind: "learn" | "ask" | "late"; readonly cost: number }
  | { readonly kind: "handBack" | "lateHandBack"; readonly part: number }
  | { readonly kind: "pass"; readonly ms: number };

const cost = fc.integer({ min: 1, max: 9 });
export const happenings: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom("learn" as const, "ask" as const, "ask" as const), cost }),
    fc.record({ kind: fc.constant("late" as const), cost }),
    fc.record({
      kind: fc.constantFrom("handBack" as const, "lateHandBack" as const),
      part: fc.integer({ min: 0, max: 4 }),
    }),
    fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 900 }), fc.integer({ min: 900, max: 9_000 })),
    }),
  ),
  { maxLength: 24 },
);

export const policies = (algorithm: RulePolicy["algorithm"]): fc.Arbitrary<RulePolicy> =>
  fc.record({
    version: fc.constant(""),
    name: fc.constant(""),
    algorithm: fc.constant(algorithm),
    limit: fc.integer({ min: 1, max: 20 }),
    grid: fc.record({
      lengthMs: fc.constantFrom(1_000, 1_001, 2_999).map(durationMs),
      offsetMs: fc.integer({ min: 0, max: 999 }).map(durationMs),
    }),
  });

/** Room by definition: the limit minus what weighs at `now`, given every event and its window. */
export type Weigh = (policy: RulePolicy, countIn: (window: number) => number, now: EpochMs) => number;

/** Lets things happen to the production meter and to the log, and compares them after each. */
export function compare(policy: RulePolicy, happened: readonly Happening[], weigh: Weigh): void {
  const log: { window: number; cost: number }[] = [];
  const countIn = (window: number): number =>
    log.reduce((sum, event) => (event.window === window ? sum + event.cost : sum), 0);
  let now: EpochMs = T0;
  const meter = emptyMeter(windowAt(policy.grid, now));
  const note = (window: number, cost: number): void => {
    log.push({ window, cost });
  };
  for (const event of happened) {
    const window = windowAt(policy.grid, now);
    switch (event.kind) {
      case "pass":
        now = epochMs(now + event.ms);
        rollMeter(meter, windowAt(policy.grid, now));
        break;
      case "learn":
        charge(meter, event.cost);
        note(window, event.cost);
        break;
      case "ask":
        if (event.cost > room(policy, meter, now)) break;
        charge(meter, event.cost);
        note(window, event.cost);
        expect(weigh(policy, countIn, now), "granted only what there was room for").toBeGreaterThanOrEqual(0);
        break;
      case "late":
        chargePrevious(meter, event.cost);
        note(window - 1, event.cost);
        break;
      case "handBack":
      case "lateHandBack": {
        const of = event.kind === "handBack" ? window : window - 1;
        const back = -Math.floor((countIn(of) * event.part) / 4);
        if (event.kind === "handBack") charge(meter, back);
        else chargePrevious(meter, back);
        note(of, back);
      }
    }
    const naive = weigh(policy, countIn, now);
    expect(room(policy, meter, now)).toBe(naive);
    expect(counted(policy, meter, now)).toBe(policy.limit - naive);
    const next = nextRoomAt(policy, meter, now);
    expect(next).toBeGreaterThanOrEqual(now);
    expect(weigh(policy, countIn, next), "at nextRoomAt a unit fits").toBeGreaterThanOrEqual(1);
    if (next > now) {
      expect(weigh(policy, countIn, epochMs(next - 1)), "1 ms before it does not").toBeLessThan(1);
    }
    expect(resetAt(policy, meter, now)).toBe(naive < 1 ? next : windowEnd(policy.grid, meter.window));
  }
}
