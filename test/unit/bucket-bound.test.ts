/** A token bucket in a world of several sources: what they admit together in any span of time. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketBound } from "../../shared/bound.ts";
import { durationMs, type EpochMs } from "../../shared/time.ts";
import { type Request, ruleWith, SLOW_MS, World } from "./world.ts";

const SOURCES = 3;
const LENGTH = 1_000;

const rules = fc
  .record({
    limit: fc.integer({ min: 1, max: 6 }),
    burst: fc.integer({ min: 1, max: 8 }),
    threshold: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ threshold, ...rule }) => ({ ...rule, threshold: Math.min(threshold, rule.limit) }));

/** A request at a source after a pause; messages are delivered at once, or the oldest one is lost. */
const steps = fc.array(
  fc.record({
    at: fc.nat(SOURCES - 1),
    cost: fc.constantFrom(1, 1, 1, 2),
    pause: fc.constantFrom(0, 0, 0, 1, 90, 400, 1_000),
    lose: fc.constantFrom(false, false, false, true),
    kill: fc.constantFrom(false, false, false, false, true),
  }),
  { maxLength: 40, size: "max" },
);

describe("a token bucket of several sources", () => {
  it.each([true, false])(
    "admits in any span of time no more than its bound, whether or not anybody hears of the claim (%s)",
    (announces) => {
      fc.assert(
        fc.property(rules, steps, (sizes, steps) => {
          const rule = ruleWith({ ...sizes, algorithm: "token-bucket", window: durationMs(LENGTH) });
          const world = new World({ sources: SOURCES, rules: [rule], announces });
          let pending: Request[] = [];
          const admitted: { now: EpochMs; cost: number }[] = [];
          for (const { at, cost, pause, lose, kill } of steps) {
            if (pause > 0) world.tick(pause);
            if (kill) for (const owner of world.owners.values()) world.kill(owner);
            pending.push(world.request(at, { cost }));
            if (lose) world.network.shift();
            world.settle();
            for (const { decision, cost } of pending) {
              if (decision?.admitted) admitted.push({ now: world.now, cost });
            }
            pending = pending.filter(({ decision }) => decision === undefined);
            let sum = 0;
            for (const { now, cost } of admitted.toReversed()) {
              sum += cost;
              const most = bucketBound({ ...sizes, sources: SOURCES, windows: (world.now - now) / LENGTH });
              expect(sum).toBeLessThanOrEqual(most);
            }
          }
        }),
        { numRuns: 2_000 },
      );
    },
    SLOW_MS,
  );

  it("counts every source in every window that the span touches, even if the span is a millisecond", () => {
    const sizes = { limit: 2, burst: 1, threshold: 2 };
    const rule = ruleWith({ ...sizes, algorithm: "token-bucket", window: durationMs(LENGTH) });
    const world = new World({ sources: SOURCES, rules: [rule] });
    world.tick(LENGTH - 1);
    const before = [0, 1, 2].map((at) => world.request(at));
    world.tick(1);
    const behind = [0, 1, 2].map((at) => world.request(at));
    expect([...before, ...behind].filter(({ decision }) => decision?.admitted)).toHaveLength(6);
    expect(bucketBound({ ...sizes, sources: SOURCES, windows: 1 / LENGTH })).toBe(7.002);
  });
});
