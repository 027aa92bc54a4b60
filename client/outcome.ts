/** What comes of asking: a decision, or none. There is no field that reads as a "yes" when nobody said so. */

/** A decision of the limiter. */
interface Decided {
  /** The rule that denied, else the one that was asked for. */
  readonly rule: string;
  /** `credit`, `owner`, `blocked`, or `degraded`: the owner was not reached, and the rule's `on_failure` decided. */
  readonly how: string;
  readonly limit: number;
  /** Cost that is left; `undefined` where nobody is told, as under a shadow rule. */
  readonly remaining: number | undefined;
  /** When quota comes back, in milliseconds since 1970; `undefined` where nobody is told. */
  readonly resetAtMs: number | undefined;
}

export interface Admitted extends Decided {
  readonly kind: "admitted";
}

export interface Denied extends Decided {
  readonly kind: "denied";
  /** Seconds until trying again may help; `undefined` where waiting does not. */
  readonly retryAfterSeconds: number | undefined;
}

/** Why there is no answer. */
export type Reason =
  /** None in time. The limiter may have counted the request all the same. */
  | "timeout"
  /** No connection, or it broke. */
  | "unreachable"
  /** The token is not the right one, or the Worker has none, or the API is not at this URL: it does not say which. */
  | "unauthorized"
  /** The limiter does not understand, or has no such rule. */
  | "bad-request"
  /** It failed, or could not reach whom it had to, or its answer makes no sense. */
  | "server";

export interface Failed {
  readonly kind: "failed";
  readonly reason: Reason;
  readonly message: string;
}

export type Outcome = Admitted | Denied | Failed;

/** What comes of a command: it is done, or not. */
export type Done = { readonly kind: "done" } | Failed;

/**
 * Whether to go on with a request. Where there is no decision the caller's word holds: `"open"` goes on, `"closed"`
 * does not.
 */
export function admittedOr(outcome: Outcome, whenFailed: "open" | "closed"): boolean {
  if (outcome.kind === "failed") return whenFailed === "open";
  return outcome.kind === "admitted";
}
