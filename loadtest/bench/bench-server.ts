/** A Worker in plain workerd, in a process of its own: what is measured, with a limiter or without. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../cluster/bundle.ts";
import { configOf, NO_INTERNET, objects, socket, storage, variables, worker } from "../cluster/config.ts";
import { chooseFree, HOST } from "../cluster/ports.ts";
import { startWorkerd } from "../cluster/workerd-process.ts";
import { DEFAULT_WRANGLER_FILE, readWranglerFile } from "../cluster/wrangler-file.ts";
import type { Answer } from "./http-answer.ts";

const SERVICE = "bench";
/**
 * V8 lets a heap grow by tens of megabytes before it collects all garbage, which then takes as long as thousands
 * of requests. In a small heap it does the same work in small portions, so that every turn has its part of it;
 * a request costs the same in the mean.
 */
const V8_FLAGS = ["--max-heap-size=24"];
const WORKER = fileURLToPath(new URL("../../worker/index.ts", import.meta.url));
const plainEntry = (name: string): string => fileURLToPath(new URL(`./workerd/${name}.ts`, import.meta.url));

export interface BenchServer {
  readonly port: number;
  readonly pid: number;
  /** The file of the bundled module. */
  readonly module: string;
  /** Resolves when the process has ended, with its last words. */
  readonly ended: Promise<string>;
  /** Owner objects that have stored something. */
  owners(): Promise<number>;
  /** Ends the process and removes its files. */
  stop(): Promise<void>;
}

interface Served {
  readonly entry: string;
  readonly vars: Readonly<Record<string, unknown>>;
  /** Whether it has the Durable Objects. */
  readonly objects: boolean;
  /** Bundled with all names readable, whatever a deploy does. */
  readonly readable: boolean;
  readonly args: readonly string[];
}

/** The deployable Worker as it is, with these rules. */
export function startLimiter(
  rules: readonly object[],
  signal: AbortSignal,
  { readable = false, args = [] }: Partial<Pick<Served, "readable" | "args">> = {},
): Promise<BenchServer> {
  const vars = { RULES: rules, KEY_SECRET: "the secret of a benchmark" };
  return start({ entry: WORKER, vars, objects: true, readable, args }, signal);
}

/** A Worker without a limiter, `plain` in `workerd/`, that answers as `answer` does. */
export function startPlain(plain: string, answer: Answer, signal: AbortSignal): Promise<BenchServer> {
  const vars = { ANSWER: answer };
  return start({ entry: plainEntry(plain), vars, objects: false, readable: false, args: [] }, signal);
}

async function start(served: Served, signal: AbortSignal): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), "onecount-bench-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const [port = 0] = await chooseFree(1);
    await mkdir(join(folder, "storage"));
    await writeFile(join(folder, "config.capnp"), await prepare(served, folder, port));
    const { pid, ended, stop } = await startWorkerd({
      configFile: join(folder, "config.capnp"),
      folder,
      sockets: [SERVICE],
      args: served.args,
      onOutput: () => undefined,
      signal,
    });
    return {
      port,
      pid,
      module: join(folder, `${SERVICE}.js`),
      ended,
      owners: () => storedIn(join(folder, "storage", "KeyOwner")),
      stop: () => stop().then(remove),
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Bundles as a deploy would; returns the configuration. */
async function prepare(served: Served, folder: string, port: number): Promise<string> {
  const file = readWranglerFile(DEFAULT_WRANGLER_FILE);
  const names = served.readable ? { minify: false, keepNames: false } : file;
  await bundle({ [SERVICE]: served.entry }, folder, { minify: names.minify, keepNames: names.keepNames });
  const { compatibilityDate = "2026-10-01", compatibilityFlags } = file;
  const bindings = [
    ...variables(served.vars),
    ...(served.objects ? ["KEY_OWNER", "REGION_HUB"] : []).map(
      (name) =>
        `(name = "${name}", durableObjectNamespace = "${name === "KEY_OWNER" ? "KeyOwner" : "RegionHub"}")`,
    ),
  ];
  const more = served.objects ? objects("KeyOwner", "RegionHub") : "";
  const services = [
    worker(SERVICE, `${SERVICE}.js`, { compatibilityDate, compatibilityFlags }, bindings, more),
    storage(join(folder, "storage")),
    NO_INTERNET,
  ];
  return configOf(services, [socket(SERVICE, `${HOST}:${port}`, SERVICE)], V8_FLAGS);
}

/** Objects of one class: each has a database of its own, the namespace's own (`metadata`) aside. */
async function storedIn(folder: string): Promise<number> {
  const files = await readdir(folder).catch(() => []);
  return files.filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file)).length;
}
