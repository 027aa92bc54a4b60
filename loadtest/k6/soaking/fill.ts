/**
 * Before a soak: what hubs remember of clients that were busy, they remember of the last so many. Until there were
 * that many their memory grows, as it should; a soak that began earlier would take it for a leak.
 */
import { STORIES_MAX } from "../../../shared/limits.ts";
import type { Pop } from "../../cluster/shapes.ts";
import { SOAK_LOGIN } from "../plans.ts";

/** More than hubs remember: the first of them are forgotten again. */
const CLIENTS = STORIES_MAX + 64;
const AT_ONCE = 16;

/** Lets so many clients, spread over the POPs and a few at a time, get just busy enough for an owner. */
export async function fillHubs(pops: readonly Pop[]): Promise<void> {
  let next = 0;
  const come = async (): Promise<void> => {
    while (next < CLIENTS) {
      const client = next;
      next += 1;
      const pop = pops[client % pops.length];
      if (pop !== undefined) await getBusy(pop, addressOf(client));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, come));
}

async function getBusy(pop: Pop, address: string): Promise<void> {
  const { method, path, threshold } = SOAK_LOGIN;
  for (let number = 1; number <= threshold; number += 1) {
    const response = await fetch(`${pop.url}${path}`, { method, headers: { "CF-Connecting-IP": address } });
    await response.arrayBuffer();
  }
}

/** In the range for documentation, where neither the script's clients are nor those that hang up. */
const addressOf = (client: number): string => `2001:db8:ffff:${client.toString(16)}::1`;
