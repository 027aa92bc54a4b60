/** Where an isolate's hub is. */
import { describe, expect, it } from "vitest";
import { REGIONS, regionOf } from "../../shared/region.ts";

describe("the region of a request", () => {
  it.each([
    ["London", "EU", -0.1, "weur"],
    ["Warsaw", "EU", 21, "eeur"],
    ["Tokyo", "AS", 139.7, "apac"],
    ["Dubai", "AS", 55.3, "me"],
    ["New York", "NA", -74, "enam"],
    ["Los Angeles", "NA", -118, "wnam"],
    ["Nairobi", "AF", 36.8, "afr"],
    ["Sydney", "OC", 151, "oc"],
    ["Santiago", "SA", -70, "sam"],
    ["McMurdo", "AN", 166, "sam"],
  ])("of %s is the nearest hub's", (_city, continent, longitude, region) => {
    expect(regionOf(continent, longitude)).toBe(region);
  });

  it.each(["EU", "AS", "AF", "OC", "SA", "AN", "NA", "T1", "", undefined])(
    "is known for continent %s without a longitude",
    (continent) => {
      expect(REGIONS).toContain(regionOf(continent, undefined));
      expect(regionOf(continent, Number.NaN)).toBe(regionOf(continent, undefined));
    },
  );

  it("without a place is eastern North America, where most data centres are", () => {
    expect(regionOf(undefined, undefined)).toBe("enam");
  });
});
