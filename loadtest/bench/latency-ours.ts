/** The local cluster, as `npm start` has it, with one rule. */
import { startCluster } from "../cluster/cluster.ts";
import { LIMIT, THRESHOLD, WINDOW_S } from "./latency-rule.ts";
import { HttpPops, LIMITED_PATH, type Way } from "./latency-way.ts";

/**
 * Starts it. Rejects with `ClusterError` when it does not come up.
 * @param switches what the rule says besides, such as `lease = "auto"`
 */
export async function startOurs(name: string, signal: AbortSignal, switches: object = {}): Promise<Way> {
  const rule = {
    name: "bench",
    match: { path: LIMITED_PATH },
    limit: LIMIT,
    threshold: THRESHOLD,
    window: `${WINDOW_S}s`,
    ...switches,
  };
  const cluster = await startCluster({ rules: [rule], signal });
  const requests = new HttpPops(cluster.pops.map(({ url }) => url));
  const { limited, free } = requests;
  const stop = (): Promise<void> => {
    requests.close();
    return cluster.stop();
  };
  return { name, limited, free, stop };
}
