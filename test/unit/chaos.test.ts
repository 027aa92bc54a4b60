/** What no random world may do, whatever is lost, repeated, reordered or late, and whenever owners die. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bound } from "../../shared/bound.ts";
import { durationMs } from "../../shared/time.ts";
import { admittedByRule, admittedByWindow, chaos, type Happening } from "./chaos.ts";
import { ruleWith, SLOW_MS } from "./world.ts";

describe("in any world, with messages lost, repeated, reordered and late, clocks apart, and owners dying", () => {
  it(
    "threshold 1 admits no more than the limit",
    () => {
      fc.assert(
        fc.property(
          chaos,
          fc.integer({ min: 1, max: 6 }),
          fc.constantFrom(1_000, 60_000),
          (happened, limit, ms) => {
            const rule = ruleWith({ limit, threshold: 1, window: durationMs(ms) });
            for (const { admitted } of admittedByWindow(happened, rule).values())
              expect(admitted).toBeLessThanOrEqual(limit);
          },
        ),
        { numRuns: 10_000 },
      );
    },
    SLOW_MS,
  );

  it(
    "a window admits no more than limit + (sources − 1) × (threshold − 1)",
    () => {
      const sizes = fc.integer({ min: 1, max: 8 }).chain((limit) =>
        fc.record({
          limit: fc.constant(limit),
          threshold: fc.integer({ min: 1, max: limit }),
          window: fc.constantFrom(1_000, 60_000).map(durationMs),
        }),
      );
      fc.assert(
        fc.property(chaos, sizes, (happened: readonly Happening[], size) => {
          for (const { admitted, sources } of admittedByWindow(happened, ruleWith(size)).values())
            expect(admitted).toBeLessThanOrEqual(bound({ ...size, sources }));
        }),
        { numRuns: 10_000 },
      );
    },
    SLOW_MS,
  );

  it(
    "two rules that requests meet alone or together: neither admits more, whatever is held, denied and handed back",
    () => {
      const size = fc
        .integer({ min: 1, max: 5 })
        .chain((limit) =>
          fc.record({ limit: fc.constant(limit), threshold: fc.integer({ min: 1, max: limit }) }),
        );
      fc.assert(
        fc.property(chaos, size, size, (happened: readonly Happening[], first, second) => {
          const rules = [
            ruleWith({ ...first, version: "a".repeat(16) }),
            ruleWith({ ...second, version: "b".repeat(16) }),
          ] as const;
          admittedByRule(happened, rules).forEach(({ admitted, sources }, at) => {
            const { limit, threshold } = at === 0 ? first : second;
            expect(admitted).toBeLessThanOrEqual(bound({ limit, threshold, sources }));
          });
        }),
        { numRuns: 10_000 },
      );
    },
    SLOW_MS,
  );
});
