/** Runs the simulator with a bug planted, in a process of its own. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Found } from "../../loadtest/planet/trials.ts";
import type { Mutant } from "./mutants.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const NODE = `${ROOT}node_modules/.bin/node`;

/** The violations of trials with these options. */
export async function violationsWith(
  { name, faults = "all", ahead, strict }: Mutant,
  options: readonly string[],
): Promise<readonly Found[]> {
  const args = ["--import", "./test/unit/mutate.ts", "loadtest/planet/main.ts"];
  const env = { ...process.env, ONECOUNT_MUTANT: name };
  // What is only drawn since bugs were planted would hide some of them from their seeds.
  const plain = ["--strict", strict ?? "none", ...(ahead === undefined ? [] : ["--ahead", ahead])];
  const run = promisify(execFile)(NODE, [...args, ...options, ...plain, "--faults", faults, "--json"], {
    cwd: ROOT,
    env,
  });
  // With violations it ends with exit 1; what it printed is wanted all the same.
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  return (JSON.parse(stdout) as { violations: Found[] }).violations;
}
