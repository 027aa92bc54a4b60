/** Runs a k6 script in this process, for who has no k6. It does what the scripts of this repository use, no more. */
import { messageOf } from "../../tools/cli.ts";
import { withProgress } from "../../tools/progress.ts";
import { realClock } from "./clock.ts";
import { RunnerError } from "./error.ts";
import { resolveK6 } from "./hooks.ts";
import { disconnect } from "./module-http.ts";
import { fieldsOf, readScenarios, type Scenario } from "./scenarios.ts";
import { clearSession, registry, turns } from "./session.ts";
import { formatSummary } from "./summary.ts";
import { evaluate, readThresholds } from "./thresholds.ts";

/** k6's exit code when a threshold has failed. */
export const THRESHOLDS_FAILED = 99;

/** Options that change nothing here, besides those that are read. */
const OPTIONS = ["scenarios", "thresholds", "discardResponseBodies"];
const EXPORTS = ["default", "options", "setup"];

type Step = (data?: unknown) => unknown;

export interface BuiltinOutcome {
  readonly exitCode: number;
  /** Text for people. */
  readonly summary: string;
  /** Counters by name, with those of tags that a threshold asks for. */
  readonly counters: ReadonlyMap<string, number>;
}

let runs = 0;

/** Runs the script with this environment; one run at a time. Throws `RunnerError` for what it cannot do. */
export async function runBuiltin(
  script: URL,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<BuiltinOutcome> {
  Object.assign(globalThis, { __ENV: env });
  if (runs === 0) resolveK6();
  clearSession();
  runs += 1;
  // A module is evaluated once for each address, and this run's options may be others.
  const exported = fieldsOf("the script", await load(new URL(`?run=${runs}`, script)));
  const body = stepOf("default", exported.default);
  refuse("export", Object.keys(exported), EXPORTS);
  const options = fieldsOf("options", exported.options);
  refuse("option", Object.keys(options), OPTIONS);
  const thresholds = readThresholds(options.thresholds, registry);
  const scenarios = readScenarios(options.scenarios);
  const data = exported.setup === undefined ? undefined : await stepOf("setup", exported.setup)();
  const started = performance.now();
  try {
    await withProgress(
      (done) => `${done} iterations`,
      (progress) => Promise.all(scenarios.map((each) => runScenario(each, body, data, progress, signal))),
    );
  } finally {
    disconnect();
  }
  const seconds = (performance.now() - started) / 1_000;
  const verdicts = thresholds.map((threshold) => evaluate(threshold, seconds));
  const counters = Array.from(registry.series).filter(([, { kind }]) => kind === "counter");
  return {
    exitCode: verdicts.every(({ passed }) => passed) ? 0 : THRESHOLDS_FAILED,
    summary: formatSummary(verdicts, seconds),
    counters: new Map(counters.map(([name, { sum }]) => [name, sum])),
  };
}

async function load(script: URL): Promise<object> {
  try {
    // A namespace object has no prototype, and its keys are the exports.
    return await import(script.href);
  } catch (error) {
    throw new RunnerError(`the script cannot be loaded: ${messageOf(error)}`);
  }
}

async function runScenario(
  scenario: Scenario,
  body: Step,
  data: unknown,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const { name } = scenario;
  let ended = 0;
  const iterate = async (vu: number, iteration: number): Promise<void> => {
    const began = performance.now();
    try {
      await turns.run({ scenario: name, vu, iteration }, async () => body(data));
    } catch (error) {
      // As in k6, the iteration ends and the run goes on; thresholds judge it. What the runner cannot do ends it.
      if (error instanceof RunnerError) throw error;
      console.error(`iteration ${iteration} of ${name}: ${messageOf(error)}`);
    }
    registry.add("iterations", 1, { scenario: name });
    registry.add("iteration_duration", performance.now() - began, { scenario: name });
    ended += 1;
    progress(ended);
  };
  const { dropped, interrupted } = await scenario.run(iterate, realClock, signal);
  if (dropped > 0) registry.add("dropped_iterations", dropped, { scenario: name });
  if (interrupted > 0) console.error(`${interrupted} iterations of ${name} were interrupted`);
}

function refuse(what: string, names: readonly string[], known: readonly string[]): void {
  const other = names.find((name) => !known.includes(name));
  if (other !== undefined)
    throw new RunnerError(`the built-in runner has no ${what} ${other}: run this script with k6`);
}

function stepOf(name: string, value: unknown): Step {
  if (typeof value === "function") return value as Step;
  throw new RunnerError(`the script's ${name} is not a function`);
}
