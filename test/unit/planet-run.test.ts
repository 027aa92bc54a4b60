/** A small planet, run to its end: what the report says adds up, and its checks can fail. */
import { describe, expect, test } from "vitest";
import { formatPlanet, planetHolds, planetJson } from "../../loadtest/planet/format-planet.ts";
import { builtInPlaces } from "../../loadtest/planet/places.ts";
import {
  PLANET_DEFAULTS,
  type PlanetOptions,
  type PlanetReport,
  runPlanet,
} from "../../loadtest/planet/planet.ts";

const SMALL: PlanetOptions = {
  ...PLANET_DEFAULTS,
  places: builtInPlaces(12),
  isolatesPerPlace: 2,
  clients: 400,
  requests: 20_000,
  durationMs: 600_000,
};
const progress: number[] = [];
const report = runPlanet(SMALL, (share) => progress.push(share));
const withoutMachine = ({ machine: _, ...rest }: PlanetReport) => rest;

interface Counts {
  readonly requests: number;
  readonly admitted: number;
  readonly denied: number;
}
const sum = (parts: readonly Counts[]): Counts => ({
  requests: parts.reduce((total, { requests }) => total + requests, 0),
  admitted: parts.reduce((total, { admitted }) => total + admitted, 0),
  denied: parts.reduce((total, { denied }) => total + denied, 0),
});

describe("a planet run", () => {
  test("is the same for the same seed, apart from what it took, and another for another", () => {
    expect(withoutMachine(runPlanet(SMALL))).toEqual(withoutMachine(report));
    expect(withoutMachine(runPlanet({ ...SMALL, seed: 2 })).messages).not.toEqual(report.messages);
  });

  test("counts every request once, whichever way it is counted", () => {
    const { requests, admitted, denied, decisions, shapes, waited } = report;
    expect([requests, admitted + denied]).toEqual([20_000, 20_000]);
    expect(sum(Object.values(decisions))).toEqual({ requests, admitted, denied });
    expect(sum(Object.values(shapes))).toEqual({ requests, admitted, denied });
    expect(Object.values(shapes).reduce((total, { clients }) => total + clients, 0)).toBe(400);
    expect(waited).toBe(decisions.owner.requests + decisions.degraded.requests);
    // All of this happens: else the sums above say little.
    expect(Math.min(decisions.credit.requests, decisions.owner.requests, denied)).toBeGreaterThan(0);
  });

  test("violates nothing, though the limit itself is exceeded", () => {
    const { violated, violations, overLimit, excess, overshoot } = report.bound;
    expect({ violated, violations }).toEqual({ violated: 0, violations: [] });
    expect(overLimit).toBeGreaterThan(0);
    expect(excess).toBeGreaterThanOrEqual(overLimit);
    expect(overshoot.reduce((total, { windows }) => total + windows, 0)).toBe(overLimit);
  });

  test("is found to violate a bound that does not allow for the sources' silent credit", () => {
    const { bound } = runPlanet({ ...SMALL, boundOf: ({ limit }) => limit });
    expect(bound.violated).toBe(report.bound.overLimit);
    expect(bound.violations).toHaveLength(Math.min(20, bound.violated));
    for (const { rule, admitted, bound: most } of bound.violations) {
      expect(most).toBe({ page: 200, "log-in": 20 }[rule]);
      expect(admitted).toBeGreaterThan(most);
    }
  });

  test("measures blocks, none of which is faster than the network", () => {
    const { skew, skewByShape } = report;
    expect(skew.blocks).toBeGreaterThan(0);
    expect(skew.tooSoon).toBe(0);
    expect(skew.unheard).toBeLessThan(skew.sources);
    expect(Object.values(skewByShape).reduce((total, { blocks }) => total + blocks, 0)).toBe(skew.blocks);
    for (const one of [skew, ...Object.values(skewByShape)]) {
      for (const { p50Ms, p99Ms, maxMs } of [one.skew, one.overHub, one.straight])
        expect([p50Ms, p99Ms, maxMs]).toEqual([p50Ms, p99Ms, maxMs].sort((a, b) => a - b));
    }
  });

  test("tells its progress, up to the end", () => {
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect([progress[0], progress.at(-1)]).toEqual([0, 1]);
  });

  test.each([
    [{ isolatesPerPlace: 0 }, "0 isolates at a place"],
    [{ isolatesPerPlace: 9 }, "9 isolates at a place"],
    [{ clients: 4 }, "4 clients are too few for 5 shapes"],
    [{ clients: 16_777_217 }, "16777217 clients"],
  ])("refuses %j", (changes, message) => {
    expect(() => runPlanet({ ...SMALL, ...changes })).toThrow(new RangeError(message));
  });
});

describe("the report of a planet run", () => {
  const broken: PlanetReport = {
    ...report,
    bound: {
      ...report.bound,
      violated: 21,
      violations: [{ rule: "page", client: 7, window: 9, admitted: 1_320, sources: 2, bound: 319 }],
    },
  };
  const hasty: PlanetReport = { ...report, skew: { ...report.skew, tooSoon: 1 } };

  test("is text for people, without anything that is no number", () => {
    const text = formatPlanet(report);
    expect(text).toContain(
      "12 places, 24 isolates, 400 clients, 20,000 requests in 10 min of simulated time",
    );
    expect(text).toMatch(/\n\nNo violation\.\n$/);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
    expect(text.split("\n").length).toBeLessThan(50);
  });

  test("says what was violated", () => {
    expect([report, broken, hasty].map(planetHolds)).toEqual([true, false, false]);
    expect(formatPlanet(broken)).toContain(
      "\n  rule page, client 7, window 9: 1,320 admitted by 2 sources, at most 319 are allowed\n  … 20 more\n",
    );
    expect(formatPlanet(broken)).toMatch(
      /\n\nVIOLATED: more was admitted than is guaranteed, in 21 windows\.\n$/,
    );
    expect(formatPlanet(hasty)).toMatch(/\n\nVIOLATED: 1 block held sooner than distance allows\.\n$/);
  });

  test("is one JSON document for programs", () => {
    expect(planetJson(report)).toMatch(/^\{\n {2}"seed": 1,\n[\s\S]*\n\}\n$/);
    expect(JSON.parse(planetJson(report))).toEqual(report);
  });
});
