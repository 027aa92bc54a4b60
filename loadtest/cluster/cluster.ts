/**
 * A cluster of POPs on this machine: one workerd process in which each POP is an isolate of its own
 * running the deployable Worker, at the distance of its city from the owners and hubs.
 *
 * Needs a free port for each POP and one more. Leaves nothing behind: neither process nor file.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPage } from "../../package/page.ts";
import { formatProblem, parseRules } from "../../shared/rule.ts";
import type { AccuracyFigures } from "../../shared/telemetry/live.ts";
import { bundleInto, type Limits, type Schemas } from "./bundle.ts";
import { call, heartbeat, openWatches } from "./calls.ts";
import { CORE_SOCKET, clusterConfig, popService } from "./config.ts";
import { ClusterError } from "./error.ts";
import { pageInfo } from "./page-info.ts";
import { DEFAULT_POPS, resolvePops } from "./pops.ts";
import { chooseFree, HOST, requireFree } from "./ports.ts";
import type { ClusterState, ClusterWaiting, Pop, Traffic } from "./shapes.ts";
import { startWorkerd, type WorkerdProcess } from "./workerd-process.ts";
import { DEFAULT_WRANGLER_FILE, readWranglerFile } from "./wrangler-file.ts";

/** How often each POP gets a request that no rule matches: within the 20 s that a watch lasts at least. */
const HEARTBEAT_MS = 10_000;

export interface ClusterOptions {
  /** A wrangler.toml, or the rules themselves as they would stand in one. Default: the repository's file. */
  readonly rules?: string | readonly unknown[];
  /** Adds a rule that the page can play the slide with, unless the rules are a list. Default: not. */
  readonly slide?: boolean;
  /** Variables besides or instead of the file's `[vars]`. */
  readonly vars?: Readonly<Record<string, string>>;
  /** Codes of cities. Default LHR, CDG, CHI, TYO. */
  readonly pops?: readonly string[];
  /** Port of page and API; the POPs follow on the next ones. 0, the default: any free ports. */
  readonly port?: number;
  /** Factor on all round trips. Default 1; 0 for none. */
  readonly distance?: number;
  /** No heartbeat: a POP without requests hears no announcements. */
  readonly idle?: boolean;
  /** For tests of what a Worker does with rules that it cannot read: starts with them all the same. */
  readonly unchecked?: boolean;
  /** For tests of upgrades: Workers or objects of an older release, or of a newer one, as far as schemas go. */
  readonly schemas?: Schemas;
  /** For tests of what takes long or is rare: other bounds than those of the source. */
  readonly limits?: Limits;
  /** For tests of upgrades: an existing folder for what the objects store, kept at the end. Default: nothing is kept. */
  readonly storage?: string;
  /** Offers the DevTools protocol of every isolate, at the cluster's `inspectorUrl`. Default: not. */
  readonly inspector?: boolean;
  /** Gets each line that the Workers print; default: nobody. */
  readonly onOutput?: (line: string) => void;
  /** Ends a start under way. */
  readonly signal?: AbortSignal;
}

export interface Cluster {
  /** Page and API. */
  readonly url: string;
  readonly pops: readonly Pop[];
  readonly workerdPid: number;
  readonly inspectorUrl: string | undefined;
  /** Resolves when workerd ends, with the reason in words; also after `stop`. */
  readonly ended: Promise<string>;
  /** `GET /api/state`. */
  state(): Promise<ClusterState>;
  /** `GET /api/traffic`. */
  traffic(): Promise<Traffic>;
  /** `GET /api/waiting`. */
  waiting(): Promise<ClusterWaiting>;
  /** `GET /api/accuracy`: the figures of each rule of which some are known. */
  accuracy(): Promise<readonly AccuracyFigures[]>;
  /** `POST /api/fault`; rejects when the cluster refuses it. */
  fault(fault: object): Promise<void>;
  /** Ends the cluster, within 2 s. May be called again. */
  stop(): Promise<void>;
}

