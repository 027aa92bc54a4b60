/** Bugs planted into the production core, one at a time: the simulator has to find each within 200 seeds. */
import { describe, expect, it } from "vitest";
import { Checks } from "../../loadtest/planet/checks/all.ts";
import { World } from "../../loadtest/planet/world.ts";
import { seededRandom } from "../../loadtest/tools/random.ts";
import { CONTROL, MUTANTS, type Mutant } from "./mutants.ts";
import { violationsWith } from "./mutate-run.ts";
import { ruleWith } from "./world.ts";

const SLOW_MS = 120_000;
/** Each is caught within so many. */
const SEEDS = 200;

/** Every trace behind the protocol's rules. */
const TRACES = [
  "write-ahead",
  "retry = same bytes, id with a life",
  "costs as a list, granted whole",
  "an Answer names its window",
  "version join",
  "zero on reset",
  "BLOCK_TRUST",
  "counted",
  "hand-back",
  "deadline from its own Ask",
  "per-set floor in the credit table",
  "integer meters",
  "debt clamped at −L",
];

const found = new Set<string>();

/** The checkers that cried out over a mutant in so many trials. */
async function cries(mutant: Mutant, seeds: number): Promise<ReadonlySet<string>> {
  const violations = await violationsWith(mutant, ["--seeds", `${seeds}`]);
  return new Set(violations.map(({ checker }) => checker));
}

describe("a planted bug", () => {
  for (const mutant of MUTANTS) {
    it(
      `${mutant.name}: is caught by ${mutant.caughtBy.join(" or ")}`,
      async () => {
        let caught: readonly string[] = [];
        // Most are found at once; that saves the time for the others.
        for (const seeds of [40, SEEDS]) {
          const checkers = await cries(mutant, seeds);
          caught = mutant.caughtBy.filter((name) => checkers.has(name));
          for (const name of checkers) found.add(name);
          if (caught.length > 0) break;
        }
        expect(caught).not.toEqual([]);
      },
      SLOW_MS,
    );
  }

  it(
    "control: no checker cries out over what breaks no rule",
    async () => expect(await cries(CONTROL, SEEDS)).toEqual(new Set()),
    SLOW_MS,
  );

  it("there is one for every trace behind the protocol's rules", () => {
    expect(new Set(MUTANTS.flatMap(({ trace }) => trace ?? []))).toEqual(new Set(TRACES));
  });

  it("there is one for every checker", () => {
    const world = new World({ rules: [ruleWith()], places: [], random: seededRandom(1) });
    expect(new Checks(world, 0, true).names.filter((name) => !found.has(name))).toEqual([]);
  });
});
