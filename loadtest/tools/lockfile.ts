/**
 * `npm run lockfile`: after a change of dependencies, takes `engines` out of the lockfile's platform packages.
 *
 * npm leaves out an optional package whose `engines` the Node that runs npm does not fit. The platform
 * packages (`cpu` in their entry) hold nothing but a native library, and the scripts run on the Node that the
 * `node` package brings; left out for the sake of an older Node outside, they are missed when tests start.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { options, runCli } from "./cli.ts";

const LOCKFILE = new URL("../../package-lock.json", import.meta.url);

interface Entry {
  optional?: boolean;
  cpu?: string[];
  engines?: unknown;
}

await runCli(() => {
  options({}, "npm run lockfile\n\nTakes `engines` out of the lockfile's optional platform packages.\n");
  const lockfile = JSON.parse(readFileSync(LOCKFILE, "utf8")) as { packages: Record<string, Entry> };
  let changed = 0;
  for (const entry of Object.values(lockfile.packages)) {
    if (entry.optional !== true || entry.cpu === undefined || entry.engines === undefined) continue;
    delete entry.engines;
    changed += 1;
  }
  writeFileSync(LOCKFILE, `${JSON.stringify(lockfile, null, 2)}\n`);
  console.log(`${changed} entries changed`);
});
