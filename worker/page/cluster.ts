/** What a page in the local cluster is told of it, and can do to it. Absent in production. */
import { answerOf } from "./admin.ts";

/** A request that one of the rules covers. */
export interface Target {
  readonly rule: string;
  readonly method: string;
  readonly path: string;
  /** Whether its clients are known by their address alone. */
  readonly isByAddress: boolean;
}

/** The rule that the slide is played with. */
export interface SlideRule extends Target {
  readonly limit: number;
  readonly threshold: number;
}

export interface ClusterInfo {
  /** Of the admin API. */
  readonly token: string;
  readonly pops: readonly { readonly name: string; readonly city: string }[];
  readonly targets: readonly Target[];
  /** Or why there is none, in words. */
  readonly slide: SlideRule | string;
}

/** What `POST /api/send` takes: as many requests to one POP, by as many clients from that address on. */
export interface Send {
  readonly pop: string;
  readonly ip: string;
  readonly path: string;
  readonly method: string;
  readonly count?: number;
  readonly clients?: number;
  /** Without it they go one after the other. */
  readonly perSecond?: number;
}

/** What became of them. */
export interface Sent {
  readonly sent: number;
  readonly admitted: number;
  readonly denied: number;
  /** How many were decided how, as `x-onecount` says it. */
  readonly decisions: Readonly<Record<string, number>>;
  /** Seconds until the quota of the last one is whole again; null where no rule covered it. */
  readonly resetSeconds: number | null;
}

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

  /** POPs that know that the client is claimed, and what its owner counts. */
  async knownOf(rule: string, key: string): Promise<{ readonly claimedAt: readonly string[]; readonly count: number }> {
    const state = (await answerOf(`${this.#base}api/state`)) as ClusterState;
    const isIt = (one: { rule: string; key: string }): boolean => one.rule === rule && one.key === key;
    return {
      claimedAt: state.pops.filter(({ keys }) => keys.some((one) => isIt(one) && one.claimed)).map(({ name }) => name),
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
