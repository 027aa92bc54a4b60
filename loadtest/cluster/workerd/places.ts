/** Where everything stands, and how far apart. Module state of the core service. */
import { env } from "cloudflare:workers";
import { REGIONS } from "../../../shared/region.ts";
import { type City, cityOf, HUB_CITIES } from "../cities.ts";
import { roundTripMs } from "../distance.ts";
import type { Pop } from "../shapes.ts";
import type { CoreEnv } from "./env.ts";

const setup = (env as unknown as CoreEnv).CLUSTER;
const popsByName = new Map(setup.pops.map((pop) => [pop.name, pop]));

/** The POPs of this cluster, in order. */
export const pops: readonly Pop[] = setup.pops;

/** What the cluster knows of one owner object. It outlives the object's memory. */
interface OwnerPlace {
  /** The POP whose Ask reached the owner first: it stands next to that one for good. */
  readonly pop: string;
  asksStarted: number;
  asksRunning: number;
}

/** Every owner that was reached and has not forgotten its client since, by object name. */
export const owners = new Map<string, OwnerPlace>();

/** The record of an owner that `pop`'s Ask has reached. The first to reach it decides where it stands. */
export function placeOwner(owner: string, pop: string): OwnerPlace {
  const known = owners.get(owner);
  if (known !== undefined) return known;
  const place = { pop, asksStarted: 0, asksRunning: 0 };
  owners.set(owner, place);
  return place;
}

const oneWayMs = (a: City, b: City): number => roundTripMs(a, b, setup.distance) / 2;

function popCity(name: string): City {
  const pop = popsByName.get(name);
  if (pop === undefined) throw new Error(`no POP ${name} in this cluster`);
  return pop.city;
}

function hubCity(region: string): City {
  const known = REGIONS.find((name) => name === region);
  const city = known && cityOf(HUB_CITIES[known]);
  if (city === undefined) throw new Error(`no region ${region}: a hub is named by its location hint`);
  return city;
}

/** From a POP to an owner. An owner that nobody has reached yet will stand next to this POP. */
export const toOwnerMs = (pop: string, owner: string): number =>
  oneWayMs(popCity(pop), popCity(owners.get(owner)?.pop ?? pop));

/** From an owner that stands next to `pop` to the hub of a region. */
export const ownerToHubMs = (pop: string, region: string): number => oneWayMs(popCity(pop), hubCity(region));

/** From a POP to the hub of a region. */
export const popToHubMs = ownerToHubMs;
