/** Bundles the Worker code for workerd, as wrangler would. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { messageOf } from "../tools/cli.ts";
import { ClusterError } from "./error.ts";

const source = (name: string): string => fileURLToPath(new URL(`./workerd/${name}.ts`, import.meta.url));

/** Writes `pop.js` and `core.js` into `folder`. Rejects with `ClusterError` when the source does not build. */
export async function bundleInto(folder: string): Promise<void> {
  await build({
    entryPoints: { pop: source("pop"), core: source("core") },
    outdir: folder,
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:workers"],
    // Names of functions and classes appear in error messages.
    keepNames: true,
    logLevel: "silent",
  }).catch((error: unknown) => {
    throw new ClusterError(`the Worker does not build: ${messageOf(error)}`);
  });
}