/** Starts a cluster; resolves when every port answers. Rejects with `ClusterError` on bad input or a taken port. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const launch = await prepare(options);
  const folder = await mkdtemp(join(tmpdir(), "onecount-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await mkdir(join(folder, "storage"));
    const folders = {
      storageFolder: options.storage ?? join(folder, "storage"),
      pageFolder: join(folder, "page"),
    };
    await writeFile(join(folder, "config.capnp"), launch.config(folders));
    await Promise.all([buildPage(folders.pageFolder), bundleInto(folder, options.schemas, options.limits)]);
    const process = await startWorkerd({
      configFile: join(folder, "config.capnp"),
      folder,
      sockets: [CORE_SOCKET, ...launch.pops.map(popService)],
      inspector: options.inspector === true,
      onOutput: options.onOutput ?? (() => undefined),
      signal: options.signal,
    });
    return await whenReady(launch, process, options.idle === true, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

interface Launch {
  readonly url: string;
  readonly pops: readonly Pop[];
  config(folders: { readonly storageFolder: string; readonly pageFolder: string }): string;
}

async function prepare(options: ClusterOptions): Promise<Launch> {
  const cities = resolvePops(options.pops ?? DEFAULT_POPS);
  const { distance = 1 } = options;
  if (!(distance >= 0 && Number.isFinite(distance))) {
    throw new ClusterError(`distance is ${distance}; allowed: 0 or a positive number`);
  }
  const file = readWranglerFile(typeof options.rules === "string" ? options.rules : DEFAULT_WRANGLER_FILE);
  const written = Array.isArray(options.rules) ? options.rules : file.vars.RULES;
  const rules = options.slide === true && Array.isArray(written) ? [...written, SLIDE_RULE] : written;
  const parsed = parseRules(rules);
  if (!parsed.ok && options.unchecked !== true)
    throw new ClusterError(["the rules are not usable:", ...parsed.problems.map(formatProblem)].join("\n"));
  const [port, ...popPorts] = await choosePorts(
    options.port ?? 0,
    cities.map((pop) => pop.name),
  );
  const url = urlOf(port);
  const pops = cities.map((pop, index) => ({ ...pop, url: urlOf(popPorts[index]) }));
  const vars = {
    ADMIN_TOKEN: LOCAL_TOKEN,
    ...file.vars,
    RULES: rules,
    DEBUG_HEADERS: "true",
    KEY_DISPLAY: "plain",
    ...options.vars,
  };
  return {
    url,
    pops,
    config: (folders) =>
      clusterConfig({
        ...folders,
        setup: { pops, distance },
        address: new URL(url).host,
        vars,
        pageInfo: pageInfo(pops, parsed.ok ? parsed.rules : [], vars.ADMIN_TOKEN),
        compatibilityDate: file.compatibilityDate ?? "2026-10-01",
        compatibilityFlags: file.compatibilityFlags,
      }),
  };
}

/** What the page plays the slide with: its limit is soon reached, and no other page of a site is like it. */
const SLIDE_RULE = {
  name: "slide",
  match: { path: "/slide" },
  key: ["ip"],
  limit: 10,
  window: "1m",
  threshold: 4,
  algorithm: "fixed-window",
  // A machine that also draws the page may be slow: the slide is about one count, not about what happens without it.
  deadline: "2s",
};

/** What the admin API of a cluster asks for where nothing else is set. Its ports are open to this machine alone. */
export const LOCAL_TOKEN = "local";

const urlOf = (port: number | undefined): string => `http://${HOST}:${port}`;

async function choosePorts(first: number, names: readonly string[]): Promise<readonly number[]> {
  if (first === 0) return chooseFree(names.length + 1);
  const ports = ["the page", ...names].map((use, index) => ({ use, port: first + index }));
  await requireFree(ports);
  return ports.map(({ port }) => port);
}

async function whenReady(
  { url, pops }: Launch,
  workerd: WorkerdProcess,
  idle: boolean,
  remove: () => Promise<void>,
): Promise<Cluster> {
  let heartbeats: NodeJS.Timeout | undefined;
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    clearInterval(heartbeats);
    stopping ??= workerd.stop().then(remove);
    return stopping;
  };
  try {
    await openWatches(url, pops);
  } catch (error) {
    await stop();
    throw error;
  }
  if (!idle) {
    // A lost heartbeat shows by itself: the next one comes, or workerd has ended and says so.
    heartbeats = setInterval(() => void heartbeat(url).catch(() => undefined), HEARTBEAT_MS);
    heartbeats.unref();
  }
  // What has ended keeps no files, even if nobody stops it.
  void workerd.ended.then(stop);
  return {
    url,
    pops,
    workerdPid: workerd.pid,
    inspectorUrl: workerd.inspectorUrl,
    ended: workerd.ended,
    state: async () => (await call(`${url}/api/state`)) as ClusterState,
    traffic: async () => (await call(`${url}/api/traffic`)) as Traffic,
    waiting: async () => (await call(`${url}/api/waiting`)) as ClusterWaiting,
    accuracy: async () => (await call(`${url}/api/accuracy`)) as readonly AccuracyFigures[],
    fault: async (fault) => {
      await call(`${url}/api/fault`, fault);
    },
    stop,
  };
}
