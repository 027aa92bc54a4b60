/** Packs the package once, as it would be published, and installs it where every test's project finds it. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * What projects have beside the package. Linked, not installed: they are large, and are not what is tested. The package
 * itself is installed from its tarball, and brings nothing with it.
 */
const LINKED = ["@cloudflare/workers-types", "@types/node", "hono", "itty-router", "typescript", "wrangler"];

declare module "vitest" {
  interface ProvidedContext {
    /** The folder that projects are made in. */
    projects: string;
    tarball: string;
  }
}

export async function setup({ provide }: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "onecount-package-"));
  const packed = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: ROOT });
  // What `prepack` prints comes first.
  const [{ filename }] = JSON.parse(packed.stdout.slice(packed.stdout.search(/^\[/m))) as [
    { filename: string },
  ];
  const tarball = join(folder, filename);
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], { cwd: folder });
  for (const name of LINKED) link(name, folder);
  provide("projects", folder);
  provide("tarball", tarball);
  return () => rmSync(folder, { recursive: true, force: true });
}

function link(name: string, folder: string): void {
  const path = join(folder, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(ROOT, "node_modules", name), path);
}
