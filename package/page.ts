/** `node package/page.ts [FOLDER]`: the live page as it is served, into dist/page unless another folder is named. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { geoNaturalEarth1, geoPath } from "d3-geo";
import { build, type Metafile, type Plugin } from "esbuild";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import { CITIES, CITY_ALIASES, cityOf } from "../loadtest/cluster/cities.ts";
import { options, runCli } from "../loadtest/tools/cli.ts";
import { DIST, ROOT } from "./entries.ts";

/** Packages that the map is made of: no bundler sees them. */
export const PAGE_DATA: readonly string[] = ["world-atlas"];

export const PAGE_DIST = join(DIST, "page");
const SOURCE = join(ROOT, "worker/page");

const HELP = `node package/page.ts [FOLDER]

Builds the live page into FOLDER (default: dist/page): one document, one style sheet, one script and an icon.
`;

/** Browsers of the last three years. */
const TARGET = ["es2022", "chrome123", "firefox120", "safari17.5"];

/** The map's width in its own units; a tenth of one is less than a pixel on any screen. */
const MAP_WIDTH = 1000;
const MAP_DIGITS = 1;
/** South of it is Antarctica, north of it nothing but ice: no data centre is there. */
const SOUTH = -57;
const NORTH = 80;

/** Writes the page into `folder`, which is emptied first. */
export async function buildPage(folder: string): Promise<Metafile> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of ["index.html", "icon.svg"]) copyFileSync(join(SOURCE, file), join(folder, file));
  // A page in the local cluster gets another answer in this file's place.
  writeFileSync(join(folder, "cluster.json"), "null\n");
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { page: join(SOURCE, "main.ts") },
    outdir: folder,
    bundle: true,
    minify: true,
    format: "esm",
    target: TARGET,
    // Made at build time out of 8,000 points and a hundred cities: the browser gets one path and some pixels.
    plugins: [world],
    metafile: true,
    logLevel: "warning",
  });
  return metafile;
}

const world: Plugin = {
  name: "world",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^onecount:world$/ }, ({ path }) => ({ path, namespace: "world" }));
    onLoad({ filter: /.*/, namespace: "world" }, () => ({ contents: worldModule(), loader: "js" }));
  },
};

function worldModule(): string {
  const file = createRequire(import.meta.url).resolve("world-atlas/land-110m.json");
  const topology = JSON.parse(readFileSync(file, "utf8")) as Topology<{ land: GeometryCollection }>;
  const land = feature(topology, topology.objects.land);
  const projection = geoNaturalEarth1().fitWidth(MAP_WIDTH, { type: "Sphere" });
  const y = (latitude: number): number => projection([0, latitude])?.[1] ?? 0;
  const top = y(NORTH);
  const height = Math.round(y(SOUTH) - top);
  const [left, down] = projection.translate();
  projection.translate([left, down - top]).clipExtent([
    [0, 0],
    [MAP_WIDTH, height],
  ]);
  const path = geoPath(projection).digits(MAP_DIGITS)(land);
  const rounded = (value: number): number => Number(value.toFixed(MAP_DIGITS));
  const codes = [...CITIES.keys(), ...Object.keys(CITY_ALIASES)];
  const places = codes.flatMap((code) => {
    const city = cityOf(code);
    const point = city && projection([city.longitude, city.latitude]);
    return city && point ? [[code, [city.name, ...point.map(rounded)]]] : [];
  });
  return [
    `export const LAND = ${JSON.stringify(path)};`,
    `export const WIDTH = ${MAP_WIDTH};`,
    `export const HEIGHT = ${height};`,
    `export const PLACES = ${JSON.stringify(Object.fromEntries(places))};`,
  ].join("\n");
}

if (import.meta.main) {
  await runCli(async () => {
    const [folder = PAGE_DIST] = options({}, HELP, 1).positionals;
    await buildPage(folder);
  });
}
