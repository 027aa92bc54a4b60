/** The model of distance that the cluster runs on. */
import { describe, expect, test } from "vitest";
import { CITIES, CITY_ALIASES, type City, cityOf, HUB_CITIES } from "../../loadtest/cluster/cities.ts";
import { greatCircleKm, roundTripMs } from "../../loadtest/cluster/distance.ts";
import { resolvePops } from "../../loadtest/cluster/pops.ts";
import { REGIONS, regionOf } from "../../shared/region.ts";

function city(code: string): City {
  const found = cityOf(code);
  if (found === undefined) throw new Error(`no city ${code}`);
  return found;
}

describe("round trips", () => {
  test.each([
    ["LHR", "CDG", 344],
    ["LHR", "CHI", 6_360],
    ["LHR", "TYO", 9_570],
    ["CHI", "TYO", 10_150],
    ["JFK", "SYD", 15_990],
  ])("%s–%s is about %i km of great circle", (from, to, km) => {
    expect(greatCircleKm(city(from), city(to))).toBeGreaterThan(km * 0.99);
    expect(greatCircleKm(city(from), city(to))).toBeLessThan(km * 1.01);
  });

  test("a round trip is 5 ms and 0.016 ms for each kilometre, times the factor", () => {
    const [london, tokyo] = [city("LHR"), city("TYO")];
    const ms = 5 + 0.016 * greatCircleKm(london, tokyo);
    expect(roundTripMs(london, tokyo)).toBeCloseTo(ms);
    expect(roundTripMs(london, tokyo, 0.5)).toBeCloseTo(ms / 2);
    expect(roundTripMs(london, tokyo, 0)).toBe(0);
  });

  test("a round trip within one city is 5 ms", () => {
    expect(roundTripMs(city("LHR"), city("LON"))).toBe(5);
  });

  test("it is as far there as back, and never farther than half around the earth", () => {
    const cities = [...CITIES.values()];
    for (const a of cities) {
      for (const b of cities) {
        const km = greatCircleKm(a, b);
        expect(km).toBe(greatCircleKm(b, a));
        expect(km).toBeLessThanOrEqual(Math.PI * 6371);
      }
    }
  });

  test("opposite points of the earth are half a circumference apart", () => {
    const km = greatCircleKm({ latitude: 10, longitude: 20 }, { latitude: -10, longitude: -160 });
    expect(km).toBeCloseTo(Math.PI * 6371, 2);
  });
});

describe("the list of cities", () => {
  test("every code is three capitals, every place is on the map", () => {
    for (const [code, { country, latitude, longitude }] of CITIES) {
      expect(code).toMatch(/^[A-Z]{3}$/);
      expect(country).toMatch(/^[A-Z]{2}$/);
      expect(Math.abs(latitude)).toBeLessThan(90);
      expect(Math.abs(longitude)).toBeLessThan(180);
    }
  });

  test("no two cities stand in one place", () => {
    const places = [...CITIES.values()].map(({ latitude, longitude }) => `${latitude},${longitude}`);
    expect(new Set(places).size).toBe(places.length);
  });

  test("every alias names a city of the list and hides none", () => {
    for (const [alias, code] of Object.entries(CITY_ALIASES)) {
      expect(CITIES.has(code)).toBe(true);
      expect(CITIES.has(alias)).toBe(false);
    }
  });

  test("every region has its hub in a city of that region", () => {
    for (const region of REGIONS) {
      const { continent, longitude } = city(HUB_CITIES[region]);
      expect(regionOf(continent, longitude)).toBe(region);
    }
  });
});

describe("the POPs of a cluster", () => {
  test("a POP keeps the code that the user gave, in capitals", () => {
    expect(resolvePops(["chi", " TYO"]).map(({ name, city }) => [name, city.code])).toEqual([
      ["CHI", "ORD"],
      ["TYO", "NRT"],
    ]);
  });

  test.each([
    [["LHR", "XXX"], 'unknown POP "XXX"'],
    [["LHR", "lhr"], "POP LHR is named twice"],
    [["LHR", "LON"], "POPs LHR and LON are one city, London"],
    [["LHR", ""], "an empty POP code"],
    [[], "no POP given"],
  ])("%j is refused", (codes, message) => {
    expect(() => resolvePops(codes)).toThrow(message);
  });
});
