/** What an owner can be asked at most, by distance and time alone: the request rate is not in it. */
import { roundTripMs } from "../cluster/distance.ts";
import { resolvePops } from "../cluster/pops.ts";

/** Round trips to an owner that stands next to the first POP, in the POPs' order, ms. */
export function roundTripsMs(pops: readonly string[]): readonly number[] {
  const cities = resolvePops(pops).map(({ city }) => city);
  const [owner] = cities;
  return owner === undefined ? [] : cities.map((city) => roundTripMs(owner, city));
}

/**
 * Round trips as the cluster plays them, at the least, ms: its timers take whole milliseconds, so that each way may be
 * half of one too short.
 */
export const playedTripsMs = (trips: readonly number[]): readonly number[] => trips.map((trip) => trip - 1);

/** Asks per second: one is out per source, and takes a round trip at least. */
export const asksPerSecondMax = (trips: readonly number[]): number =>
  trips.reduce((sum, tripMs) => sum + 1000 / tripMs, 0);

/** Asks in some seconds: at that rate, and one of each source that was on its way when they began. */
export const asksMax = (trips: readonly number[], seconds: number): number =>
  trips.reduce((sum, tripMs) => sum + Math.floor((1000 * seconds) / tripMs) + 1, 0);
