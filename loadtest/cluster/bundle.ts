/** Bundles the Worker code for workerd, as wrangler would. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { messageOf } from "../tools/cli.ts";
import { ClusterError } from "./error.ts";

const source = (name: string): string => fileURLToPath(new URL(`./workerd/${name}.ts`, import.meta.url));

/** The newest schema that Workers and objects speak, where it is not the one of the source. */
export interface Schemas {
  readonly workers?: number;
  readonly objects?: number;
}

/** Bounds that are not those of the source, by their names in `shared/limits.ts`: numbers, or lengths in ms. */
export type Limits = Readonly<Record<string, number>>;

/** Writes `pop.js` and `core.js` into `folder`. Rejects with `ClusterError` when the source does not build. */
export async function bundleInto(folder: string, schemas: Schemas = {}, limits: Limits = {}): Promise<void> {
  const pluginsOf = (schema: number | undefined) => [...speakingOf(schema), ...limitingTo(limits)];
  await Promise.all([
    bundle({ pop: source("pop") }, folder, { plugins: pluginsOf(schemas.workers) }),
    bundle({ core: source("core") }, folder, { plugins: pluginsOf(schemas.objects) }),
  ]);
}

/** Bundles each entry point into `folder`, under its name. */
export async function bundle(
  entryPoints: Record<string, string>,
  folder: string,
  more: Pick<BuildOptions, "plugins" | "minify" | "keepNames"> = {},
): Promise<void> {
  await build({
    entryPoints,
    outdir: folder,
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:workers"],
    // Names of functions and classes appear in error messages.
    keepNames: true,
    logLevel: "silent",
    ...more,
  }).catch((error: unknown) => {
    throw new ClusterError(`the Worker does not build: ${messageOf(error)}`);
  });
}

const speakingOf = (schema: number | undefined): Plugin[] => (schema === undefined ? [] : [speaking(schema)]);

/** Another release, as far as schemas go: this source with another number in place of its newest. */
const speaking = (schema: number): Plugin => ({
  name: "schema",
  setup: ({ onLoad }) =>
    onLoad({ filter: /[/\\]shared[/\\]protocol[/\\]schema\.ts$/ }, () => ({
      contents: `export const SCHEMA = ${schema};\nexport const SCHEMA_MIN = 1;\n`,
    })),
});

const limitingTo = (limits: Limits): Plugin[] => (Object.keys(limits).length === 0 ? [] : [limiting(limits)]);

const limiting = (limits: Limits): Plugin => ({
  name: "limits",
  setup: ({ onLoad }) =>
    onLoad({ filter: /[/\\]shared[/\\]limits\.ts$/ }, async ({ path }) => {
      let contents = await readFile(path, "utf8");
      for (const [name, value] of Object.entries(limits)) {
        const known = new RegExp(`(?<=export const ${name}(?:: DurationMs = durationMs\\(| = ))[^;)]+`);
        if (!known.test(contents)) throw new ClusterError(`no bound ${name} in ${path}`);
        contents = contents.replace(known, String(value));
      }
      return { contents, loader: "ts" };
    }),
});
