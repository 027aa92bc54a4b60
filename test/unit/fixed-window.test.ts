/** The fixed window against a log of every event. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyMeter, nextRoomAt, resetAt, room } from "../../shared/owner/meter/meter.ts";
import { durationMs, epochMs, windowAt } from "../../shared/time.ts";
import { compare, happenings, logged, policies, SEQUENCES, type Weigh } from "./meter-oracle.ts";
import { MINUTE, SLOW_MS, T0 } from "./world.ts";

const weigh: Weigh = ({ limit, grid }, countIn, now) => limit - countIn(windowAt(grid, now));

const grid = { lengthMs: MINUTE, offsetMs: durationMs(0) };
const policy = { version: "", name: "", algorithm: "fixed-window" as const, limit: 5, grid };
const window = windowAt(grid, T0);

describe("the fixed-window meter", () => {
  it(
    "agrees with a log of every event, whatever is learnt, asked, handed back or late, and whenever",
    () => {
      fc.assert(
        fc.property(policies("fixed-window"), happenings, (policy, happened) => {
          compare(policy, happened, logged(weigh));
        }),
        { numRuns: SEQUENCES },
      );
    },
    SLOW_MS,
  );

  it("counts what was spent until the window's last millisecond, and nothing of it after", () => {
    const state = { ...emptyMeter(window), current: 5, previous: 50 };
    expect(nextRoomAt(policy, state, T0)).toBe(T0 + MINUTE);
    expect(resetAt(policy, { ...state, current: 4 }, T0)).toBe(T0 + MINUTE);
  });

  it("tells what is over: silent spending that was learnt late may exceed the limit", () => {
    const state = { ...emptyMeter(window), current: 8, previous: 0 };
    expect(room(policy, state, T0)).toBe(-3);
  });

  it("never says that room comes in the past, even when a source ahead of this clock rolled the window", () => {
    const ahead = { ...emptyMeter(window + 1), current: 5, previous: 0 };
    expect(nextRoomAt(policy, ahead, epochMs(T0 + MINUTE - 500))).toBe(T0 + 2 * MINUTE);
  });
});
