/** The status of an answer that the limiter gives itself, in the origin's place. */
import type { Decision } from "./pop/decide.ts";

/** 429: the quota is used up. 503: it cannot be known, and the operator wants that refused. */
export type DenialStatus = 429 | 503;

/** The status of a request that was not admitted. */
export const denialStatus = ({ unavailable }: Decision): DenialStatus => (unavailable ? 503 : 429);

/**
 * Where the rules cannot be read: `undefined`, and requests pass un-limited, as a mistake in them must not take the
 * site down; unless the operator wants it so.
 */
export const statusWithoutRules = (failClosed: boolean): DenialStatus | undefined =>
  failClosed ? 503 : undefined;
