/** What the package exports, by the names of package.json's `exports`. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const DIST = join(ROOT, "dist");

/** Each file of dist and its source. */
export const ENTRIES = {
  index: "package/index.ts",
  itty: "worker/itty.ts",
  hono: "worker/hono.ts",
  client: "client/index.ts",
  worker: "worker/index.ts",
} as const;

/** The command is no entry to import, and has no declarations. */
export const CLI = { cli: "package/cli.ts" } as const;

/** Packages whose types an entry needs: a project that imports it has them anyway. Of their code it needs none. */
export const PEERS = ["hono", "itty-router"] as const;
