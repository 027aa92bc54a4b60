/** Calls of the cluster's own API, as the launcher makes them. */
import { ClusterError } from "./error.ts";
import type { Pop } from "./shapes.ts";

/** How long the POPs may take to open their watches before the cluster counts as ready all the same. */
const WATCH_TIMEOUT_MS = 3_000;
const WATCH_POLL_MS = 20;

/** Each POP starts out watching its hub, as one that has had traffic does. */
export async function openWatches(url: string, pops: readonly Pop[]): Promise<void> {
  const giveUpAt = Date.now() + WATCH_TIMEOUT_MS;
  while ((await heartbeat(url)).length < pops.length && Date.now() < giveUpAt) {
    await new Promise((resolve) => setTimeout(resolve, WATCH_POLL_MS));
  }
}

/** Sends every POP a request that no rule matches. Resolves to the POPs that have a watch open. */
export async function heartbeat(url: string): Promise<readonly string[]> {
  const { watching } = (await call(`${url}/api/heartbeat`, {})) as { watching: readonly string[] };
  return watching;
}

/** GET, or POST of a body as JSON. Rejects with `ClusterError` when the cluster refuses. */
export async function call(url: string, body?: object): Promise<unknown> {
  const response = await fetch(url, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new ClusterError(`${url} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}
