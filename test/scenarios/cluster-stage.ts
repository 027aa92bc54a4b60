/** The stage in the local cluster: the deployable Worker and its objects in workerd, over HTTP. */
import type { Cluster } from "../../loadtest/cluster/cluster.ts";
import { newAddress, ownerOf, send, until } from "../cluster/client.ts";
import type { OwnerSeen, PopName, Stage, StageFault } from "./stage.ts";

/** workerd takes an object out of memory that nobody has called for 10 s. */
const ASLEEP_AFTER_MS = 12_000;

export class ClusterStage implements Stage {
  readonly #cluster: Cluster;
  readonly #rule: string;
  readonly #ip = newAddress();

  /** @param rule the rule's name, and its path */
  constructor(cluster: Cluster, rule: string) {
    this.#cluster = cluster;
    this.#rule = rule;
  }

  async request(pop: PopName): Promise<string> {
    const { status, decision } = await send(this.#cluster, pop, `/${this.#rule}`, this.#ip);
    return `${status} ${decision}`;
  }

  owner(): Promise<OwnerSeen | undefined> {
    return ownerOf(this.#cluster, this.#ip);
  }

  async knowsOfClaim(pop: PopName): Promise<boolean> {
    const state = (await this.#cluster.state()).pops.find(({ name }) => name === pop);
    return state?.keys.some(({ key, claimed }) => claimed && key === `ip=${this.#ip}`) === true;
  }

  async fault(fault: StageFault): Promise<void> {
    if (!("owner" in fault)) return this.#cluster.fault(fault);
    switch (fault.owner) {
      case "killed":
        return this.#cluster.fault({ kill: "owner", rule: this.#rule, key: `ip=${this.#ip}` });
      case "asleep":
        return new Promise((resolve) => setTimeout(resolve, ASLEEP_AFTER_MS));
      default:
        // workerd never runs an object twice. This is all that a caller sees of a duplicate: it takes the Ask, but
        // cannot write, and the one after it answers.
        return this.#cluster.fault({ next: "reset", link: ["LHR", "owner"] });
    }
  }

  heal(): Promise<void> {
    return this.#cluster.fault({ heal: true });
  }

  async until(what: string, look: () => Promise<boolean>): Promise<void> {
    await until(what, look);
  }
}
