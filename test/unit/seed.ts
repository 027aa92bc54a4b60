/** One seed for all properties, so that a run can be repeated: `SEED=7 npx vitest run …` tries others. */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) });
