/**
 * What many people write today: one Durable Object per client, which every request calls. It stands as far from
 * the POPs as an owner of the cluster would, over links of the same kind.
 */
import { DurableObject } from "cloudflare:workers";
import { Exchange, linkOf } from "../../cluster/workerd/links.ts";
import { placeOwner, toOwnerMs } from "../../cluster/workerd/places.ts";
import { LIMIT, WINDOW_S } from "../latency-rule.ts";

export { Origin } from "../../cluster/workerd/origin.ts";

/** A window's count, as it is stored. */
interface Row {
  /** Number of the window since 1970. */
  readonly window: number;
  readonly count: number;
}

const ROW = "row";

export class NaiveLimiter extends DurableObject {
  #row: Row | undefined;

  /** Counts a request in a fixed window; true when it is admitted. */
  hit(): boolean {
    const window = Math.floor(Date.now() / (1_000 * WINDOW_S));
    const last = this.#row ?? this.ctx.storage.kv.get<Row>(ROW);
    const count = last?.window === window ? last.count : 0;
    if (count >= LIMIT) return false;
    this.#row = { window, count: count + 1 };
    // Not awaited: the platform holds the answer back until the write is confirmed, as it does for ours.
    this.ctx.storage.kv.put(ROW, this.#row);
    return true;
  }

  /** `hit` from a POP: half the round trip each way. The first POP to reach the object decides where it stands. */
  async hitFrom(pop: string): Promise<boolean> {
    const { name } = this.ctx.id;
    if (name === undefined) throw new Error("an object of the cluster is reached by name");
    const exchange = new Exchange(linkOf([pop, "owner"]));
    await exchange.travel(toOwnerMs(pop, name));
    placeOwner(name, pop);
    const admitted = this.hit();
    await exchange.travel(toOwnerMs(pop, name));
    return admitted;
  }
}

export default { fetch: () => new Response(null, { status: 404 }) };
