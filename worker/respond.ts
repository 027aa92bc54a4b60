/** From a decision to what the client is sent. Headers go into a response as it is made: to add them later costs more. */
import {
  debugHeader,
  type HeaderStyle,
  legacyHeaders,
  PROBLEM_TYPE,
  problemBody,
  rateLimit,
  rateLimitPolicy,
  refusedBody,
  retryAfter,
  serverTiming,
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
  readonly style: HeaderStyle;
  /** How long the decision took, for Server-Timing; without it that is left out. */
  readonly decidedInMs: number | undefined;
  readonly now: EpochMs;
}

type Told = Record<string, string>;

/** A list: whoever answers adds to it what he did. */
export const SERVER_TIMING = "Server-Timing";

/** The answer to a request that a rule denied: 429, or 503 when its owner is out of reach and the rule is `closed`. */
export function denial(decision: Decision, teller: Teller): Response {
  const { contentType, body } = bodyOf(decision);
  const headers: Told = { "Content-Type": contentType, "Cache-Control": "no-store" };
  if (decision.refused !== true) headers["Retry-After"] = retryAfter(secondsToWait(decision, teller));
  tellInto(headers, decision, teller);
  return new Response(body, { status: denialStatus(decision), headers });
}

/** Never before what the rule's own `t` says. */
function secondsToWait({ rule, quotas, retryAt, unavailable }: Decision, { now }: Teller): number {
  let wait = secondsUntil(retryAt, now);
  if (!unavailable)
    for (const quota of quotas)
      if (quota.rule === rule) wait = Math.max(wait, secondsUntil(quota.resetAt, now));
  return wait;
}

interface Body {
  readonly contentType: string;
  readonly body: string;
}

function bodyOf({ rule, quotas, unavailable, refused }: Decision): Body {
  const { action } = rule;
  if (unavailable) {
    const detail = `The count for "${rule.name}" cannot be reached; the request was refused to be safe.`;
    return { contentType: PROBLEM_TYPE, body: unavailableBody(detail) };
  }
  if (action.kind === "deny" && action.body !== undefined)
    return { contentType: action.contentType ?? "text/plain; charset=utf-8", body: action.body };
  if (refused === true)
    return { contentType: PROBLEM_TYPE, body: refusedBody(`"${rule.name}" does not admit this client.`) };
  return {
    contentType: PROBLEM_TYPE,
    body: quotaExceeded(rule, quotas.find((quota) => quota.rule === rule)?.limit ?? rule.limit),
  };
}

/** The bodies of 429s: one for each rule, the same for every request of a client that has the rule's limit. */
const bodies = new WeakMap<Rule, string>();

function quotaExceeded(rule: Rule, limit: number): string {
  if (limit !== rule.limit) return problemOf(rule, limit);
  const known = bodies.get(rule);
  if (known !== undefined) return known;
  const body = problemOf(rule, limit);
  bodies.set(rule, body);
  return body;
}

function problemOf({ name, window, action }: Rule, limit: number): string {
  const detail = `"${name}" admits ${limit} in ${formatDuration(window)}.`;
  const status = action.kind === "deny" ? action.status : 429;
  return problemBody({ title: "Quota exceeded", status, detail, violated: [name] });
}

/** What an admitted request is told: its quotas. `decision` is undefined when no rule covered it. */
export function told(decision: Decision | undefined, teller: Teller): Told {
  const headers: Told = {};
  tellInto(headers, decision, teller);
  return headers;
}

function tellInto(headers: Told, decision: Decision | undefined, teller: Teller): void {
  if (decision !== undefined && decision.quotas.length > 0) tellQuotas(headers, decision.quotas, teller);
  if (teller.decidedInMs !== undefined)
    headers[SERVER_TIMING] = serverTiming(decision?.how ?? "unlimited", teller.decidedInMs);
  if (teller.debugPop === undefined) return;
  const debug = { decision: decision?.how ?? "unlimited", pop: teller.debugPop };
  headers["x-onecount"] = debugHeader(
    decision === undefined ? debug : { ...debug, rule: decision.rule.name },
  );
}

function tellQuotas(headers: Told, quotas: readonly Quota[], { style, now }: Teller): void {
  if (style === "draft-10" || style === "both") {
    headers["RateLimit-Policy"] = rateLimitPolicy(quotas);
    headers.RateLimit = rateLimit(quotas, now);
  }
  if (style === "legacy" || style === "both") Object.assign(headers, legacyHeaders(quotas));
}

/** The origin's answer with the quotas told. */
export function tell(response: Response, decision: Decision | undefined, teller: Teller): Response {
  const headers = Object.entries(told(decision, teller));
  // A WebSocket is handed through as it is: its response cannot be built anew.
  if (headers.length === 0 || (response.webSocket ?? null) !== null) return response;
  // What was fetched has headers that cannot be changed.
  const copy = new Response(response.body, response);
  for (const [name, value] of headers) {
    if (name === SERVER_TIMING) copy.headers.append(name, value);
    else copy.headers.set(name, value);
  }
  return copy;
}
