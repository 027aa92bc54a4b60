/**
 * Clients that hang up while they wait for an owner, beside the script: k6 cannot end a request that it has begun.
 * Whoever stands behind one of them must be answered all the same, and nothing of it may stay.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Pop } from "../../cluster/shapes.ts";
import { SOAK_LOGIN } from "../plans.ts";

const EVERY_MS = 200;
/** Less than the way to an owner and back, however near it is. */
const PATIENCE_MS = 3;

/** Lets clients come and hang up while `work` lasts: its result, and how many did. */
export async function withHangUps<T>(
  pops: readonly Pop[],
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly hungUp: number }> {
  const done = new AbortController();
  const clients: Promise<boolean>[] = [];
  const come = async (): Promise<void> => {
    while (!done.signal.aborted) {
      const pop = pops[clients.length % pops.length];
      if (pop !== undefined) clients.push(hangUp(pop, addressOf(clients.length)));
      await pause(EVERY_MS, undefined, { signal: done.signal }).catch(() => undefined);
    }
  };
  const coming = come();
  try {
    const result = await work();
    done.abort();
    await coming;
    return { result, hungUp: (await Promise.all(clients)).filter(Boolean).length };
  } finally {
    done.abort();
  }
}

/** Uses up the silent credit, asks for more and hangs up. False when the answer was faster, or there was none. */
async function hangUp(pop: Pop, address: string): Promise<boolean> {
  const ask = async (signal?: AbortSignal): Promise<void> => {
    const { method, path } = SOAK_LOGIN;
    const headers = { "CF-Connecting-IP": address };
    const response = await fetch(`${pop.url}${path}`, { method, headers, ...(signal && { signal }) });
    await response.arrayBuffer();
  };
  try {
    for (let number = 1; number < SOAK_LOGIN.threshold; number += 1) await ask();
    await ask(AbortSignal.timeout(PATIENCE_MS));
    return false;
  } catch (error) {
    // Of a cluster that does not answer the script tells.
    return error instanceof Error && error.name === "TimeoutError";
  }
}

/** In the range for documentation, which the script's own clients do not use. */
const addressOf = (client: number): string =>
  `2001:db8:${(client >>> 16).toString(16)}:${(client & 0xffff).toString(16)}::1`;
