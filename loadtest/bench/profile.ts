/**
 * Where the Worker's time goes, function by function: a CPU profile of the deployable Worker in workerd, not
 * minified, under quiet clients. V8 tells what it compiles; what workerd does in C++ is `(program)`.
 */
import { readFile } from "node:fs/promises";
import { chooseFree, HOST } from "../cluster/ports.ts";
import { startLimiter } from "./bench-server.ts";
import { type CpuProfile, profileWhile } from "./inspector.ts";
import { SCENARIOS } from "./throughput-scenarios.ts";
import { Side } from "./throughput-side.ts";

/** Requests before the profile, until all code is compiled, and those that are profiled. */
const WARM_REQUESTS = 30_000;
const REQUESTS = 30_000;
/** Functions that are listed. */
const LISTED = 20;

/** workerd's own functions have no name where no script can call them: it begins and ends a request in them. */
const UNNAMED = "(unnamed)";
const NATIVE = "V8 and workerd";

export interface Share {
  readonly name: string;
  /** The source file; undefined for what V8 and workerd do themselves. */
  readonly file: string | undefined;
  /** Microseconds for each request in the function itself, without those that it calls. */
  readonly selfUs: number;
  /** Of the time in which the isolate was not idle. */
  readonly share: number;
}

export interface ProfileFigures {
  readonly requests: number;
  readonly samples: number;
  /** The share of the whole time in which the isolate waited for requests. */
  readonly idle: number;
  /** Those that take most. */
  readonly functions: readonly Share[];
  /** All, by folder of the source or by package; what V8 and workerd do themselves is one. */
  readonly folders: readonly Share[];
}

/** @param progress told what share is done, from 0 to 1 */
export async function benchProfile(
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<ProfileFigures> {
  const [scenario] = SCENARIOS;
  if (scenario === undefined) throw new Error("no scenario");
  const [port = 0] = await chooseFree(1);
  const args = [`--inspector-addr=${HOST}:${port}`];
  const server = await startLimiter(scenario.rules, signal, { readable: true, args });
  const side = new Side("with", scenario, server, signal);
  try {
    const answer = await side.sample();
    await side.load(WARM_REQUESTS, answer);
    progress(0.5);
    const profile = await profileWhile(port, () => side.load(REQUESTS, answer));
    return sharesOf(profile, REQUESTS, fileAt(await readFile(server.module, "utf8")));
  } finally {
    await side.stop();
  }
}

/** Finds the source file of a line, from 0, of a bundle: esbuild opens each file's part with a comment. */
export function fileAt(bundle: string): (line: number) => string | undefined {
  let file: string | undefined;
  const files = bundle.split("\n").map((line) => {
    file = /^\/\/ (?:\.\.\/)*(\S+\.(?:[cm]?[jt]s))$/.exec(line)?.[1] ?? file;
    return file;
  });
  return (line) => files[line];
}

/**
 * Sums a profile by function, and by folder.
 * @param file the source file of a line of the module
 */
export function sharesOf(
  { nodes, samples, timeDeltas }: CpuProfile,
  requests: number,
  file: (line: number) => string | undefined,
): ProfileFigures {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, Sum>();
  const folders = new Map<string, Sum>();
  let [busyUs, idleUs] = [0, 0];
  for (const [index, id] of samples.entries()) {
    const { functionName, url = "", lineNumber = -1 } = frames.get(id) ?? {};
    const us = timeDeltas[index] ?? 0;
    if (functionName === "(idle)") {
      idleUs += us;
      continue;
    }
    busyUs += us;
    const source = url === "" ? undefined : file(lineNumber);
    add(functions, functionName || UNNAMED, source, us);
    add(folders, source === undefined ? NATIVE : folderOf(source), undefined, us);
  }
  const listed = (sums: ReadonlyMap<string, Sum>): readonly Share[] =>
    [...sums.values()]
      .toSorted((a, b) => b.us - a.us)
      .map(({ us, ...sum }) => ({ ...sum, selfUs: us / requests, share: us / busyUs }));
  return {
    requests,
    samples: samples.length,
    idle: idleUs / (busyUs + idleUs),
    functions: listed(functions).slice(0, LISTED),
    folders: listed(folders),
  };
}

interface Sum {
  readonly name: string;
  readonly file: string | undefined;
  us: number;
}

function add(sums: Map<string, Sum>, name: string, file: string | undefined, us: number): void {
  const key = `${name} ${file ?? ""}`;
  const sum = sums.get(key) ?? { name, file, us: 0 };
  sums.set(key, sum);
  sum.us += us;
}

/** `worker`, `shared/pop`; a package by its name. */
const folderOf = (file: string): string =>
  /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file.split("/").slice(0, -1).join("/");
