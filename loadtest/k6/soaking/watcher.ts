/** Reads a cluster's memory at intervals while load is on it. */
import { setTimeout as pause } from "node:timers/promises";
import type { Cluster } from "../../cluster/cluster.ts";
import { ClusterError } from "../../cluster/error.ts";
import { Heaps } from "../../cluster/heap.ts";
import { residentBytes } from "./machine.ts";
import type { MemorySample } from "./memory.ts";

/** A dozen readings a minute. Each holds the cluster up for a few hundred ms: collections take that long. */
const READ_EVERY_MS = 5_000;

/**
 * Reads until `work` is done: its result, and the readings.
 * @param startMs when the first minute begins, from now; nothing is read before
 */
export async function whileWatched<T>(
  cluster: Cluster,
  startMs: number,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly samples: readonly MemorySample[] }> {
  if (cluster.inspectorUrl === undefined) throw new ClusterError("this cluster does not show its memory");
  const heaps = await Heaps.open(cluster.inspectorUrl);
  const done = new AbortController();
  const samples: MemorySample[] = [];
  const startedAt = performance.now() + startMs;
  const read = async (): Promise<void> => {
    while (await untilDue(startedAt + READ_EVERY_MS * samples.length, done.signal)) {
      const atMs = performance.now() - startedAt;
      samples.push({ atMs, heaps: await heaps.read(), resident: residentBytes(cluster.workerdPid) });
    }
  };
  try {
    // A reading that fails ends the run: without it nothing would be shown.
    const reading = read();
    const result = await Promise.race([work(), reading.then(() => new Promise<never>(() => undefined))]);
    done.abort();
    await reading;
    return { result, samples };
  } finally {
    done.abort();
    heaps.close();
  }
}

/** Waits until that time of `performance.now`; false when it was called off. */
async function untilDue(due: number, signal: AbortSignal): Promise<boolean> {
  await pause(Math.max(0, due - performance.now()), undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}
