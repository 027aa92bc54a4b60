/** Each bug that the simulator once found: its seed is clean now, and is not when the bug is brought back. */
import { describe, expect, it } from "vitest";
import { runTrial } from "../../loadtest/planet/trial.ts";
import { violationsWith } from "./mutate-run.ts";
import { FAULTS_THEN, REGRESSIONS } from "./regressions.ts";

const SLOW_MS = 60_000;

describe.each(REGRESSIONS)("$name", (regression) => {
  const { seed, caughtBy } = regression;

  it(`seed ${seed} shows nothing wrong`, () => {
    expect(runTrial({ seed, faults: FAULTS_THEN }).violation).toBeUndefined();
  });

  it(
    `seed ${seed} shows it, were it back`,
    async () => {
      const [violation] = await violationsWith({ ...regression, faults: FAULTS_THEN.join(",") }, [
        "--seed",
        `${seed}`,
      ]);
      expect(caughtBy).toContain(violation?.checker);
    },
    SLOW_MS,
  );
});
