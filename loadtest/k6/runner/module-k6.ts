/** Stands in for "k6". */
import { RunnerError } from "./error.ts";
import { checks, registry } from "./session.ts";

/** Each check by its name; true when all of them hold. */
export function check<T>(value: T, sets: Readonly<Record<string, (value: T) => unknown>>): boolean {
  let all = true;
  for (const [name, test] of Object.entries(sets)) {
    const passed = Boolean(test(value));
    const tally = checks.get(name) ?? { passes: 0, fails: 0 };
    tally[passed ? "passes" : "fails"] += 1;
    checks.set(name, tally);
    registry.add("checks", passed, { check: name });
    all &&= passed;
  }
  return all;
}

/** Node cannot block without holding up all other VUs. */
export function sleep(): never {
  throw new RunnerError("the built-in runner has no blocking sleep: await a timer instead");
}
