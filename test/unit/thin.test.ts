/** Thinly spread clients in virtual time: found and bounded where they are looked for, let through where not. */
import { describe, expect, it } from "vitest";
import { formatThin, thinHolds } from "../../loadtest/planet/format-thin.ts";
import { builtInPlaces } from "../../loadtest/planet/places.ts";
import { runThin, type ThinOptions } from "../../loadtest/planet/thin.ts";
import { figuresOf } from "../../loadtest/planet/thin-runs.ts";

const OPTIONS: ThinOptions = {
  places: builtInPlaces(),
  isolatesPerPlace: 4,
  limit: 100,
  threshold: 4,
  windowMs: 60_000,
  rate: 12,
  spread: "auto",
  seeds: 5,
  seed: 1,
};
const silentlyAdmittable = builtInPlaces().length * 4 * 3;

describe("a client whose requests each go to another isolate", () => {
  it("is found before it is at its limit, and gets no more than the limit and what it sent until all had heard", () => {
    const figures = figuresOf([runThin(OPTIONS)]);
    expect(figures).toMatchObject({ clients: 5, found: 5, beyond: 0, handOversPerSecondMax: 1 });
    expect(figures.sentBeforeFound.max).toBeLessThan(OPTIONS.limit);
    expect(figures.missAtLimit).toBeCloseTo(3.0e-4, 5);
    expect(thinHolds([figures])).toBe(true);
    expect(formatThin([figures])).toContain("5 of 5");
  });

  it("gets everything through where nobody looks for it", () => {
    const report = runThin({ ...OPTIONS, spread: "off", seeds: 1 });
    const [run] = report.runs;
    expect(run).toMatchObject({ sent: 720, admitted: 720, sentBeforeFound: undefined });
    expect(720).toBeLessThan(silentlyAdmittable);
    expect(report.handOvers).toBe(0);
  });

  it("is the same for the same seed, and another for another", () => {
    const few = { ...OPTIONS, places: builtInPlaces(8), seeds: 2 };
    expect(runThin(few)).toEqual(runThin(few));
    expect(runThin({ ...few, seed: 2 }).runs).not.toEqual(runThin(few).runs);
  });

  it("is seen to get more where what it may get is less", () => {
    const figures = figuresOf([runThin({ ...OPTIONS, spread: "off", rate: 200, seeds: 1 })]);
    expect(figures.admitted.max).toBeGreaterThan(OPTIONS.limit);
    expect(thinHolds([{ ...figures, spread: "auto", beyond: 1 }])).toBe(false);
  });
});
