/** What a page in the local cluster is told of it, and can do to it. Absent in production. */
import { answerOf } from "./admin.ts";
import type { ClusterInfo, Send, Sent } from "./cluster-info.ts";

export class Cluster {
  readonly info: ClusterInfo;
  readonly #base: string;

  constructor(info: ClusterInfo, base: string) {
    this.info = info;
    this.#base = base;
  }

  async send(send: Send): Promise<Sent> {
    return (await this.#post("send", send)) as Sent;
  }

  async fault(fault: object): Promise<void> {
    await this.#post("fault", fault);
  }

  /** Each POP gets a request that no rule covers, as its other clients would send one: it listens again. */
  async wake(): Promise<void> {
    await this.#post("heartbeat", {});
  }

  /** POPs that know that the client is claimed, and what its owner counts. */
  async knownOf(
    rule: string,
    key: string,
  ): Promise<{ readonly claimedAt: readonly string[]; readonly count: number }> {
    const state = (await answerOf(`${this.#base}api/state`)) as ClusterState;
    const isIt = (one: { rule: string; key: string }): boolean => one.rule === rule && one.key === key;
    return {
      claimedAt: state.pops
        .filter(({ keys }) => keys.some((one) => isIt(one) && one.claimed))
        .map(({ name }) => name),
      count: state.owners.find(isIt)?.count ?? 0,
    };
  }

  #post(path: string, body: object): Promise<unknown> {
    return answerOf(`${this.#base}api/${path}`, { method: "POST", body: JSON.stringify(body) });
  }
}

interface ClusterState {
  readonly pops: readonly {
    readonly name: string;
    readonly keys: readonly { readonly rule: string; readonly key: string; readonly claimed: boolean }[];
  }[];
  readonly owners: readonly { readonly rule: string; readonly key: string; readonly count: number }[];
}

/** The cluster that this page is in; undefined in production. */
export async function clusterHere(base: string): Promise<Cluster | undefined> {
  const info = (await answerOf(new URL("cluster.json", document.baseURI).href)) as ClusterInfo | null;
  return info === null ? undefined : new Cluster(info, base);
}
