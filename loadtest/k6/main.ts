/** `npm run loadtest`: a k6 script against a cluster of its own, and what the limiter made of it. */

import { isRoutine } from "../../shared/telemetry/log.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { ClusterError } from "../cluster/error.ts";
import type { ClusterState } from "../cluster/shapes.ts";
import { fail, messageOf, runCli } from "../tools/cli.ts";
import { type LoadOptions, readOptions } from "./options.ts";
import type { ScriptName } from "./plans.ts";
import { formatReport, reportOf } from "./report.ts";
import { rulesOf, sourcesOf, windowsTouched } from "./rules.ts";
import { findK6, installHint, type K6, type K6Outcome, type Output, runK6 } from "./run-k6.ts";
import { RunnerError } from "./runner/error.ts";
import { runBuiltin } from "./runner/run.ts";
import { type Play, soak } from "./soaking/soak.ts";

void runCli(async () => {
  const wish = readOptions();
  const stopped = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopped.abort());
  const k6 = await chooseRunner(wish);
  try {
    return await loadtest(wish, k6, stopped.signal);
  } catch (error) {
    if (stopped.signal.aborted) fail("stopped");
    if (error instanceof ClusterError || error instanceof RunnerError) fail(error.message);
    throw error;
  }
});

/** k6; `undefined` for the built-in runner. */
async function chooseRunner({ runner }: LoadOptions): Promise<K6 | undefined> {
  if (runner === "builtin") return undefined;
  const found = await findK6(process.env);
  if (typeof found !== "string") return found;
  const advice = `${found}; to install it: ${installHint(process.platform, process.env)}`;
  if (runner === "k6") fail(advice);
  console.error(advice);
  return undefined;
}

async function loadtest(wish: LoadOptions, k6: K6 | undefined, signal: AbortSignal): Promise<number> {
  const { script, json } = wish;
  const printed: string[] = [];
  const cluster = await startCluster({
    rules: rulesOf(script, wish.plan),
    pops: wish.pops,
    distance: wish.distance,
    inspector: script === "soak",
    onOutput: (line) => {
      if (!isRoutine(line)) printed.push(line);
    },
    signal,
  });
  try {
    const play: Play = async (plan, quiet) => {
      const windows = windowsTouched(plan, Date.now());
      const output = quiet ? "nowhere" : json ? "stderr" : "stdout";
      const outcome = await run(script, k6, envOf({ ...wish, plan }, cluster, windows), signal, output);
      signal.throwIfAborted();
      return { ...outcome, plan, windows };
    };
    const { played, soak: soaked } =
      script === "soak"
        ? await soak(cluster, { plan: wish.plan, rateGiven: wish.rateGiven, printed }, play)
        : { played: await play(wish.plan, false), soak: undefined };
    const report = reportOf({
      ...played,
      script,
      runner: k6 === undefined ? "built-in" : `k6 ${k6.version}`,
      pops: cluster.pops.map(({ name }) => name),
      state: await stateOf(cluster),
      soak: soaked,
    });
    if (report === undefined) console.error("k6 has left no summary, so there are no figures of the limiter");
    else process.stdout.write(json ? `${JSON.stringify(report)}\n` : `\n${formatReport(report)}`);
    return report?.exitCode ?? played.exitCode;
  } finally {
    await cluster.stop();
  }
}

async function stateOf(cluster: Cluster): Promise<ClusterState> {
  try {
    return await cluster.state();
  } catch (error) {
    return fail(`the cluster does not answer any more: ${messageOf(error)}`);
  }
}

function envOf({ plan, env }: LoadOptions, { pops }: Cluster, windows: number): Record<string, string> {
  const settings = {
    LIMIT: plan.limit,
    THRESHOLD: plan.threshold,
    WINDOW: plan.windowSeconds,
    SOURCES: sourcesOf(plan, pops.length),
    WINDOWS: windows,
    RATE: plan.rate,
    SECONDS: plan.seconds,
    // Clients of its own for each run against this cluster.
    RUN: Date.now(),
  };
  return {
    POPS: JSON.stringify(Object.fromEntries(pops.map(({ name, url }) => [name, url]))),
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)])),
    ...env,
  };
}

async function run(
  script: ScriptName,
  k6: K6 | undefined,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
  output: Output,
): Promise<K6Outcome> {
  const file = new URL(`./${script}.ts`, import.meta.url);
  if (k6 !== undefined) return await runK6(k6, file, env, { signal, output });
  if (output !== "nowhere") console.error(`running ${script} with the built-in runner, which is not k6`);
  const outcome = await runBuiltin(file, env, signal);
  if (output !== "nowhere") process[output].write(outcome.summary);
  return outcome;
}
