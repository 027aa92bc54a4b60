/**
 * The cities a POP may stand in, under the IATA codes that Cloudflare names its data centres by.
 * Coordinates are the cities' own, to a hundredth of a degree: far finer than the model of distance.
 */

import type { Region } from "../../shared/region.ts";

/** Cloudflare's two-letter continents. */
export type Continent = "AF" | "AS" | "EU" | "NA" | "OC" | "SA";

export interface City {
  /** IATA code of its airport. */
  readonly code: string;
  readonly name: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly continent: Continent;
  /** Degrees, north positive. */
  readonly latitude: number;
  /** Degrees, east positive. */
  readonly longitude: number;
}

type Row = readonly [code: string, name: string, country: string, latitude: number, longitude: number];

const BY_CONTINENT: Readonly<Record<Continent, readonly Row[]>> = {
  EU: [
    ["LHR", "London", "GB", 51.51, -0.13],
    ["MAN", "Manchester", "GB", 53.48, -2.24],
    ["DUB", "Dublin", "IE", 53.35, -6.26],
    ["CDG", "Paris", "FR", 48.86, 2.35],
    ["MRS", "Marseille", "FR", 43.3, 5.37],
    ["AMS", "Amsterdam", "NL", 52.37, 4.9],
    ["BRU", "Brussels", "BE", 50.85, 4.35],
    ["FRA", "Frankfurt", "DE", 50.11, 8.68],
    ["ZRH", "Zurich", "CH", 47.38, 8.54],
    ["VIE", "Vienna", "AT", 48.21, 16.37],
    ["PRG", "Prague", "CZ", 50.08, 14.44],
    ["WAW", "Warsaw", "PL", 52.23, 21.01],
    ["OTP", "Bucharest", "RO", 44.43, 26.1],
    ["KBP", "Kyiv", "UA", 50.45, 30.52],
    ["CPH", "Copenhagen", "DK", 55.68, 12.57],
    ["ARN", "Stockholm", "SE", 59.33, 18.07],
    ["OSL", "Oslo", "NO", 59.91, 10.75],
    ["HEL", "Helsinki", "FI", 60.17, 24.94],
    ["MAD", "Madrid", "ES", 40.42, -3.7],
    ["LIS", "Lisbon", "PT", 38.72, -9.14],
    ["MXP", "Milan", "IT", 45.46, 9.19],
    ["ATH", "Athens", "GR", 37.98, 23.73],
    ["IST", "Istanbul", "TR", 41.01, 28.98],
  ],
  NA: [
    ["JFK", "New York", "US", 40.71, -74.01],
    ["BOS", "Boston", "US", 42.36, -71.06],
    ["IAD", "Ashburn", "US", 39.04, -77.49],
    ["ATL", "Atlanta", "US", 33.75, -84.39],
    ["MIA", "Miami", "US", 25.76, -80.19],
    ["ORD", "Chicago", "US", 41.88, -87.63],
    ["DFW", "Dallas", "US", 32.78, -96.8],
    ["DEN", "Denver", "US", 39.74, -104.99],
    ["PHX", "Phoenix", "US", 33.45, -112.07],
    ["LAX", "Los Angeles", "US", 34.05, -118.24],
    ["SJC", "San Jose", "US", 37.34, -121.89],
    ["SEA", "Seattle", "US", 47.61, -122.33],
    ["YYZ", "Toronto", "CA", 43.65, -79.38],
    ["YUL", "Montreal", "CA", 45.5, -73.57],
    ["YVR", "Vancouver", "CA", 49.28, -123.12],
    ["MEX", "Mexico City", "MX", 19.43, -99.13],
  ],
  SA: [
    ["GRU", "São Paulo", "BR", -23.55, -46.63],
    ["GIG", "Rio de Janeiro", "BR", -22.91, -43.17],
    ["EZE", "Buenos Aires", "AR", -34.6, -58.38],
    ["SCL", "Santiago", "CL", -33.45, -70.67],
    ["BOG", "Bogotá", "CO", 4.71, -74.07],
    ["LIM", "Lima", "PE", -12.05, -77.04],
  ],
  AS: [
    ["NRT", "Tokyo", "JP", 35.68, 139.69],
    ["KIX", "Osaka", "JP", 34.69, 135.5],
    ["ICN", "Seoul", "KR", 37.57, 126.98],
    ["TPE", "Taipei", "TW", 25.03, 121.57],
    ["HKG", "Hong Kong", "HK", 22.32, 114.17],
    ["MNL", "Manila", "PH", 14.6, 120.98],
    ["SIN", "Singapore", "SG", 1.35, 103.82],
    ["KUL", "Kuala Lumpur", "MY", 3.14, 101.69],
    ["CGK", "Jakarta", "ID", -6.21, 106.85],
    ["BKK", "Bangkok", "TH", 13.76, 100.5],
    ["SGN", "Ho Chi Minh City", "VN", 10.82, 106.63],
    ["BOM", "Mumbai", "IN", 19.08, 72.88],
    ["DEL", "Delhi", "IN", 28.61, 77.21],
    ["MAA", "Chennai", "IN", 13.08, 80.27],
    ["DXB", "Dubai", "AE", 25.2, 55.27],
    ["DOH", "Doha", "QA", 25.29, 51.53],
    ["RUH", "Riyadh", "SA", 24.71, 46.68],
    ["TLV", "Tel Aviv", "IL", 32.09, 34.78],
  ],
  AF: [
    ["JNB", "Johannesburg", "ZA", -26.2, 28.05],
    ["CPT", "Cape Town", "ZA", -33.92, 18.42],
    ["NBO", "Nairobi", "KE", -1.29, 36.82],
    ["LOS", "Lagos", "NG", 6.52, 3.38],
    ["CAI", "Cairo", "EG", 30.04, 31.24],
    ["CMN", "Casablanca", "MA", 33.57, -7.59],
  ],
  OC: [
    ["SYD", "Sydney", "AU", -33.87, 151.21],
    ["MEL", "Melbourne", "AU", -37.81, 144.96],
    ["PER", "Perth", "AU", -31.95, 115.86],
    ["AKL", "Auckland", "NZ", -36.85, 174.76],
  ],
};

/** Every city, by its code. */
export const CITIES: ReadonlyMap<string, City> = new Map(
  (Object.keys(BY_CONTINENT) as Continent[]).flatMap((continent) =>
    BY_CONTINENT[continent].map(([code, name, country, latitude, longitude]): [string, City] => [
      code,
      { code, name, country, continent, latitude, longitude },
    ]),
  ),
);

/** City codes that people use in place of one airport's. */
export const CITY_ALIASES: Readonly<Record<string, string>> = {
  CHI: "ORD",
  LON: "LHR",
  NYC: "JFK",
  PAR: "CDG",
  TYO: "NRT",
};

/** Where each Durable Object location hint puts a region's hub, by city code. */
export const HUB_CITIES: Readonly<Record<Region, string>> = {
  wnam: "SJC",
  enam: "IAD",
  sam: "GRU",
  weur: "AMS",
  eeur: "WAW",
  apac: "NRT",
  oc: "SYD",
  afr: "JNB",
  me: "DXB",
};

/** The city of a code or an alias; `undefined` when the list has none of that name. */
export const cityOf = (code: string): City | undefined => CITIES.get(CITY_ALIASES[code] ?? code);
