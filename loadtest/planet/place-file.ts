/**
 * Reads a list of data centres: a JSON object by IATA code, each entry with `city`, `cca2` (the country),
 * `region` (a continent's name) and, if known, `lat` and `lon` in degrees. Other fields are ignored.
 * The shape is that of https://github.com/Netrvin/cloudflare-colo-list.
 */
import { quote } from "../../shared/quote.ts";
import { regionOf } from "../../shared/region.ts";
import { type Continent, cityOf, HUB_CITIES } from "../cluster/cities.ts";
import { fail, messageOf } from "../tools/cli.ts";
import { UNLISTED_POINTS } from "./place-data.ts";
import { type Place, withHosts } from "./places.ts";

export interface Planet {
  /** Every entry of the list, in its order. */
  readonly places: readonly Place[];
  /** How many of them the list gives no coordinates for, so that they stand where `pointOf` puts them. */
  readonly withoutCoordinates: number;
}

/** The distances between all places are kept at hand, so their number is bounded. */
const PLACES_MAX = 1_000;

const CONTINENTS: ReadonlyMap<string, Continent | "AN"> = new Map([
  ["Africa", "AF"],
  ["Antarctica", "AN"],
  ["Asia", "AS"],
  ["Asia Pacific", "AS"],
  ["Europe", "EU"],
  ["Middle East", "AS"],
  ["North America", "NA"],
  ["Oceania", "OC"],
  ["South America", "SA"],
]);

interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** An entry as the list has it. */
interface Entry {
  readonly code: string;
  readonly city: string;
  readonly country: string;
  readonly continent: Continent | "AN";
  readonly point: Point | undefined;
}

/**
 * The places of a list. Its continent and longitude make a place's region, as they do for a request.
 * Whatever is wrong with the list ends the command with one line.
 * @param text the file's content
 * @param path its name, for messages
 */
export function parsePlanet(text: string, path: string): Planet {
  const table = Object.entries(tableIn(text, path));
  if (table.length === 0 || table.length > PLACES_MAX) {
    fail(`${path}: ${table.length} data centres; 1 to ${PLACES_MAX} are allowed`);
  }
  const entries = table.map(([code, value]) => entryOf(code, value, path));
  const places = entries.map((entry) => {
    const { latitude, longitude } = pointOf(entry, entries);
    const { code, city, country, continent } = entry;
    return { code, city, country, latitude, longitude, region: regionOf(continent, longitude) };
  });
  return {
    places: withHosts(places),
    withoutCoordinates: entries.filter(({ point }) => point === undefined).length,
  };
}

/**
 * Where an entry stands: as the list says; else where its city is known to be; else where the first entry
 * of its country stands that has coordinates; else where the hub of its part of the world does.
 */
function pointOf(entry: Entry, entries: readonly Entry[]): Point {
  if (entry.point !== undefined) return entry.point;
  const [latitude, longitude] = UNLISTED_POINTS.get(entry.code) ?? [];
  if (latitude !== undefined && longitude !== undefined) return { latitude, longitude };
  const compatriot = entries.find(({ country, point }) => country === entry.country && point !== undefined);
  const hub = HUB_CITIES[regionOf(entry.continent, undefined)];
  const known = cityOf(entry.code) ?? compatriot?.point ?? cityOf(hub);
  if (known === undefined) throw new Error(`the hub ${hub} is not among the cities`);
  return known;
}

function tableIn(text: string, path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The parser's message quotes the text, line breaks included; the position is enough.
    const [where] = /line \d+ column \d+/.exec(messageOf(error)) ?? [];
    fail(`${path}: no JSON${where === undefined ? "" : ` (${where})`}; an object by IATA code is allowed`);
  }
  return isTable(value) ? value : fail(`${path}: ${quote(value)}; an object by IATA code is allowed`);
}

const isTable = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function entryOf(code: string, value: unknown, path: string): Entry {
  const at = `${path}: ${quote(code)}`;
  if (!/^[A-Z]{3}$/.test(code)) fail(`${at}; an IATA code of three capital letters is allowed`);
  if (!isTable(value)) fail(`${at} is ${quote(value)}; an object is allowed`);
  const fields: ReadonlyMap<string, unknown> = new Map(Object.entries(value));
  const text = (name: string, pattern: RegExp, allowed: string): string => {
    const found = fields.get(name);
    if (typeof found === "string" && pattern.test(found)) return found;
    return fail(`${at}: "${name}" is ${quote(found)}; ${allowed} is allowed`);
  };
  const names = [...CONTINENTS.keys()];
  const region = text("region", new RegExp(`^(${names.join("|")})$`), `one of ${names.join(", ")}`);
  return {
    code,
    // The list has places without a name.
    city: text("city", /^/, "a name") || code,
    country: text("cca2", /^[A-Z]{2}$/, "a country code of two capital letters"),
    continent: CONTINENTS.get(region) ?? "NA",
    point: pointIn(fields, at),
  };
}

/** Both coordinates or neither. */
function pointIn(fields: ReadonlyMap<string, unknown>, at: string): Point | undefined {
  if (!fields.has("lat") && !fields.has("lon")) return undefined;
  const degrees = (name: string, most: number): number => {
    const found = fields.get(name);
    if (typeof found === "number" && Math.abs(found) <= most) return found;
    return fail(`${at}: "${name}" is ${quote(found)}; a number from -${most} to ${most} is allowed`);
  };
  return { latitude: degrees("lat", 90), longitude: degrees("lon", 180) };
}
