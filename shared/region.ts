/** Regions: where hubs live. The names are the platform's Durable Object location hints. */

export const REGIONS = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"] as const;
export type Region = (typeof REGIONS)[number];

/** Longitudes that part a continent, in degrees east: the Rockies, the Oder, the Zagros. */
const NORTH_AMERICA_SPLIT = -100;
const EUROPE_SPLIT = 14;
const ASIA_SPLIT = 60;

/**
 * The region of a place, from what the platform says of a request.
 * @param continent two letters (`AF`, `AN`, `AS`, `EU`, `NA`, `OC`, `SA`); anything else counts as `NA`
 * @param longitude degrees east; without it the more populous part is taken
 */
export function regionOf(continent: string | undefined, longitude: number | undefined): Region {
  const east = (split: number, fallback: boolean): boolean =>
    longitude === undefined || Number.isNaN(longitude) ? fallback : longitude >= split;
  switch (continent) {
    case "EU":
      return east(EUROPE_SPLIT, false) ? "eeur" : "weur";
    case "AS":
      return east(ASIA_SPLIT, true) ? "apac" : "me";
    case "AF":
      return "afr";
    case "OC":
      return "oc";
    case "SA":
    case "AN":
      return "sam";
    default:
      return east(NORTH_AMERICA_SPLIT, true) ? "enam" : "wnam";
  }
}
