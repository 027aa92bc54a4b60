/** A second workerd beside the cluster's, whose Worker calls a Durable Object for each request. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../cluster/bundle.ts";
import {
  configOf,
  coreEntrypoint,
  NO_INTERNET,
  popService,
  socket,
  storage,
  variable,
  worker,
} from "../cluster/config.ts";
import { DEFAULT_POPS, resolvePops } from "../cluster/pops.ts";
import { chooseFree, HOST } from "../cluster/ports.ts";
import type { Pop } from "../cluster/shapes.ts";
import { startWorkerd } from "../cluster/workerd-process.ts";
import { DEFAULT_WRANGLER_FILE, readWranglerFile } from "../cluster/wrangler-file.ts";
import { HttpPops, type Way } from "./latency-way.ts";

const source = (name: string): string => fileURLToPath(new URL(`./workerd/${name}.ts`, import.meta.url));

/** Starts it with the cluster's POPs at the cluster's distances. Rejects with `ClusterError` when it does not come up. */
export async function startNaive(name: string, signal: AbortSignal): Promise<Way> {
  const cities = resolvePops(DEFAULT_POPS);
  const ports = await chooseFree(cities.length);
  const pops = cities.map((pop, index) => ({ ...pop, url: `http://${HOST}:${ports[index]}` }));
  const folder = await mkdtemp(join(tmpdir(), "onecount-naive-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await mkdir(join(folder, "storage"));
    await writeFile(join(folder, "config.capnp"), configFor(pops, join(folder, "storage")));
    await bundle({ core: source("naive-core"), pop: source("naive-pop") }, folder);
    const workerd = await startWorkerd({
      configFile: join(folder, "config.capnp"),
      folder,
      sockets: pops.map(popService),
      onOutput: () => undefined,
      signal,
    });
    const requests = new HttpPops(pops.map(({ url }) => url));
    const { limited, free } = requests;
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      requests.close();
      stopping ??= workerd.stop().then(remove);
      return stopping;
    };
    return { name, limited, free, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}

function configFor(pops: readonly Pop[], storageFolder: string): string {
  const { compatibilityDate = "2026-10-01", compatibilityFlags } = readWranglerFile(DEFAULT_WRANGLER_FILE);
  const compatibility = { compatibilityDate, compatibilityFlags };
  const limiter = `className = "NaiveLimiter"`;
  const objects = `
      durableObjectNamespaces = [(${limiter}, uniqueKey = "NaiveLimiter", enableSql = true)],
      durableObjectStorage = (localDisk = "storage"),`;
  const core = worker(
    "core",
    "core.js",
    compatibility,
    [variable("CLUSTER", { pops, distance: 1 })],
    objects,
  );
  const atPops = pops.map((pop) =>
    worker(popService(pop), "pop.js", compatibility, [
      variable("POP", pop),
      `(name = "LIMITER", durableObjectNamespace = (${limiter}, serviceName = "core"))`,
      coreEntrypoint("ORIGIN", "Origin", pop),
    ]),
  );
  const sockets = pops.map((pop) => socket(popService(pop), new URL(pop.url).host, popService(pop)));
  return configOf([core, ...atPops, storage(storageFolder), NO_INTERNET], sockets);
}
