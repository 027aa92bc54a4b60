/** A Redis server of one's own, which keeps nothing and is reached by this machine alone. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startGuard } from "../cluster/workerd-process.ts";
import { findProgram } from "../tools/programs.ts";

/** How long it may take to start, and to end by itself. */
const START_MS_MAX = 10_000;
const STOP_GRACE_MS = 1_000;
/** Where Debian's package puts it, which not every PATH has. */
const FOLDERS = ["/usr/bin"];

/** The server's program; `undefined` where there is none. */
export const findRedis = (env: NodeJS.ProcessEnv, folders = FOLDERS): string | undefined =>
  findProgram("redis-server", env, folders);

export interface RedisServer {
  /** Its Unix socket. */
  readonly socket: string;
  /** Ends it and removes its folder. May be called again. */
  stop(): Promise<void>;
}

/** Resolves when it takes connections; rejects with its last words when it does not come up. */
export async function startRedis(program: string, signal: AbortSignal): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "onecount-redis-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    // A socket in a folder that is ours alone: no port that another program may take first, or connect to.
    const socket = join(folder, "redis.sock");
    const settings = {
      port: "0",
      unixsocket: socket,
      save: "",
      appendonly: "no",
      dir: folder,
      daemonize: "no",
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const stop = await startChild(program, args, folder, signal);
    let stopping: Promise<void> | undefined;
    return {
      socket,
      stop: () => {
        stopping ??= stop().then(remove);
        return stopping;
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Resolves to what ends the server, once it says that it is ready. */
async function startChild(
  program: string,
  args: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  // A group of its own: Ctrl-C in a terminal reaches this process alone, which then stops the server.
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], detached: true });
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("close", () => resolve());
  });
  const guard = child.pid === undefined ? undefined : startGuard(child.pid, folder);
  const stop = async (): Promise<void> => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
    child.kill("SIGTERM");
    await ended;
    clearTimeout(timer);
    await guard?.dismiss();
  };
  try {
    await untilReady(child, AbortSignal.any([signal, AbortSignal.timeout(START_MS_MAX)]));
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

function untilReady(child: ChildProcess, giveUp: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let last = "";
    const fail = (why: string): void =>
      reject(new Error(`redis-server does not start: ${why} ${last}`.trim()));
    child.once("error", ({ message }) => fail(message));
    child.once("close", () => fail("it has ended:"));
    giveUp.addEventListener("abort", () => fail("it does not say that it is ready:"), { once: true });
    if (giveUp.aborted) fail("stopped");
    if (child.stdout === null) return fail("it has no output");
    createInterface({ input: child.stdout }).on("line", (line) => {
      last = line;
      if (/ready to accept connections/i.test(line)) resolve();
    });
  });
}
