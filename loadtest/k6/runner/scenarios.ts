/** The scenarios of a script, read strictly: what the runner does not do must not look done. */
import type { Clock } from "./clock.ts";
import { RunnerError } from "./error.ts";
import { type Iterate, type Outcome, runArrivals, runShared } from "./executor.ts";
import { constantArrivals, durationOf, rampingArrivals } from "./schedule.ts";

export interface Scenario {
  readonly name: string;
  run(iterate: Iterate, clock: Clock, signal?: AbortSignal): Promise<Outcome>;
}

type Fields = Readonly<Record<string, unknown>>;

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  "constant-arrival-rate": ["rate", "timeUnit", "duration", "preAllocatedVUs", "maxVUs"],
  "ramping-arrival-rate": ["startRate", "timeUnit", "stages", "preAllocatedVUs", "maxVUs"],
  "shared-iterations": ["vus", "iterations", "maxDuration"],
};

/** Reads `options.scenarios`. Throws `RunnerError` for what the runner cannot do. */
export function readScenarios(given: unknown): readonly Scenario[] {
  const scenarios = Object.entries(fieldsOf("options.scenarios", given));
  if (scenarios.length === 0) throw new RunnerError("the script has no scenario");
  return scenarios.map(([name, value]) => ({ name, run: readScenario(name, fieldsOf(name, value)) }));
}

function readScenario(name: string, given: Fields): Scenario["run"] {
  const known = KNOWN[String(given.executor)];
  if (known === undefined) {
    throw new RunnerError(`the built-in runner has no executor ${JSON.stringify(given.executor)}`);
  }
  const other = Object.keys(given).find((field) => field !== "executor" && !known.includes(field));
  if (other !== undefined) throw new RunnerError(`the built-in runner has no ${other} of ${name}`);
  const whole = (field: string, fallback?: number): number =>
    wholeOf(`${name}.${field}`, given[field] ?? fallback);
  const length = (field: string, fallback?: string): number =>
    durationOf(`${name}.${field}`, given[field] ?? fallback);
  if (given.executor === "shared-iterations") {
    const shared = {
      vus: whole("vus", 1),
      iterations: whole("iterations", 1),
      maxDurationMs: length("maxDuration", "10m"),
    };
    return (iterate, clock, signal) => runShared(shared, iterate, clock, signal);
  }
  const preAllocatedVUs = whole("preAllocatedVUs");
  const vus = { preAllocatedVUs, maxVUs: whole("maxVUs", preAllocatedVUs) };
  const unitMs = length("timeUnit", "1s");
  const arrivals =
    given.executor === "constant-arrival-rate"
      ? constantArrivals(whole("rate"), unitMs, length("duration"))
      : rampingArrivals(whole("startRate", 0), unitMs, stagesOf(name, given.stages));
  return (iterate, clock, signal) => runArrivals({ ...vus, arrivals }, iterate, clock, signal);
}

function stagesOf(name: string, given: unknown) {
  if (!Array.isArray(given)) throw new RunnerError(`${name}.stages is not a list`);
  return given.map((stage: unknown) => {
    const { target, duration } = fieldsOf(`a stage of ${name}`, stage);
    return {
      target: wholeOf(`${name}.stages.target`, target),
      durationMs: durationOf(`${name}.stages.duration`, duration),
    };
  });
}

export function fieldsOf(what: string, value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new RunnerError(`${what} is not an object`);
}

function wholeOf(what: string, value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw new RunnerError(`${what} is ${JSON.stringify(value)}: a whole number is needed`);
}
