/** Where the POPs of a planet stand. */
import { describe, expect, test } from "vitest";
import { HUB_CITIES } from "../../loadtest/cluster/cities.ts";
import { roundTripMs } from "../../loadtest/cluster/distance.ts";
import { parsePlanet } from "../../loadtest/planet/place-file.ts";
import {
  builtInPlaces,
  choosePops,
  distances,
  onePerRegion,
  ownerPlaceFor,
  ownerPlaces,
  type Place,
} from "../../loadtest/planet/places.ts";
import { messageOf } from "../../loadtest/tools/cli.ts";
import { REGIONS } from "../../shared/region.ts";

const MARSEILLE = { city: "Marseille", cca2: "FR", region: "Europe", lat: 43.3, lon: 5.37 };
const LIST = {
  GRU: { city: "São Paulo", cca2: "BR", region: "South America", lat: -23.4, lon: -46.5, name: "x" },
  // Without coordinates, in turn: a city known by its code, one of a country that is on the list, neither.
  SHA: { city: "Shanghai", cca2: "CN", region: "Asia" },
  XXF: { city: "Nowhere", cca2: "FR", region: "Europe" },
  XXA: { city: "Elsewhere", cca2: "XX", region: "Africa" },
  MRS: MARSEILLE,
  WAW: { city: "Warsaw", cca2: "PL", region: "Europe", lat: 52.2, lon: 21 },
  LAX: { city: "Los Angeles", cca2: "US", region: "North America", lat: 33.9, lon: -118.4 },
  DXB: { city: "Dubai", cca2: "AE", region: "Middle East", lat: 25.2, lon: 55.3 },
  BOM: { city: "Mumbai", cca2: "IN", region: "Asia Pacific", lat: 19.1, lon: 72.9 },
};
const read = (list: unknown) => parsePlanet(JSON.stringify(list), "planet.json");
const byCode = (places: readonly Place[], code: string): Place => {
  const found = places.find((place) => place.code === code);
  if (found === undefined) throw new Error(`no ${code}`);
  return found;
};

describe("a list of data centres", () => {
  const { places, withoutCoordinates } = read(LIST);

  test("keeps every entry, in order, and counts those without coordinates", () => {
    expect(places.map(({ code }) => code)).toEqual(Object.keys(LIST));
    expect(withoutCoordinates).toBe(3);
  });

  test("gives each place its region and whether it hosts objects", () => {
    expect(places.map(({ region }) => region)).toEqual([
      "sam",
      "apac",
      "weur",
      "afr",
      "weur",
      "eeur",
      "wnam",
      "me",
      "apac",
    ]);
    expect(places.filter(({ hostsObjects }) => hostsObjects).map(({ code }) => code)).toEqual([
      "MRS",
      "WAW",
      "LAX",
    ]);
    expect(byCode(places, "MRS")).toEqual({
      code: "MRS",
      city: "Marseille",
      country: "FR",
      latitude: 43.3,
      longitude: 5.37,
      region: "weur",
      hostsObjects: true,
    });
  });

  test("puts places without coordinates where the city, the country or else the hub is", () => {
    expect(byCode(places, "SHA")).toMatchObject({ latitude: 31.23, longitude: 121.47 });
    expect(byCode(places, "XXF")).toMatchObject({ latitude: 43.3, longitude: 5.37 });
    expect(byCode(places, "XXA")).toMatchObject(pointOf(HUB_CITIES.afr));
  });

  test("is believed about the coordinates it has", () => {
    const moved = read({ MRS: MARSEILLE, SHA: { ...LIST.SHA, lat: 1, lon: -2 } });
    expect(byCode(moved.places, "SHA")).toMatchObject({ latitude: 1, longitude: -2 });
    expect(moved.withoutCoordinates).toBe(0);
  });

  test("may leave a city's name empty: the code is there instead", () => {
    expect(read({ MRS: { ...MARSEILLE, city: "" } }).places[0]?.city).toBe("MRS");
  });

  test("with none that is known to host objects has the first host them", () => {
    const quiet = read({ GRU: LIST.GRU, DXB: LIST.DXB }).places;
    expect(quiet.map(({ hostsObjects }) => hostsObjects)).toEqual([true, false]);
  });

  const broken = (changes: Record<string, unknown>) => ({ MRS: { ...MARSEILLE, ...changes } });
  const REGION_NAMES =
    "Africa, Antarctica, Asia, Asia Pacific, Europe, Middle East, North America, Oceania, South America";
  test.each([
    ['{\n"MRS": oops\n}', "planet.json: no JSON; an object by IATA code is allowed"],
    ["{\n", "planet.json: no JSON (line 2 column 1); an object by IATA code is allowed"],
    ["[1]", "planet.json: a list of 1; an object by IATA code is allowed"],
    ["null", "planet.json: null; an object by IATA code is allowed"],
    ["{}", "planet.json: 0 data centres; 1 to 1000 are allowed"],
    ['{"mrs":{}}', 'planet.json: "mrs"; an IATA code of three capital letters is allowed'],
    ['{"__proto__":{}}', 'planet.json: "__proto__"; an IATA code of three capital letters is allowed'],
    ['{"MRS":7}', 'planet.json: "MRS" is 7; an object is allowed'],
    [broken({ city: 1 }), 'planet.json: "MRS": "city" is 1; a name is allowed'],
    [
      broken({ cca2: undefined }),
      'planet.json: "MRS": "cca2" is nothing; a country code of two capital letters is allowed',
    ],
    [
      broken({ region: "Europa" }),
      `planet.json: "MRS": "region" is "Europa"; one of ${REGION_NAMES} is allowed`,
    ],
    [broken({ lat: 90.5 }), 'planet.json: "MRS": "lat" is 90.5; a number from -90 to 90 is allowed'],
    [broken({ lon: -181 }), 'planet.json: "MRS": "lon" is -181; a number from -180 to 180 is allowed'],
    [broken({ lat: "43" }), 'planet.json: "MRS": "lat" is "43"; a number from -90 to 90 is allowed'],
    [
      broken({ lon: undefined }),
      'planet.json: "MRS": "lon" is nothing; a number from -180 to 180 is allowed',
    ],
    [broken({ lat: undefined }), 'planet.json: "MRS": "lat" is nothing; a number from -90 to 90 is allowed'],
    [
      broken({ lat: null, lon: null }),
      'planet.json: "MRS": "lat" is null; a number from -90 to 90 is allowed',
    ],
  ])("of %j is refused with one line", (list, line) => {
    const text = typeof list === "string" ? list : JSON.stringify(list);
    expect(problemOf(() => parsePlanet(text, "planet.json"))).toBe(line);
  });

  test("of more places than there may be is refused", () => {
    const letter = (index: number): string => String.fromCharCode(65 + (index % 26));
    const entries = Array.from({ length: 1_001 }, (_, index) => [
      letter(index / 676) + letter(index / 26) + letter(index),
      MARSEILLE,
    ]);
    expect(read(Object.fromEntries(entries.slice(1))).places).toHaveLength(1_000);
    expect(problemOf(() => read(Object.fromEntries(entries)))).toBe(
      "planet.json: 1001 data centres; 1 to 1000 are allowed",
    );
  });
});

