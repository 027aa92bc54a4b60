/** The status of an answer that the limiter gives itself, in the origin's place. */
import type { Decision } from "./pop/decide.ts";

/** The status of a request that was not admitted: 503 when the count cannot be known and that is refused. */
export function denialStatus({ unavailable, refused, rule }: Decision): number {
  if (unavailable) return 503;
  const status = rule.action.kind === "deny" ? rule.action.status : 429;
  // Whoever is on a list of those that are denied need not try again: that is not what a 429 says.
  return refused === true && status === 429 ? 403 : status;
}

/**
 * Where the rules cannot be read: `undefined`, and requests pass un-limited, as a mistake in them must not take the
 * site down; unless the operator wants it so.
 */
export const statusWithoutRules = (failClosed: boolean): 503 | undefined => (failClosed ? 503 : undefined);

/** What the API says of a path that is none, and of every path to whoever has no token. */
export const NOTHING = "there is nothing here";
