/** From a decision to what the client is sent. */
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
import { denialStatus } from "../shared/status.ts";
import { type EpochMs, formatDuration, secondsUntil } from "../shared/time.ts";

import type { Answer } from "./origin.ts";

/** What of the answer depends on where it is given. */
export interface Teller {
  /** The data centre that `x-onecount` names; without it the header is left out. */
  readonly debugPop: string | undefined;
  readonly now: EpochMs;
}

/** The answer to a request that a rule denied: 429, or 503 when its owner is out of reach and the rule is `closed`. */
export function denial(decision: Decision, teller: Teller): Response {
  const { rule, quotas, retryAt, unavailable } = decision;
  const status = denialStatus(decision);
  const headers = new Headers({ "Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store" });
  tell(headers, decision, teller);
  const wait = secondsUntil(retryAt, teller.now);
  const promised = quotas
    .filter((quota) => quota.rule === rule)
    .map((quota) => remainingOf(quota, teller.now).resetSeconds);
  headers.set("Retry-After", unavailable ? retryAfter(wait) : retryAfter(wait, ...promised));
  if (unavailable) {
    const detail = `The count for "${rule.name}" cannot be reached; the request was refused to be safe.`;
    return new Response(unavailableBody(detail), { status, headers });
  }
  const detail = `"${rule.name}" admits ${rule.limit} in ${formatDuration(rule.window)}.`;
  const body = problemBody({ title: "Quota exceeded", detail, violated: [rule.name] });
  return new Response(body, { status, headers });
}

/** The origin's answer with the quota told. `decision` is undefined when no rule matched. */
export function admitted(
  { response, isOurs }: Answer,
  decision: Decision | undefined,
  teller: Teller,
): Response {
  if (decision === undefined && teller.debugPop === undefined) return response;
  // A WebSocket is handed through as it is: its response cannot be built anew.
  if (response.webSocket !== null && response.webSocket !== undefined) return response;
  const told = isOurs ? response : new Response(response.body, response);
  if (decision !== undefined) tell(told.headers, decision, teller);
  else if (teller.debugPop !== undefined)
    told.headers.set("x-onecount", debugHeader({ decision: "unlimited", pop: teller.debugPop }));
  return told;
}

function tell(headers: Headers, decision: Decision, teller: Teller): void {
  const { quotas, how, rule } = decision;
  if (quotas.length > 0) {
    headers.set("RateLimit-Policy", rateLimitPolicy(quotas.map((quota) => quota.rule)));
    headers.set("RateLimit", rateLimit(quotas.map((quota) => remainingOf(quota, teller.now))));
  }
  if (teller.debugPop !== undefined)
    headers.set("x-onecount", debugHeader({ decision: how, pop: teller.debugPop, rule: rule.name }));
}

const remainingOf = ({ rule, remaining, resetAt }: Quota, now: EpochMs): Remaining => ({
  name: rule.name,
  remaining,
  resetSeconds: secondsUntil(resetAt, now),
});