/** The one line with which a command ends. */
function problemOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return messageOf(error);
  }
  return "no problem";
}

function pointOf(code: string): Pick<Place, "latitude" | "longitude"> {
  const { latitude, longitude } = byCode(builtInPlaces(), code);
  return { latitude, longitude };
}

describe("the built-in places", () => {
  test("are 73 cities, in all regions, of which 30 host objects, all of those in the north or Oceania", () => {
    const places = builtInPlaces();
    expect(places).toHaveLength(73);
    expect(onePerRegion(places).map((index) => places[index]?.region)).toEqual([...REGIONS]);
    const hosts = places.filter(({ hostsObjects }) => hostsObjects);
    expect(hosts).toHaveLength(30);
    expect(hosts.filter(({ region }) => ["sam", "afr", "me"].includes(region))).toEqual([]);
  });
});

describe("choosing POPs", () => {
  const places = builtInPlaces();

  test.each([1, 2, 7, 24, 72, 73])(
    "takes %i of 73, in order, hosts in their share and at least one",
    (count) => {
      const chosen = choosePops(places, count);
      expect(chosen).toHaveLength(count);
      expect(places.filter((place) => chosen.includes(place))).toEqual(chosen);
      const hosts = chosen.filter(({ hostsObjects }) => hostsObjects).length;
      expect(hosts).toBe(Math.max(1, Math.round((count * 30) / 73)));
      expect(builtInPlaces(count)).toEqual(chosen);
    },
  );

  test("spreads them over the list", () => {
    expect(choosePops(places, 1).map(({ code }) => code)).toEqual(["LHR"]);
    const regions = new Set(choosePops(places, 24).map(({ region }) => region));
    expect(regions.size).toBe(REGIONS.length);
  });

  test.each([400, 74, 0, -1, 1.5, Number.NaN])("refuses %d, saying how many there are", (count) => {
    expect(problemOf(() => choosePops(places, count))).toBe(
      `--pops ${count}: a whole number from 1 to 73 is allowed, the list has 73 places`,
    );
  });
});

describe("distance", () => {
  const places = builtInPlaces();
  const indexOf = (code: string): number => places.indexOf(byCode(places, code));

  test.each([
    ["LHR", "LHR"],
    ["DUB", "LHR"],
    ["GRU", "MIA"],
    ["JNB", "MRS"],
    ["DXB", "WAW"],
    ["PER", "MEL"],
  ])("from %s, an object comes to live in %s", (from, to) => {
    expect(places[ownerPlaceFor(byCode(places, from), places)]?.code).toBe(to);
    expect(places[ownerPlaces(places)[indexOf(from)] ?? -1]?.code).toBe(to);
  });

  test("without a place that hosts objects is an error", () => {
    const none = places.map((place) => ({ ...place, hostsObjects: false }));
    expect(() => ownerPlaceFor(byCode(places, "LHR"), none)).toThrow("no place hosts objects");
  });

  test("between places is their round trip, times the factor", () => {
    const [london, tokyo] = [byCode(places, "LHR"), byCode(places, "NRT")];
    const table = distances(places, 0.5);
    expect(table).toHaveLength(73 * 73);
    expect(table[indexOf("LHR") * 73 + indexOf("NRT")]).toBe(roundTripMs(london, tokyo, 0.5));
    expect(table[indexOf("NRT") * 73 + indexOf("LHR")]).toBe(roundTripMs(tokyo, london, 0.5));
    expect(distances(places)[indexOf("SYD") * 74]).toBe(5);
  });
});
