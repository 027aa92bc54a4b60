/** One line in the log for whatever is changed by hand. Keys stand there as hashes. */
import { BadRequest } from "./limit-request.ts";

export interface Change {
  /** Who: `service-binding`, or a token by the beginning of its hash. */
  readonly by: string;
  /** What was done: `reset`, `block`, `unblock`, `override`. */
  readonly what: string;
  readonly rule: string;
  /** The key's hash. */
  readonly key: string;
  /** Of a block or an override: for how long. */
  readonly seconds?: number;
  readonly limit?: number | null;
}

/** What the log says of an order that was good: for how long, and which limit. */
export function told(order: unknown): Pick<Change, "seconds" | "limit"> {
  const { seconds, limit } = (order ?? {}) as { seconds?: unknown; limit?: unknown };
  return {
    ...(typeof seconds === "number" && { seconds }),
    ...(typeof limit === "number" && { limit }),
  };
}

/**
 * Makes a change and says so: also where nobody knows whether it was made, as when its owner does not answer. What is
 * refused for what it asks changes nothing, and leaves no line.
 *
 * @param change its key is looked up only when there is something to say
 */
export async function audited<T>(change: () => Change, act: () => Promise<T>): Promise<T> {
  try {
    const done = await act();
    write(change(), "done");
    return done;
  } catch (error) {
    if (!(error instanceof BadRequest)) write(change(), "unknown");
    throw error;
  }
}

function write(change: Change, outcome: "done" | "unknown"): void {
  console.log(JSON.stringify({ event: "audit", at: new Date().toISOString(), ...change, outcome }));
}
