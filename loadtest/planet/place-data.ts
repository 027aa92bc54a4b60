/** What lists of data centres do not say: where objects can live, and where some cities are. */

/**
 * Data centres where Durable Objects were seen to live in a snapshot of https://where.durableobjects.live
 * (as kept by github.com/connyay/cf-colo-hint): 31, of the tenth that the site counts. None is in South
 * America, Africa or the Middle East, as the platform's documentation says too ("Durable Objects currently
 * do not spawn in this location"; /durable-objects/reference/data-location/, 2026-06-26).
 */
const SEEN_HOSTS: readonly string[] = [
  ...["AMS", "CDG", "FRA", "LHR", "LIS", "MAD", "MRS", "MXP"],
  ...["ARN", "PRG", "VIE", "WAW"],
  ...["ATL", "EWR", "IAD", "MIA", "ORD"],
  ...["DEN", "DFW", "LAX", "SEA", "SJC"],
  ...["HKG", "ICN", "KIX", "NRT", "SIN"],
  ...["AKL", "BNE", "MEL", "SYD"],
];

/** Codes of places that host objects. JFK is the city that the data centre EWR serves, under its usual code. */
export const HOSTING_CODES: ReadonlySet<string> = new Set([...SEEN_HOSTS, "JFK"]);

/**
 * Cities that https://github.com/Netrvin/cloudflare-colo-list names without coordinates, by code: nearly all
 * of mainland China. The coordinates are the cities' own, to a hundredth of a degree.
 */
export const UNLISTED_POINTS: ReadonlyMap<string, readonly [latitude: number, longitude: number]> = new Map([
  ["ACX", [25.09, 104.9]],
  ["AVA", [26.25, 105.93]],
  ["CAN", [23.13, 113.26]],
  ["CGD", [29.03, 111.7]],
  ["CGO", [34.75, 113.62]],
  ["CKG", [29.56, 106.55]],
  ["CSX", [28.23, 112.94]],
  ["CTU", [30.57, 104.07]],
  ["CZX", [31.81, 119.97]],
  ["DLC", [38.91, 121.6]],
  ["FOC", [26.07, 119.3]],
  ["FUO", [23.02, 113.12]],
  ["HAK", [20.04, 110.2]],
  ["HGH", [30, 120.58]],
  ["HYN", [28.66, 121.42]],
  ["JXG", [30.75, 120.76]],
  ["KHN", [27.82, 114.92]],
  ["KIV", [47.01, 28.86]],
  ["KMG", [25.04, 102.71]],
  ["KWE", [26.65, 106.63]],
  ["LYA", [34.62, 112.45]],
  ["PKX", [39.54, 116.68]],
  ["SHA", [31.23, 121.47]],
  ["SJW", [37.74, 115.67]],
  ["SZX", [22.54, 114.06]],
  ["TAO", [36.07, 120.38]],
  ["TEN", [27.72, 109.19]],
  ["TNA", [36.65, 117.12]],
  ["TYN", [37.86, 113.58]],
  ["XFN", [32.01, 112.12]],
  ["XIY", [34.36, 107.24]],
]);
