/** What each field of a rule is for, in words for people: its meaning, its default and an example. */
import type { Field } from "../../shared/rule-schema.ts";

export interface FieldWords {
  readonly meaning: string;
  /** What holds when it is left out; `undefined` where it may not be. */
  readonly otherwise: string | undefined;
  /** As it stands in TOML. */
  readonly example: string;
}

/** In the order in which they are told of. */
export const FIELDS: Readonly<Record<Field, FieldWords>> = {
  name: {
    meaning: "What the rule is called: in headers, metrics and the admin API.",
    otherwise: undefined,
    example: 'name = "login"',
  },
  match: {
    meaning: "Which requests the rule covers: those that have all that is asked.",
    otherwise: "all requests",
    example: 'match = { path = "/login", methods = ["POST"] }',
  },
  "match.path": {
    meaning:
      "The request's path, or a list of which one has to fit. Case, doubled and trailing slashes and escapes make no difference.",
    otherwise: "every path",
    example: 'match.path = ["/api/**", "/login"]',
  },
  "match.methods": {
    meaning: "The request's method. A rule on GET does not cover HEAD.",
    otherwise: "all methods",
    example: 'match.methods = ["POST", "PUT"]',
  },
  "match.hosts": {
    meaning: "The host that is asked for.",
    otherwise: "all hosts",
    example: 'match.hosts = ["example.com", "*.example.com"]',
  },
  "match.headers": {
    meaning: "Headers, all of which the request must have.",
    otherwise: "whatever the headers are",
    example: 'match.headers = { accept = ["text/html", "*/*"], x-internal = "*" }',
  },
  "match.query": {
    meaning: "Parameters of the query, all of which the request must have.",
    otherwise: "whatever the query is",
    example: 'match.query = { action = "search" }',
  },
  "match.country": {
    meaning: "The client's country, as the platform tells it.",
    otherwise: "all countries",
    example: 'match.country = ["DE", "FR"]',
  },
  "match.asn": {
    meaning: "The number of the client's network, as the platform tells it.",
    otherwise: "all networks",
    example: "match.asn = [13335]",
  },
  "match.not": {
    meaning:
      "Requests that have all of this are not covered. A path is excepted only if every reading of it is.",
    otherwise: "no exception",
    example: 'match.not = { path = "/api/health" }',
  },
  key: {
    meaning:
      "What a client is known by: requests with the same parts count together. Headers, cookies and parameters are the client's to choose.",
    otherwise: 'the address, `["ip"]`',
    example: 'key = ["header:x-api-key", "path"]',
  },
  missing: {
    meaning:
      "What becomes of a request that lacks a part of the key: counted by its address (ip), not covered (skip), or denied with 403 (deny).",
    otherwise: '`"ip"`',
    example: 'missing = "deny"',
  },
  ipv6_prefix: {
    meaning: "So many leading bits of an IPv6 address are one client.",
    otherwise: "64",
    example: "ipv6_prefix = 56",
  },
  limit: {
    meaning: "Cost admitted in a window, worldwide; what flows into a token bucket in one.",
    otherwise: undefined,
    example: "limit = 20",
  },
  window: {
    meaning: 'How long a window is; units are "ms", "s", "m", "h" and "d".',
    otherwise: undefined,
    example: 'window = "1m"',
  },
  threshold: {
    meaning:
      "The cost at which one isolate asks the client's owner; one less is admitted silently. 1 asks always. auto: as high as `excess_max` allows for as many isolates as see a busy client of the rule, which owners tell isolates.",
    otherwise: "4, or the limit or burst if that is less",
    example: "threshold = 4",
  },
  excess_max: {
    meaning:
      'With `threshold = "auto"`: what may be admitted beyond the limit, as a share of it. For k isolates the threshold is 1 + excess_max × limit / k, rounded down; isolates begin with k = 4.',
    otherwise: "0.05",
    example: 'threshold = "auto"\nexcess_max = 0.02',
  },
  lease: {
    meaning:
      "What an owner grants ahead of being asked for, so that a claimed client's requests need not wait: what it uses (auto), or this share of what is left of the limit; less where it is at several isolates. 0: nothing.",
    otherwise: "0",
    example: 'lease = "auto"',
  },
  grace: {
    meaning:
      "Cost that one isolate may admit beyond `threshold - 1` in a window while its first question to the owner is under way, so that nobody waits for a claim. It adds to the guarantee as the threshold does. auto: half the threshold.",
    otherwise: "0",
    example: 'grace = "auto"',
  },
  algorithm: {
    meaning:
      "How the count goes down: with the window (fixed), weighing the one before (sliding), or steadily (a bucket that refills).",
    otherwise: '`"sliding-window"`',
    example: 'algorithm = "token-bucket"',
  },
  burst: {
    meaning: "What a full token bucket holds.",
    otherwise: "the limit",
    example: "burst = 50",
  },
  cost: {
    meaning: "What a request counts as. It is granted whole or not at all.",
    otherwise: "1",
    example: "cost = 2",
  },
  "cost.by": {
    meaning:
      "The header that says the cost. What is no whole number from 1 on costs what a request without the header does.",
    otherwise: undefined,
    example: 'cost = { by = "header:x-cost", max = 10 }',
  },
  "cost.max": {
    meaning: "The most that the header may say; more counts as this.",
    otherwise: undefined,
    example: 'cost = { by = "header:x-cost", max = 10 }',
  },
  limits: {
    meaning: "Plans: other limits for requests of which a part has a certain value. Each plan counts apart.",
    otherwise: "one limit for all",
    example: 'limits = { by = "header:x-plan", free = 100, pro = 1000 }',
  },
  "limits.by": {
    meaning: "The part that names the plan. A request of none of the plans has `limit`.",
    otherwise: undefined,
    example: 'limits = { by = "country", DE = 100 }',
  },
  allow: {
    meaning: "Clients that the rule does not cover. It comes before `deny`.",
    otherwise: "nobody",
    example: 'allow = ["192.0.2.0/24", "header:x-api-key=a1b2c3"]',
  },
  deny: {
    meaning: "Clients that are refused at once with 403, whatever their count.",
    otherwise: "nobody",
    example: 'deny = ["198.51.100.7", "2001:db8::/32"]',
  },
  candidate: {
    meaning:
      "Another limit that is counted beside the rule's own and denies nothing: `x-onecount` and the metrics say what it would have decided.",
    otherwise: "none",
    example: 'candidate = { limit = 10, window = "1m" }',
  },
  "candidate.limit": {
    meaning: "The candidate's limit.",
    otherwise: undefined,
    example: 'candidate = { limit = 10, window = "1m" }',
  },
  "candidate.window": {
    meaning: "The candidate's window.",
    otherwise: undefined,
    example: 'candidate = { limit = 10, window = "1m" }',
  },
  action: {
    meaning: "What becomes of a request over the limit.",
    otherwise: "denied with 429",
    example: 'action = { kind = "deny", status = 503 }',
  },
  "action.kind": {
    meaning: "Whether it is denied (deny), or goes to the origin with a header that says so (tag).",
    otherwise: undefined,
    example: 'action = { kind = "tag" }',
  },
  "action.status": {
    meaning: "The status of the denial.",
    otherwise: "429",
    example: 'action = { kind = "deny", status = 503 }',
  },
  "action.body": {
    meaning: "The body of the denial.",
    otherwise: "problem details in JSON",
    example: 'action = { kind = "deny", body = "Slow down." }',
  },
  "action.content_type": {
    meaning: "What kind of text the body is.",
    otherwise: "`text/plain; charset=utf-8`",
    example: 'action = { kind = "deny", body = "<p>Slow down.", content_type = "text/html" }',
  },
  "action.header": {
    meaning:
      "The header that is added, with the rule's name. What clients send under that name is taken off.",
    otherwise: "`x-over-limit`",
    example: 'action = { kind = "tag", header = "x-suspect" }',
  },
  block_for: {
    meaning: "How long a client that was denied stays blocked, from its first denial on.",
    otherwise: "no longer than it is out of quota",
    example: 'block_for = "10m"',
  },
  owners: {
    meaning: "How many owner objects the rule's clients share, against floods of clients.",
    otherwise: "one for each busy client",
    example: "owners = 64",
  },
  on_failure: {
    meaning:
      "What holds while an owner is out of reach: each isolate limits by itself (local), all is admitted (open), or 503 is answered (closed).",
    otherwise: '`"local"`',
    example: 'on_failure = "closed"',
  },
  deadline: {
    meaning: "How long a request waits for the owner. `auto` follows the way there.",
    otherwise: '`"auto"`',
    example: 'deadline = "500ms"',
  },
  align: {
    meaning:
      "When windows begin: at another moment for each client (key), or at whole multiples of the window (clock).",
    otherwise: '`"key"`',
    example: 'align = "clock"',
  },
  strict: {
    meaning:
      "Whether the owner keeps back what isolates may have admitted silently until they have reported: then the limit is exact, for so many isolates. Requests may be denied for a moment although the limit is not reached.",
    otherwise: "`false`",
    example: "strict = 4",
  },
  spread: {
    meaning:
      "Whether clients are looked for that reach the threshold nowhere (auto): of what is admitted without asking, some is reported by chance.",
    otherwise: '`"off"`',
    example: 'spread = "auto"',
  },
  mode: {
    meaning: "Whether the rule denies (enforce), or counts as if and denies nothing (shadow).",
    otherwise: '`"enforce"`',
    example: 'mode = "shadow"',
  },
};
