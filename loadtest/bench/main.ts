/** `npm run bench`: what the limiter takes, next to others, on this machine. */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { roundedJson } from "../replay/report.ts";
import { runCli } from "../tools/cli.ts";
import { withProgress } from "../tools/progress.ts";
import { formatDecide, formatMachine, formatMemory, type Machine } from "./format.ts";
import { readOptions } from "./options.ts";
import { stoppable } from "./stop.ts";

/** What a part may use; `progress` takes the share that is done, from 0 to 1. */
interface Context {
  readonly rounds: number;
  readonly progress: (share: number) => void;
}

/** A part's figures for programs, and as text for people. */
interface Outcome {
  readonly figures: object;
  readonly text: string;
}

/**
 * By the names that `--only` takes, in the order in which they run. Each is loaded when its turn comes: what else a
 * process has loaded changes how fast V8 reads texts in it. With a Redis client there, a decision took twice as long.
 */
const PARTS: Readonly<Record<string, (context: Context) => Promise<Outcome>>> = {
  decide: async ({ rounds, progress }) => {
    const { benchDecide } = await import("./decide.ts");
    const figures = await benchDecide(rounds, progress);
    return { figures, text: formatDecide(figures) };
  },
  metrics: async ({ rounds, progress }) => {
    const { benchMetrics } = await import("./metrics.ts");
    const { formatMetrics } = await import("./format-metrics.ts");
    const figures = await benchMetrics(rounds, progress);
    return { figures, text: formatMetrics(figures) };
  },
  memory: async ({ progress }) => {
    const { benchMemory } = await import("./memory.ts");
    const figures = await benchMemory(progress);
    return { figures, text: formatMemory(figures) };
  },
  asks: async ({ progress }) => {
    const { benchAsks } = await import("./asks.ts");
    const { formatAsks } = await import("./asks-format.ts");
    const figures = await benchAsks(progress);
    return { figures, text: formatAsks(figures) };
  },
  latency: async ({ rounds, progress }) => {
    const { benchLatency } = await import("./latency.ts");
    const { formatLatency } = await import("./latency-format.ts");
    const figures = await stoppable((signal) => benchLatency(rounds, progress, signal));
    return { figures, text: formatLatency(figures) };
  },
  throughput: async ({ rounds, progress }) => {
    const { benchThroughput } = await import("./throughput.ts");
    const { formatThroughput } = await import("./format-throughput.ts");
    const figures = await stoppable((signal) => benchThroughput(rounds, progress, signal));
    return { figures, text: formatThroughput(figures) };
  },
  profile: async ({ progress }) => {
    const { benchProfile } = await import("./profile.ts");
    const { formatProfile } = await import("./format-profile.ts");
    const figures = await stoppable((signal) => benchProfile(progress, signal));
    return { figures, text: formatProfile(figures) };
  },
  page: async ({ progress }) => {
    const { benchPage } = await import("./page.ts");
    const { formatPage } = await import("./page-format.ts");
    const figures = await stoppable((signal) => benchPage(progress, signal));
    return { figures, text: formatPage(figures) };
  },
};

void runCli(async () => {
  const { only, rounds, json } = readOptions(Object.keys(PARTS));
  const machine = machineHere();
  const all: Record<string, object> = {};
  if (!json) process.stdout.write(`${formatMachine(machine)}\n`);
  for (const [name, part] of Object.entries(PARTS)) {
    if (!only.includes(name)) continue;
    const outcome = await withProgress(
      (share) => `${name}: ${Math.floor(100 * share)} %`,
      (progress) => part({ rounds, progress }),
    );
    all[name] = outcome.figures;
    if (!json) process.stdout.write(`\n${outcome.text}\n`);
  }
  if (json) process.stdout.write(roundedJson({ machine, ...all }));
});

function machineHere(): Machine {
  const cores = cpus();
  const commit = commitHere();
  return {
    cpu: cores[0]?.model.trim() ?? "unknown processor",
    cores: cores.length,
    node: process.versions.node,
    date: new Date().toISOString(),
    ...(commit === undefined ? {} : { commit }),
  };
}

/** The commit that is measured; with `+` where files differ from it. */
function commitHere(): string | undefined {
  const git = (...args: string[]): string =>
    execFileSync("git", ["--no-optional-locks", ...args], {
      cwd: import.meta.dirname,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  try {
    return `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain") === "" ? "" : "+"}`;
  } catch {
    // No git, or no repository: the figures hold without it.
    return undefined;
  }
}
