/**
 * Preloaded into a process (`node --import`): loads the production core with one bug planted, the one that the
 * variable ONECOUNT_MUTANT names. The files on disk stay as they are.
 */
import { registerHooks } from "node:module";
import { CONTROL, MUTANTS } from "./mutants.ts";
import { REGRESSIONS } from "./regressions.ts";

const name = process.env.ONECOUNT_MUTANT;
const mutant = [...MUTANTS, CONTROL, ...REGRESSIONS].find((one) => one.name === name);
if (mutant === undefined) throw new Error(`there is no mutant ${name}`);
const root = new URL("../../", import.meta.url).href;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const edits = mutant.edits.filter(({ file }) => url === `${root}${file}`);
    if (edits.length === 0 || loaded.source == null) return loaded;
    let source = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
    for (const { file, find, replace } of edits) {
      const parts = source.split(find);
      if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`);
      source = parts.join(replace);
    }
    return { ...loaded, source };
  },
});
