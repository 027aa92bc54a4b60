/**
 * Distance as time. The line through public averages of round trips between cities: 5 ms at both ends
 * and 0.016 ms for each kilometre of great circle. Its median error is 12–13 %; Europe–Asia and Latin
 * America run 1.3–2.5 times slower than it says.
 */
import type { City } from "./cities.ts";

const EARTH_RADIUS_KM = 6371;
const ROUND_TRIP_BASE_MS = 5;
const ROUND_TRIP_MS_PER_KM = 0.016;

type Point = Pick<City, "latitude" | "longitude">;

/** Kilometres along the great circle between two points (haversine formula). */
export function greatCircleKm(a: Point, b: Point): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const north = Math.sin(radians(b.latitude - a.latitude) / 2) ** 2;
  const east = Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  const chord = north + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * east;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** The round trip between two points in ms, times `factor`; 5 ms × factor within one city. */
export const roundTripMs = (a: Point, b: Point, factor = 1): number =>
  factor * (ROUND_TRIP_BASE_MS + ROUND_TRIP_MS_PER_KM * greatCircleKm(a, b));
