/** Which POPs a cluster has. */
import { CITIES, CITY_ALIASES, type City, cityOf } from "./cities.ts";
import { ClusterError } from "./error.ts";

/** The four POPs of the slide that the idea comes from. */
export const DEFAULT_POPS: readonly string[] = ["LHR", "CDG", "CHI", "TYO"];

/** Each code with its city. Throws `ClusterError` for an unknown code, a city named twice, and an empty list. */
export function resolvePops(codes: readonly string[]): readonly { name: string; city: City }[] {
  const seen = new Map<string, string>();
  const pops = codes.map((code) => {
    const name = code.trim().toUpperCase();
    const city = cityOf(name);
    if (city === undefined) throw new ClusterError(unknownCity(code.trim()));
    const twin = seen.get(city.code);
    if (twin === name) throw new ClusterError(`POP ${name} is named twice`);
    if (twin !== undefined) throw new ClusterError(`POPs ${twin} and ${name} are one city, ${city.name}`);
    seen.set(city.code, name);
    return { name, city };
  });
  if (pops.length === 0) throw new ClusterError(`no POP given; the default is ${DEFAULT_POPS.join(",")}`);
  return pops;
}

function unknownCity(code: string): string {
  if (code === "")
    return `an empty POP code; allowed: codes with one comma between two, as in ${DEFAULT_POPS.join(",")}`;
  const known = [...CITIES.keys()].sort().join(" ");
  const aliases = Object.entries(CITY_ALIASES).map(([alias, of]) => `${alias}=${of}`);
  return `unknown POP ${JSON.stringify(code)}; known: ${known}, ${aliases.join(", ")}`;
}
