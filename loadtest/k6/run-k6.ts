/** The real k6: whether there is one, how to get it, and a run with it. */
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { findProgram } from "../tools/programs.ts";

/** The first that reads TypeScript without being told to, and knows `--summary-mode`. */
const MAJOR_MIN = 1;
const INSTALL_PAGE = "https://grafana.com/docs/k6/latest/set-up/install-k6/";

export interface K6 {
  readonly path: string;
  /** Such as `v1.8.1`. */
  readonly version: string;
}

/** `$K6`, else `k6` on the PATH; otherwise why there is none. */
export async function findK6(env: NodeJS.ProcessEnv): Promise<K6 | string> {
  const path = env.K6 || "k6";
  const where = env.K6 ? `at $K6 (${env.K6})` : "on the PATH";
  try {
    const { stdout } = await promisify(execFile)(path, ["version"]);
    const [, version, major] = /\b(v(\d+)\.\d+\.\d+)\b/.exec(stdout) ?? [];
    if (version === undefined) return `what is ${where} does not say which k6 it is`;
    if (Number(major) < MAJOR_MIN) return `the k6 ${where} is ${version}, and 1.0 or newer is needed`;
    return { path, version };
  } catch {
    return `there is no k6 ${where}`;
  }
}

/** How to install k6 here, in one line. */
export function installHint(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string {
  if (findProgram("go", env) !== undefined) return "go install go.k6.io/k6@v1.8.1";
  if (platform === "darwin") return "brew install k6";
  if (platform === "win32") return "winget install k6 --source winget";
  return `apt or dnf, from k6's own repository: ${INSTALL_PAGE}`;
}

export interface K6Outcome {
  readonly exitCode: number;
  /** As in the built-in runner's outcome; empty when k6 did not write its summary. */
  readonly counters: ReadonlyMap<string, number>;
}

/** Where a runner prints: stdout, stderr when stdout is for a document, or nowhere. */
export type Output = "stdout" | "stderr" | "nowhere";
const STDIO = { stdout: [1, 2], stderr: [2, 2], nowhere: ["ignore", "ignore"] } as const;

/** Runs the script with k6. */
export async function runK6(
  k6: K6,
  script: URL,
  env: Readonly<Record<string, string>>,
  { signal, output }: { signal: AbortSignal; output: Output },
): Promise<K6Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "onecount-k6-"));
  try {
    const summary = join(folder, "summary.json");
    const settings = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const args = [
      "run",
      "--summary-mode=full",
      `--summary-export=${summary}`,
      ...settings,
      fileURLToPath(script),
    ];
    const exitCode = await exitOf(k6.path, args, output, signal);
    return { exitCode, counters: countersIn(await readFile(summary, "utf8").catch(() => "{}")) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function exitOf(path: string, args: readonly string[], output: Output, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      stdio: ["ignore", ...STDIO[output]],
      // A group of its own: Ctrl-C in a terminal reaches this process alone, and k6 ends at once at the second signal.
      detached: true,
      env: { ...process.env, K6_NO_USAGE_REPORT: "true" },
    });
    const stop = (): void => void child.kill("SIGINT");
    signal.addEventListener("abort", stop, { once: true });
    child.on("error", reject);
    child.on("exit", (code) => {
      signal.removeEventListener("abort", stop);
      // Without a code a signal has ended it.
      resolve(code ?? 1);
    });
  });
}

/** The counters in what `--summary-export` writes. */
export function countersIn(text: string): ReadonlyMap<string, number> {
  const { metrics = {} } = JSON.parse(text) as { metrics?: Record<string, { count?: unknown }> };
  return new Map(
    Object.entries(metrics).flatMap(([name, { count }]) =>
      typeof count === "number" ? [[name, count]] : [],
    ),
  );
}
