/** The load on an owner in the local cluster, over HTTP: one client, ever faster, under its limit and over it. */
import { setTimeout } from "node:timers/promises";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import type { PopTraffic, Traffic } from "../cluster/shapes.ts";
import { type Client, type Seen, startClient } from "./asks-client.ts";

/** Requests per second to all POPs together; the last as many as the cluster answers. */
export const RATES: readonly (number | undefined)[] = [10, 100, 1_000, undefined];
/** Before anything is counted, ms: connections are opened, far POPs hear of the claim. */
const SETTLE_MS = 1_000;
/** What is counted, ms: less than half the trust in a block, so that a source confirms it once at most. */
const SPAN_MS = 4_800;
/** So long a client may take to be claimed, or blocked, at every POP, ms. */
const READY_MS_MAX = 10_000;
/** No window of theirs may end within the run. */
const WINDOW_LEFT_S = 120;

/** Limit and window so large that neither is met; over its limit after 20. */
const RULE = { window: "1h", algorithm: "fixed-window", threshold: 4 };
export const RULES = {
  busy: { ...RULE, name: "busy", match: { path: "/busy" }, limit: 500_000_000 },
  blocked: { ...RULE, name: "blocked", match: { path: "/blocked" }, limit: 20 },
} as const;
export type Kind = keyof typeof RULES;

export interface ClusterFigures {
  readonly kind: Kind;
  /** Undefined flat out. */
  readonly rate: number | undefined;
  readonly seconds: number;
  readonly requests: number;
  readonly decisions: Readonly<Record<string, number>>;
  readonly failed: number;
  /** Asks that reached the owner, and by POP; besides, how many of them came again because an answer was slow. */
  readonly asks: number;
  readonly asksBy: readonly number[];
  readonly repeated: number;
}

/** @param progress told what share is done, from 0 to 1 */
export async function measureCluster(
  pops: readonly string[],
  progress: (share: number) => void,
): Promise<readonly ClusterFigures[]> {
  const cluster = await startCluster({ rules: Object.values(RULES), pops });
  try {
    const figures: ClusterFigures[] = [];
    for (const kind of ["busy", "blocked"] as const) {
      const address = await readyClient(cluster, kind);
      for (const rate of RATES) {
        figures.push(await measure(cluster, kind, address, rate));
        progress(figures.length / (2 * RATES.length));
      }
    }
    return figures;
  } finally {
    await cluster.stop();
  }
}

async function measure(
  cluster: Cluster,
  kind: Kind,
  address: string,
  rate: number | undefined,
): Promise<ClusterFigures> {
  const ports = cluster.pops.map(({ url }) => Number(new URL(url).port));
  const client = startClient({ ports, path: `/${kind}`, address, rate });
  try {
    await setTimeout(SETTLE_MS);
    const [from, before] = await look(cluster, client);
    await setTimeout(SPAN_MS);
    const [to, after] = await look(cluster, client);
    const asksBy = to.pops.map((pop, index) => asksOf(pop) - asksOf(from.pops[index]));
    const names = Object.keys(after.decisions);
    return {
      kind,
      rate,
      seconds: (to.now - from.now) / 1000,
      requests: after.answered - before.answered,
      decisions: Object.fromEntries(
        names.map((name) => [name, (after.decisions[name] ?? 0) - (before.decisions[name] ?? 0)]),
      ),
      failed: after.failed - before.failed,
      asks: asksBy.reduce((sum, asks) => sum + asks, 0),
      asksBy,
      repeated: repeatedOf(to) - repeatedOf(from),
    };
  } finally {
    await client.stop();
  }
}

const asksOf = (pop: PopTraffic | undefined): number => (pop?.calls ?? 0) - (pop?.repeated ?? 0);
const repeatedOf = ({ pops }: Traffic): number => pops.reduce((sum, { repeated }) => sum + repeated, 0);

async function look(cluster: Cluster, { seen }: Client) {
  const traffic = await cluster.traffic();
  const copy: Seen = { ...seen, decisions: { ...seen.decisions } };
  return [traffic, copy] as const;
}

/** The address of a client that is claimed by the first POP, and known to be claimed, or blocked, at every other. */
async function readyClient(cluster: Cluster, kind: Kind): Promise<string> {
  const giveUpAt = performance.now() + READY_MS_MAX;
  for (let n = 1; performance.now() < giveUpAt; n += 1) {
    const address = `203.0.113.${n}`;
    const wanted = kind === "busy" ? "owner" : "blocked";
    const [first, ...others] = cluster.pops.map(({ url }) => `${url}/${kind}`);
    // A window that is about to end: another client's begins at another time.
    if ((await ask(first, address)).secondsLeft < WINDOW_LEFT_S) continue;
    for (const url of [first, ...others])
      while ((await ask(url, address)).decision !== wanted && performance.now() < giveUpAt);
    return address;
  }
  throw new Error(`within ${READY_MS_MAX / 1000} s no client was ${kind} at every POP`);
}

async function ask(url: string | undefined, address: string) {
  const response = await fetch(url ?? "", { headers: { "CF-Connecting-IP": address } });
  await response.arrayBuffer();
  return {
    decision: /decision=(\w+)/.exec(response.headers.get("x-onecount") ?? "")?.[1],
    secondsLeft: Number(/;t=(\d+)/.exec(response.headers.get("RateLimit") ?? "")?.[1]),
  };
}
