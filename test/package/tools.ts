/** The tools of a Worker's project, run as its people run them. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const ENVIRONMENT = {
  ...process.env,
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  // Nobody is there to be asked.
  CI: "1",
  NO_COLOR: "1",
};

export const bin = (name: string): string => join(ROOT, "node_modules/.bin", name);

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; two minutes end what hangs. */
export const run = (cwd: string, command: string, ...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const options = { cwd, env: ENVIRONMENT, timeout: 120_000 };
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });

/** A copy of one of the examples. */
export function exampleOf(name: string, copy: string = name): string {
  const folder = join(inject("projects"), copy);
  cpSync(join(ROOT, "examples", name), folder, { recursive: true });
  return folder;
}

/** A project of these files. */
export function projectOf(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(inject("projects"), name);
  mkdirSync(folder);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

export interface Dev {
  readonly url: string;
  /** What it has printed so far. */
  readonly printed: () => string;
  stop(): Promise<void>;
}

/** Starts `wrangler dev` on a free port, by a command that ends in its options. */
export async function dev(cwd: string, command: string, ...args: string[]): Promise<Dev> {
  const all = [...args, "--port", "0", "--inspector-port", "0", "--ip", "127.0.0.1"];
  // A group of its own, so that what it starts ends with it.
  const child = spawn(command, all, { cwd, env: ENVIRONMENT, detached: true });
  let printed = "";
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      printed += chunk;
      const ready = /Ready on (http:\/\/\S+)/.exec(printed)?.[1];
      if (ready !== undefined) resolve(ready);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.once("error", reject);
    const giveUp = setTimeout(() => reject(new Error(`not ready: ${printed}`)), 60_000);
    void ended.then(() => {
      clearTimeout(giveUp);
      reject(new Error(`ended: ${printed}`));
    });
  }).catch(async (error: unknown) => {
    await end(child, ended);
    throw error;
  });
  return { url, printed: () => printed, stop: () => end(child, ended) };
}

/** Ends a process and all it has started. */
async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // It has ended.
    }
  };
  signal("SIGTERM");
  const timer = setTimeout(() => signal("SIGKILL"), 5_000);
  await ended;
  clearTimeout(timer);
}
