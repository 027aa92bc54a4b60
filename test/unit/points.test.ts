/** Data points: few under a flood, and their weights add up. */
import { describe, expect, it } from "vitest";
import { POINTS_PER_SECOND } from "../../shared/limits.ts";
import { type PointEvent, Points } from "../../shared/telemetry/points.ts";
import { epochMs } from "../../shared/time.ts";

const T0 = 1_800_000_000_000;
const denial: PointEvent = {
  event: "denial",
  rule: "login",
  pop: "LHR",
  how: "blocked",
  cost: 2,
  key: () => "0123456789abcdef0123456789abcdef",
};

describe("data points", () => {
  it("say event, rule, data centre, how, and the key's hash; cost and weight; and go by rule", () => {
    expect(new Points().of(denial, epochMs(T0))).toEqual({
      blobs: ["denial", "login", "LHR", "blocked", "0123456789abcdef0123456789abcdef"],
      doubles: [2, 1],
      indexes: ["login"],
    });
  });

  it("are POINTS_PER_SECOND at most, and each stands for the events of its kind and rule since the last", () => {
    const points = new Points();
    const weights = new Map<string, number>();
    let written = 0;
    const take = (event: PointEvent, ms: number) => {
      const point = points.of(event, epochMs(T0 + ms));
      if (point === undefined) return;
      written += 1;
      const kind = `${point.blobs[0]} ${point.blobs[1]}`;
      weights.set(kind, (weights.get(kind) ?? 0) + point.doubles[1]);
    };
    for (let ms = 0; ms < 10_000; ms += 1) {
      take(denial, ms);
      if (ms % 3 === 0) take({ ...denial, rule: "site" }, ms);
      if (ms % 7 === 0) take({ ...denial, event: "claim" }, ms);
    }
    expect(written).toBeLessThanOrEqual(11 * POINTS_PER_SECOND);
    expect(written).toBeGreaterThanOrEqual(10 * POINTS_PER_SECOND - 1);
    // A last one of each, when there is room for it: then nothing waits any more.
    for (const part of [{}, { rule: "site" }, { event: "claim" as const }])
      take({ ...denial, ...part }, 20_000);
    expect(Object.fromEntries(weights)).toEqual({
      "denial login": 10_001,
      "denial site": 3_335,
      "claim login": 1_430,
    });
  });

  it("compute no hash for a point that is not written", () => {
    const points = new Points();
    let computed = 0;
    const key = () => {
      computed += 1;
      return "";
    };
    for (let event = 0; event < 1_000; event += 1) points.of({ ...denial, key }, epochMs(T0));
    expect(computed).toBe(POINTS_PER_SECOND);
  });
});
