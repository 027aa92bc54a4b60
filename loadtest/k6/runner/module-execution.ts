/** Stands in for "k6/execution". */
import { only, RunnerError } from "./error.ts";
import { type Turn, turns } from "./session.ts";

function turn(): Turn {
  const found = turns.getStore();
  if (found === undefined) throw new RunnerError("k6/execution says nothing outside of an iteration");
  return found;
}

export const scenario = only("exec.scenario", {
  get name(): string {
    return turn().scenario;
  },
  get iterationInTest(): number {
    return turn().iteration;
  },
});

export const vu = only("exec.vu", {
  get idInTest(): number {
    return turn().vu;
  },
});

export default only("exec", { scenario, vu });
