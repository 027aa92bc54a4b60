/**
 * What an answer says of the quota: the fields of draft-ietf-httpapi-ratelimit-headers-10, Retry-After
 * (RFC 9110), problem details (RFC 9457). Text only; which status and when is the shell's business.
 *
 * Rule names are tokens (rule.ts sees to it), so none needs an escape inside the quotes.
 */
import type { Rule } from "./rule.ts";
import { type EpochMs, NEVER, secondsUntil } from "./time.ts";

/** A quota exceeded: the problem type that the draft registers. */
export const QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded";
export const PROBLEM_TYPE = "application/problem+json";

type Policy = Pick<Rule, "name" | "limit" | "window">;

/** What one client has under a rule: the rule's limit, or another one. */
export interface Allowance {
  readonly rule: Policy;
  readonly limit: number;
}

/** What each rule's policy is told as: the same for every request of a client that has the rule's limit. */
const policies = new WeakMap<Policy, string>();

function policyOf({ rule, limit }: Allowance): string {
  if (limit !== rule.limit) return policyText(rule, limit);
  const known = policies.get(rule);
  if (known !== undefined) return known;
  const policy = policyText(rule, limit);
  policies.set(rule, policy);
  return policy;
}

const policyText = ({ name, window }: Policy, limit: number): string =>
  `"${name}";q=${limit};w=${Math.ceil(window / 1000)}`;

/** `RateLimit-Policy`: `"login";q=20;w=60`, one item for each rule. The window in whole seconds, rounded up. */
export const rateLimitPolicy = (quotas: readonly Allowance[]): string => list(quotas, policyOf, NEVER);

/** The members of a list, as RFC 9651 joins them. `write` closes over nothing: this is done for every request. */
function list<T>(items: readonly T[], write: (item: T, now: EpochMs) => string, now: EpochMs): string {
  let text = "";
  for (const item of items) text += text === "" ? write(item, now) : `, ${write(item, now)}`;
  return text;
}

/** What is left under one rule. */
export interface Remaining {
  readonly rule: Pick<Rule, "name">;
  /** Cost that is left; below 0 counts as 0. */
  readonly remaining: number;
  /** When quota comes back. It is told in seconds, rounded up, so that nobody comes back too early. */
  readonly resetAt: EpochMs;
}

/** `RateLimit`: `"login";r=0;t=37`, one item for each rule. */
export const rateLimit = (left: readonly Remaining[], now: EpochMs): string => list(left, remainingText, now);

const remainingText = ({ rule, remaining, resetAt }: Remaining, now: EpochMs): string =>
  `"${rule.name}";r=${Math.max(0, Math.floor(remaining))};t=${secondsUntil(resetAt, now)}`;

/**
 * The fields that people used before there was a draft, as express-rate-limit and GitHub write them: of the quota that
 * is nearest to its end, `X-RateLimit-Limit`, `-Remaining`, and `-Reset` in whole seconds since 1970.
 */
export function legacyHeaders(
  quotas: readonly (Allowance & { readonly remaining: number; readonly resetAt: number })[],
): Record<string, string> {
  const [first, ...others] = quotas;
  if (first === undefined) return {};
  let scarcest = first;
  for (const quota of others) if (quota.remaining < scarcest.remaining) scarcest = quota;
  return {
    "X-RateLimit-Limit": `${scarcest.limit}`,
    "X-RateLimit-Remaining": `${Math.max(0, Math.floor(scarcest.remaining))}`,
    "X-RateLimit-Reset": `${Math.ceil(scarcest.resetAt / 1000)}`,
  };
}

/**
 * `Retry-After`: whole seconds until the last of `seconds` has passed, so never before any rule's `t`; at
 * least 1, for 0 would invite a client to fire at once.
 */
export function retryAfter(...seconds: readonly number[]): string {
  let last = 1;
  for (const one of seconds) last = Math.max(last, Math.ceil(one));
  return `${last}`;
}

/** The body of a denial. `violated`: the names of the rules that denied. */
export const problemBody = (problem: {
  title: string;
  status: number;
  detail: string;
  violated: readonly string[];
}): string =>
  JSON.stringify({
    type: QUOTA_EXCEEDED,
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    "violated-policies": problem.violated,
  });

/** The body of a 503: the count could not be reached, and the rule says `on_failure = "closed"`. */
export const unavailableBody = (detail: string): string =>
  // With `about:blank` the title is the status's own phrase (RFC 9457 §4.2.1).
  JSON.stringify({ type: "about:blank", title: "Service Unavailable", status: 503, detail });

/** The body of a 403: the client is on the rule's list of those it denies. */
export const refusedBody = (detail: string): string =>
  JSON.stringify({ type: "about:blank", title: "Forbidden", status: 403, detail });

/** Which fields tell of quotas: those of the IETF's draft, those that came before it, both, or none. */
export const HEADER_STYLES = ["draft-10", "legacy", "both", "none"] as const;
export type HeaderStyle = (typeof HEADER_STYLES)[number];

/** `x-onecount`: how the request was decided. Without a rule when none matched. */
export const debugHeader = (debug: { decision: string; pop: string; rule?: string }): string =>
  `decision=${debug.decision}; pop=${debug.pop}${debug.rule === undefined ? "" : `; rule=${debug.rule}`}`;

/** An entry of `Server-Timing` (W3C): how the request was decided, and how many ms that took. */
export const serverTiming = (decision: string, ms: number): string =>
  `onecount;desc="${decision}";dur=${Math.round(ms * 10) / 10}`;
