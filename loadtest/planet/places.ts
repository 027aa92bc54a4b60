/** The places of a planet: where its POPs stand, which of them host objects, and how far apart they are. */
import { REGIONS, type Region, regionOf } from "../../shared/region.ts";
import { CITIES } from "../cluster/cities.ts";
import { roundTripMs } from "../cluster/distance.ts";
import { fail } from "../tools/cli.ts";
import { HOSTING_CODES } from "./place-data.ts";

export interface Place {
  /** IATA code, as the platform names its data centres. */
  readonly code: string;
  readonly city: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** Degrees, north positive. */
  readonly latitude: number;
  /** Degrees, east positive. */
  readonly longitude: number;
  readonly region: Region;
  /** Whether Durable Objects can live here: about a tenth of the real data centres. */
  readonly hostsObjects: boolean;
}

/**
 * The places, with `hostsObjects` set: the codes where objects were seen to live (place-data.ts). A list
 * with none of these has its first place host them, so that owners have somewhere to be.
 */
export function withHosts(places: readonly Omit<Place, "hostsObjects">[]): readonly Place[] {
  const none = !places.some(({ code }) => HOSTING_CODES.has(code));
  return places.map((place, index) => ({
    ...place,
    hostsObjects: HOSTING_CODES.has(place.code) || (none && index === 0),
  }));
}

/**
 * The large cities that are built in, in the order of their list. They are hubs, so more than a tenth of
 * them host objects.
 * @param count how many, chosen as `choosePops` does; all of them unless given
 */
export function builtInPlaces(count?: number): readonly Place[] {
  const cities = Array.from(CITIES.values(), (city) => ({
    code: city.code,
    city: city.name,
    country: city.country,
    latitude: city.latitude,
    longitude: city.longitude,
    region: regionOf(city.continent, city.longitude),
  }));
  const places = withHosts(cities);
  return count === undefined ? places : choosePops(places, count);
}

/**
 * `count` of the places, in their order, always the same ones: those that host objects in the share that
 * they have of the list, but at least one, and the others; of both every n-th. Ends the command with one
 * line when the list has fewer.
 */
export function choosePops(places: readonly Place[], count: number): readonly Place[] {
  if (!Number.isInteger(count) || count < 1 || count > places.length) {
    fail(
      `--pops ${count}: a whole number from 1 to ${places.length} is allowed, the list has ${places.length} places`,
    );
  }
  const hosting = places.filter(({ hostsObjects }) => hostsObjects);
  const others = places.filter(({ hostsObjects }) => !hostsObjects);
  const share = Math.round((count * hosting.length) / places.length);
  const hosts = Math.min(hosting.length, Math.max(1, share));
  const chosen = new Set([...everyNth(hosting, hosts), ...everyNth(others, count - hosts)]);
  return places.filter((place) => chosen.has(place));
}

/** Spread evenly over the list, from its first item on. */
const everyNth = <T>(items: readonly T[], count: number): readonly T[] =>
  items.filter((_, index) => (index * count) % items.length < count);

/**
 * Index of the place where an object comes to live that is first asked for from `place`: the nearest that
 * hosts objects, the earlier in the list of two as near. Throws `RangeError` when none does.
 */
export function ownerPlaceFor(
  place: Pick<Place, "latitude" | "longitude">,
  places: readonly Place[],
): number {
  let nearest = -1;
  let nearestMs = Number.POSITIVE_INFINITY;
  for (const [index, other] of places.entries()) {
    const ms = other.hostsObjects ? roundTripMs(place, other) : Number.POSITIVE_INFINITY;
    if (ms >= nearestMs) continue;
    nearest = index;
    nearestMs = ms;
  }
  if (nearest === -1) throw new RangeError("no place hosts objects");
  return nearest;
}

/** `ownerPlaceFor` each place, by index. */
export const ownerPlaces = (places: readonly Place[]): readonly number[] =>
  places.map((place) => ownerPlaceFor(place, places));

/**
 * Round trips in ms between all places, times `factor`: the one from `a` to `b` is at
 * `a × places.length + b`. Within one place it is 5 ms × factor.
 */
export function distances(places: readonly Place[], factor = 1): Float64Array {
  const table = new Float64Array(places.length ** 2);
  for (const [a, from] of places.entries()) {
    for (const [b, to] of places.entries()) table[a * places.length + b] = roundTripMs(from, to, factor);
  }
  return table;
}

/** Index of the first place of each region that there is, in the regions' order: a trip round the world. */
export const onePerRegion = (places: readonly Place[]): readonly number[] =>
  REGIONS.map((region) => places.findIndex((place) => place.region === region)).filter(
    (index) => index !== -1,
  );
