/** Each bug that the simulator once found: its seed is clean now, and is not when the bug is brought back. */
import { describe, expect, it } from "vitest";
import { runTrial } from "../../loadtest/planet/trial.ts";
import { violationsWith } from "./mutate-run.ts";
import { REGRESSIONS, trialOf } from "./regressions.ts";

const SLOW_MS = 60_000;

describe.each(REGRESSIONS)("$name", (regression) => {
  const { seed, caughtBy } = regression;

  it(`seed ${seed} shows nothing wrong`, () => {
    expect(runTrial(trialOf(regression)).violation).toBeUndefined();
  });

  it(
    `seed ${seed} shows it, were it back`,
    async () => {
      const { faults, ahead } = trialOf(regression);
      const [violation] = await violationsWith(
        { ...regression, faults: faults.join(","), ...(ahead !== undefined && { ahead }) },
        ["--seed", `${seed}`],
      );
      expect(caughtBy).toContain(violation?.checker);
    },
    SLOW_MS,
  );
});
