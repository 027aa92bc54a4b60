/** A client of the cluster: requests from an address of its own, and what their answers say. */
import type { Cluster } from "../../loadtest/cluster/cluster.ts";
import type { OwnerState } from "../../shared/owner/inspect.ts";

export interface Seen {
  readonly status: number;
  readonly decision: string;
  readonly headers: Headers;
}

let addresses = 0;
/** An address that no other test of this process has used. */
export const newAddress = (): string => {
  addresses += 1;
  return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`;
};

/** Sends one request to a POP. */
export async function send(
  cluster: Cluster,
  pop: string,
  path: string,
  ip: string,
  init: RequestInit = {},
): Promise<Seen> {
  const url = cluster.pops.find((known) => known.name === pop)?.url;
  if (url === undefined) throw new Error(`no POP ${pop}`);
  const response = await fetch(`${url}${path}`, {
    ...init,
    headers: { "CF-Connecting-IP": ip, ...init.headers },
  });
  await response.arrayBuffer();
  const decision = /decision=(\w+)/.exec(response.headers.get("x-onecount") ?? "")?.[1] ?? "none";
  return { status: response.status, decision, headers: response.headers };
}

/** The owner's state for a client, `undefined` while it has none. */
export async function ownerOf(cluster: Cluster, ip: string): Promise<OwnerState | undefined> {
  return (await cluster.state()).owners.find((owner) => owner.key === `ip=${ip}`);
}

/** Looks again until `look` finds something; gives up after so many seconds with what it was waiting for. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  seconds = 10,
): Promise<T> {
  const giveUpAt = Date.now() + 1_000 * seconds;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > giveUpAt) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A client whose window ends no sooner than in `seconds`, with the answer to its first request. */
export async function clientWithTime(cluster: Cluster, pop: string, path: string, seconds: number) {
  for (;;) {
    const ip = newAddress();
    const first = await send(cluster, pop, path, ip);
    const left = /;t=(\d+)/.exec(first.headers.get("RateLimit") ?? "")?.[1];
    if (Number(left) >= seconds) return { ip, first };
  }
}
