/** From a decision to what the client is sent. Headers go into a response as it is made: to add them later costs more. */
import {
  debugHeader,
  PROBLEM_TYPE,
  problemBody,
  type Remaining,
  rateLimit,
  rateLimitPolicy,
  retryAfter,
  unavailableBody,
} from "../shared/headers.ts";
import type { Decision, Quota } from "../shared/pop/decide.ts";
import type { Rule } from "../shared/rule.ts";
import { denialStatus } from "../shared/status.ts";
import { type EpochMs, formatDuration, secondsUntil } from "../shared/time.ts";

/** What of the answer depends on where it is given. */
export interface Teller {
  /** The data centre that `x-onecount` names; without it the header is left out. */
  readonly debugPop: string | undefined;
  readonly now: EpochMs;
}

type Told = Record<string, string>;

/** The answer to a request that a rule denied: 429, or 503 when its owner is out of reach and the rule is `closed`. */
export function denial(decision: Decision, teller: Teller): Response {
  const { rule, quotas, retryAt, unavailable } = decision;
  let wait = secondsUntil(retryAt, teller.now);
  if (!unavailable)
    for (const quota of quotas)
      if (quota.rule === rule) wait = Math.max(wait, secondsUntil(quota.resetAt, teller.now));
  const headers: Told = {
    "Content-Type": PROBLEM_TYPE,
    "Cache-Control": "no-store",
    "Retry-After": retryAfter(wait),
  };
  tellInto(headers, decision, teller);
  const body = unavailable
    ? unavailableBody(`The count for "${rule.name}" cannot be reached; the request was refused to be safe.`)
    : quotaExceeded(rule, quotas.find((quota) => quota.rule === rule)?.limit ?? rule.limit);
  return new Response(body, { status: denialStatus(decision), headers });
}

/** The bodies of 429s: one for each rule, the same for every request of a client that has the rule's limit. */
const bodies = new WeakMap<Rule, string>();

function quotaExceeded(rule: Rule, limit: number): string {
  if (limit !== rule.limit) return bodyOf(rule, limit);
  const known = bodies.get(rule);
  if (known !== undefined) return known;
  const body = bodyOf(rule, limit);
  bodies.set(rule, body);
  return body;
}

function bodyOf({ name, window }: Rule, limit: number): string {
  const detail = `"${name}" admits ${limit} in ${formatDuration(window)}.`;
  return problemBody({ title: "Quota exceeded", detail, violated: [name] });
}

/** What an admitted request is told: its quotas. `decision` is undefined when no rule matched. */
export function told(decision: Decision | undefined, teller: Teller): Told {
  const headers: Told = {};
  tellInto(headers, decision, teller);
  return headers;
}

function tellInto(headers: Told, decision: Decision | undefined, teller: Teller): void {
  if (decision !== undefined && decision.quotas.length > 0) {
    const { quotas } = decision;
    headers["RateLimit-Policy"] = rateLimitPolicy(quotas);
    headers.RateLimit = rateLimit(quotas.map((quota) => remainingOf(quota, teller.now)));
  }
  if (teller.debugPop === undefined) return;
  const debug = { decision: decision?.how ?? "unlimited", pop: teller.debugPop };
  headers["x-onecount"] = debugHeader(
    decision === undefined ? debug : { ...debug, rule: decision.rule.name },
  );
}

/** The origin's answer with the quotas told. */
export function tell(response: Response, decision: Decision | undefined, teller: Teller): Response {
  const headers = Object.entries(told(decision, teller));
  // A WebSocket is handed through as it is: its response cannot be built anew.
  if (headers.length === 0 || (response.webSocket ?? null) !== null) return response;
  // What was fetched has headers that cannot be changed.
  const copy = new Response(response.body, response);
  for (const [name, value] of headers) copy.headers.set(name, value);
  return copy;
}

const remainingOf = ({ rule, remaining, resetAt }: Quota, now: EpochMs): Remaining => ({
  name: rule.name,
  remaining,
  resetSeconds: secondsUntil(resetAt, now),
});
