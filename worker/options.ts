/** What the code of a site may say to a middleware. */
import type { How } from "../shared/pop/decide.ts";
import type { Settings } from "./settings.ts";

/** A request that was not admitted. */
export interface Denied {
  /** The name of the rule that denied it. */
  readonly rule: string;
  /** 429; 503 where the owner was out of reach and the rule says `closed`; 403 for a client on the rule's list. */
  readonly status: number;
  /** Seconds until trying again may help; `undefined` where waiting does not. */
  readonly retryAfterSeconds: number | undefined;
  /** How it was decided: `blocked` without I/O, by its `owner`, or `degraded`, the owner being out of reach. */
  readonly how: How;
  /** What the client is answered unless `onDenied` gives something else. Its body can be read once. */
  readonly response: Response;
}

/**
 * Options of a middleware. Functions among them that throw, or return what they should not, are logged once, and
 * the request is decided as if they were not there: a limiter must not take the site down.
 */
export interface Options<Env = unknown> extends Omit<Settings, "bundled"> {
  /**
   * Another answer to a denied request. `Retry-After` and the fields that tell of quotas are added to it where it does
   * not have them.
   */
  readonly onDenied?: (
    denied: Denied,
    request: Request,
    env: Env,
    ctx: ExecutionContext,
  ) => Response | Promise<Response>;
  /** What the request is counted by under a rule, instead of the rule's `key`; `undefined` or `""` for that. */
  readonly keyOf?: (request: Request, ruleName: string) => string | undefined;
  /** How many requests it counts as: a whole number from 1 on. */
  readonly costOf?: (request: Request) => number;
  /** True for requests that pass uncounted. */
  readonly skip?: (request: Request) => boolean;
}
