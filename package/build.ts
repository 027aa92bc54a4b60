/** `npm run build`: the package as it is published, into dist/. */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Metafile } from "esbuild";
import { options, runCli } from "../loadtest/tools/cli.ts";
import { declareInto } from "./declarations.ts";
import { CLI, DIST, ENTRIES, ROOT } from "./entries.ts";
import { buildPage, PAGE_DATA } from "./page.ts";

const HELP = `npm run build

Builds the package into dist/: an ES module for each entry, with source maps and declarations, the command, and the
files of the live page.
`;

/** Node 18's, which the client and the command run on. */
const TARGET = "es2022";

/** Writes the modules. Entries share chunks, so that a Worker that imports two of them has one copy of everything. */
async function bundle(
  entries: Readonly<Record<string, string>>,
  platform: "neutral" | "node",
): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: entries,
    outdir: DIST,
    bundle: true,
    splitting: true,
    format: "esm",
    target: TARGET,
    platform,
    // A package's own module before what it has for older loaders, which can keep calls of `require`.
    mainFields: ["module", "main"],
    ...(platform === "neutral" && { conditions: ["workerd", "worker", "browser"] }),
    external: ["cloudflare:workers"],
    chunkNames: platform === "node" ? "cli-[hash]" : "chunk-[hash]",
    sourcemap: true,
    metafile: true,
    logLevel: "warning",
  });
  return metafile;
}

/** The licences of the packages that are in the bundles ask to be passed on with them. */
function licences(metafiles: readonly Metafile[]): string {
  const inputs = metafiles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
    ),
  );
  const names = new Set(
    inputs.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
  );
  return [...names, ...PAGE_DATA]
    .sort()
    .map((name) => `${name}\n\n${licence(join(ROOT, "node_modules", name))}`)
    .join("\n----\n\n");
}

function licence(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  if (file === undefined) throw new Error(`${folder} has no licence to pass on`);
  return readFileSync(join(folder, file), "utf8");
}

await runCli(async () => {
  options({}, HELP);
  if (existsSync(DIST)) rmSync(DIST, { recursive: true });
  const metafiles = [
    await bundle(ENTRIES, "neutral"),
    await bundle(CLI, "node"),
    await buildPage(join(DIST, "page")),
  ];
  chmodSync(join(DIST, "cli.js"), 0o755);
  declareInto(DIST);
  writeFileSync(
    join(DIST, "LICENSES.txt"),
    `What the bundles contain of other packages.\n\n${licences(metafiles)}`,
  );
  console.log(
    `dist: ${readdirSync(DIST)
      .filter((file) => /\.js$/.test(file))
      .join(" ")}`,
  );
});
