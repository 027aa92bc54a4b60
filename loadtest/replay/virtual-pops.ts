/** The POPs of a run in virtual time, and where the objects they ask for come to live. */
import { regionOf } from "../../shared/region.ts";
import { ClusterError } from "../cluster/error.ts";
import { DEFAULT_POPS, resolvePops } from "../cluster/pops.ts";
import { builtInPlaces, ownerPlaces, type Place, withHosts } from "../planet/places.ts";
import { fail } from "../tools/cli.ts";

export interface VirtualPops {
  /** As they were named. */
  readonly names: readonly string[];
  /** The POPs, in the order of their names, and after them the other cities where objects can live. */
  readonly places: readonly Place[];
  /** Index of the place where an owner lives that is first asked for from a place. */
  readonly hostFor: (place: number) => number;
}

/**
 * The POPs of these codes, or for a single number so many of the built-in cities. Owners live in the nearest
 * city that hosts objects, be it a POP of the run or not. Ends the command with one line when a code is unknown.
 */
export function virtualPops(wanted: readonly string[] = DEFAULT_POPS): VirtualPops {
  const [only = ""] = wanted;
  const pops =
    wanted.length === 1 && /^\d+$/.test(only) ? named(builtInPlaces(Number(only))) : namedByCode(wanted);
  const known = new Set(pops.map(({ place }) => place.code));
  const elsewhere = builtInPlaces().filter(({ code, hostsObjects }) => hostsObjects && !known.has(code));
  const places = withHosts([...pops.map(({ place }) => place), ...elsewhere]);
  const hosts = ownerPlaces(places);
  return {
    names: pops.map(({ name }) => name),
    places,
    hostFor: (place) => hosts[place] ?? place,
  };
}

interface NamedPlace {
  readonly name: string;
  readonly place: Omit<Place, "hostsObjects">;
}

const named = (places: readonly Place[]): readonly NamedPlace[] =>
  places.map((place) => ({ name: place.code, place }));

function namedByCode(codes: readonly string[]): readonly NamedPlace[] {
  try {
    return resolvePops(codes).map(({ name, city }) => ({
      name,
      place: { ...city, city: city.name, region: regionOf(city.continent, city.longitude) },
    }));
  } catch (error) {
    if (error instanceof ClusterError) return fail(error.message);
    throw error;
  }
}
