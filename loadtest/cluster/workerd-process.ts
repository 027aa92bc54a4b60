/** One workerd process: started, watched, and never left behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { ClusterError } from "./error.ts";
import { HOST } from "./ports.ts";

/** How long workerd may take to end by itself. A request that hangs on a cut link would keep it for ever. */
const STOP_GRACE_MS = 1_000;
/** How long it may take until all sockets listen. */
const START_TIMEOUT_MS = 20_000;
/** Lines of its output kept for the message when it dies. */
const OUTPUT_LINES_KEPT = 20;

export interface WorkerdOptions {
  readonly configFile: string;
  /** Removed by the guard when this process dies without stopping workerd. */
  readonly folder: string;
  readonly sockets: readonly string[];
  /** Further arguments of `workerd serve`. */
  readonly args?: readonly string[];
  /** Offers the DevTools protocol of every isolate, on a port of its own choice. */
  readonly inspector?: boolean;
  /** Called with each line that workerd or a Worker prints. */
  readonly onOutput: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface WorkerdProcess {
  readonly pid: number;
  /** Where the DevTools protocol is offered, if it is. */
  readonly inspectorUrl: string | undefined;
  /** Resolves when the process has ended, with its last words. */
  readonly ended: Promise<string>;
  /** Ends it; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Starts workerd; resolves when every socket listens. Rejects with `ClusterError` when it does not come up. */
export async function startWorkerd(options: WorkerdOptions): Promise<WorkerdProcess> {
  const { default: binary } = createRequire(import.meta.url)("workerd") as { default: string };
  const inspector = options.inspector === true ? [`--inspector-addr=${HOST}:0`] : [];
  const args = ["--control-fd=3", ...inspector, ...(options.args ?? [])];
  const child = spawn(binary, ["serve", options.configFile, ...args], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    // A group of its own, so that Ctrl-C in a terminal reaches the launcher alone, which then stops workerd.
    detached: true,
  });
  const lastLines = keepOutput(child, options.onOutput);
  const ended = endOf(child, lastLines);
  const { pid } = child;
  if (pid === undefined) throw new ClusterError(`workerd does not start: ${await ended}`);
  const guard = startGuard(pid, options.folder);
  const stop = async (): Promise<void> => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
    child.kill("SIGTERM");
    await ended;
    clearTimeout(timer);
    await guard.dismiss();
  };
  try {
    const inspectorPort = await untilListening(child, options, ended);
    const inspectorUrl = inspectorPort === undefined ? undefined : `http://${HOST}:${inspectorPort}`;
    return { pid, inspectorUrl, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function keepOutput(child: ChildProcess, onOutput: (line: string) => void): readonly string[] {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      if (lines.length > OUTPUT_LINES_KEPT) lines.shift();
      onOutput(line);
    });
  }
  return lines;
}

function endOf(child: ChildProcess, lastLines: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    // `close` and not `exit`: only then is all output read.
    child.once("close", (code, signal) => {
      const how = signal === null ? `exit ${code}` : signal;
      const words = lastLines.find((line) => /error|exception|failed/i.test(line)) ?? lastLines.at(-1);
      resolve(words === undefined ? how : `${how}: ${words.trim()}`);
    });
  });
}

/** What workerd calls the place of the DevTools protocol among what it listens on. */
const INSPECTOR = "inspector";

/** Resolves to the inspector's port, where there is to be one. */
async function untilListening(
  child: ChildProcess,
  options: WorkerdOptions,
  ended: Promise<string>,
): Promise<number | undefined> {
  const waiting = new Set([...options.sockets, ...(options.inspector ? [INSPECTOR] : [])]);
  const listening = new Promise<number | undefined>((resolve) => {
    let inspectorPort: number | undefined;
    createInterface({ input: child.stdio[3] as Readable }).on("line", (line) => {
      const event: { event?: string; socket?: string; port?: number } = JSON.parse(line);
      if (event.event === "listen" && event.socket !== undefined) waiting.delete(event.socket);
      if (event.event === `listen-${INSPECTOR}` && waiting.delete(INSPECTOR)) inspectorPort = event.port;
      if (waiting.size === 0) resolve(inspectorPort);
    });
  });
  const died = ended.then((how) => Promise.reject(new ClusterError(`workerd does not start: ${how}`)));
  const giveUp = AbortSignal.any([
    AbortSignal.timeout(START_TIMEOUT_MS),
    ...(options.signal ? [options.signal] : []),
  ]);
  const gaveUp = aborted(giveUp, () => `workerd does not listen: ${[...waiting].join(", ")}`);
  return await Promise.race([listening, died, gaveUp]);
}

function aborted(signal: AbortSignal, message: () => string): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new ClusterError(message()));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/**
 * A shell that ends process `pid` and removes its folder when this process dies, however it dies: it waits on a
 * pipe from here, which the system closes.
 */
export function startGuard(pid: number, folder: string): { dismiss(): Promise<void> } {
  const script = 'read -r word || { kill -9 "$1"; rm -rf -- "$2"; }';
  const guard = spawn("sh", ["-c", script, "sh", String(pid), folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Without a shell there is no guard: the cluster works, and is stopped by all but SIGKILL.
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  const gone = guard.pid === undefined ? Promise.resolve() : once(guard, "exit");
  return {
    async dismiss() {
      guard.stdin.end("done\n");
      await gone;
    },
  };
}
