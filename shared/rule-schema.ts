/** What a rule in `[[vars.RULES]]` may say: its fields, their bounds and defaults. `rule.ts` reads rules with it. */
import * as v from "valibot";
import { readIpRange } from "./ip-ranges.ts";
import { partText, readKeyPart } from "./key-parts.ts";
import { SOURCES_MAX, STRICT_SOURCES } from "./limits.ts";
import { patternProblem, RULE_PATH_MAX } from "./path-pattern.ts";
import { type DurationMs, durationMs, formatDuration, parseDuration } from "./time.ts";

/** Rules in one deployment. All of them are tried on every request, and a variable of 5 KB holds about 40. */
export const RULES_MAX = 64;
/** A rule's name stands in two headers of every answer. */
export const RULE_NAME_MAX = 64;
/** Shorter windows would be over before an announcement has gone round the world. */
export const WINDOW_MIN: DurationMs = durationMs(1_000);
/** Longer ones would keep a client's objects and rows for months. */
export const WINDOW_MAX: DurationMs = durationMs(30 * 86_400_000);
/** POPs keep counts in 32 bits, and an entry may hold the limit twice over. */
export const LIMIT_MAX = 1_000_000_000;
/** Owners compute `2 × limit × window` and `(limit + burst) × window` (in ms) in whole numbers, exact below 2^53; the rest is headroom. */
export const LIMIT_TIMES_WINDOW_MAX = 2 ** 51;
/** How long an empty bucket may take to fill: its row is kept for so long. */
export const REFILL_MAX: DurationMs = durationMs(90 * 86_400_000);
/** A shorter block would be over before an announcement has gone round the world. */
export const BLOCK_FOR_MIN: DurationMs = durationMs(1_000);
/** A longer one would keep the objects and rows of clients that went away for months. */
export const BLOCK_FOR_MAX: DurationMs = durationMs(30 * 86_400_000);
/** Shared owner objects of one rule. More are no cheaper than one for each key. */
export const OWNERS_MAX = 4_096;
/** Below it hardly any owner on another continent could answer. */
export const DEADLINE_MIN: DurationMs = durationMs(10);
/** Above it a client has gone away. */
export const DEADLINE_MAX: DurationMs = durationMs(10_000);
/** The threshold of a rule that names none, at most its limit. */
export const THRESHOLD_DEFAULT = 4;
/** What a rule with an automatic threshold allows beyond its limit, as a share of it, unless it says otherwise. */
export const EXCESS_DEFAULT = 0.05;
/** The largest share of what is left that may be granted ahead of being asked for: half is left for whoever asks next. */
export const LEASE_MAX = 0.5;
/** Of rules that do not say otherwise: every request of a claimed client is asked for. */
export const LEASE_DEFAULT = 0;
export const GRACE_DEFAULT = 0;
/** Parts of one key: each is read from every request that the rule covers. */
export const KEY_PARTS_MAX = 8;
/** Values in one list of a `match`. */
export const MATCH_LIST_MAX = 256;
/** Longest value that a header or a parameter is compared with. */
export const MATCH_VALUE_MAX = 512;
/** Entries of an `allow` or a `deny` list. Addresses are found by bisection; a header is one look. */
export const ACCESS_LIST_MAX = 2_000;
/** Plans of one rule: each counts as a rule of its own. */
export const PLANS_MAX = 16;
/** Rules, their plans and candidates together: every isolate holds a compiled one of each. */
export const VARIANTS_MAX = 256;
/** Bounds of the IPv6 prefix that is one client: a provider gives a customer a /48 to a /64, or one address. */
export const IPV6_PREFIX_MIN = 32;
export const IPV6_PREFIX_MAX = 128;
/** What most people's homes and servers get. */
export const IPV6_PREFIX_DEFAULT = 64;
/** Bytes of a denial's own body: rules stand in a variable of 5 KB. */
export const BODY_MAX = 4_096;
/** What tells a plan from the name of a field. */
export const PLAN_PART = "by";

const ALGORITHMS = ["fixed-window", "sliding-window", "token-bucket"] as const;
const ON_FAILURE = ["local", "open", "closed"] as const;
const ALIGN = ["key", "clock"] as const;
const SPREAD = ["auto", "off"] as const;
const MODES = ["enforce", "shadow"] as const;
const MISSING = ["ip", "skip", "deny"] as const;
const ACTIONS = ["deny", "tag"] as const;

/** A token of RFC 9110 §5.6.2. None of its characters needs an escape in a string of RFC 9651. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const listed = (values: readonly string[]): string => {
  const quoted = values.map((value) => `"${value}"`);
  return quoted.length === 1 ? `${quoted[0]}` : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
};
const span = (min: DurationMs, max: DurationMs, examples: string): string =>
  `a duration from "${formatDuration(min)}" to "${formatDuration(max)}", such as ${examples}`;

const accessList = (which: string): string =>
  `a list of at most ${ACCESS_LIST_MAX} addresses, ranges such as "192.0.2.0/24" or "2001:db8::/32", and "header:NAME=VALUE", ${which}`;

/** Every field by its dotted path, and what it may be, in words. */
export const ALLOWED = {
  name: `a token of 1 to ${RULE_NAME_MAX} characters (letters, digits, !#$%&'*+-.^_\`|~), for it goes into headers`,
  match:
    'a table such as { path = "/login", methods = ["POST"] }, with path, methods, hosts, headers, query, country, asn and not',
  "match.path": `a path from "/" on, at most ${RULE_PATH_MAX} characters, as URLPattern has it: "*" for any characters, ":name" for those up to the next "/", "{…}?" for what may be left out, "\\" before what is meant as it stands; written plainly (no %, # or dot segments), without regular expressions "(…)" and groups that repeat, and without a query, which belongs in match.query`,
  "match.methods": "a list of methods in upper case, without repetition; left out, all methods",
  "match.hosts": `a list of 1 to ${MATCH_LIST_MAX} host names in lower case without a port, such as "example.com", or "*.example.com" for all below it`,
  "match.headers": `a table of header names and the value each must have, or a list of values, or "*" for any`,
  "match.query": `a table of parameter names and the value each must have, or a list of values, or "*" for any`,
  "match.country": `a list of 1 to ${MATCH_LIST_MAX} countries, two upper-case letters each, such as ["DE", "FR"]`,
  "match.asn": `a list of 1 to ${MATCH_LIST_MAX} network numbers, such as [13335]`,
  "match.not": "a table of the same fields: requests that it matches are not covered",
  key: `a list of 1 to ${KEY_PARTS_MAX} different parts: "ip", "header:NAME", "cookie:NAME", "query:NAME", "path", "host", "method", "country", "asn" or, alone, "all"`,
  ipv6_prefix: `a whole number from ${IPV6_PREFIX_MIN} to ${IPV6_PREFIX_MAX}`,
  limit: `a whole number from 1 to ${LIMIT_MAX}`,
  window: span(WINDOW_MIN, WINDOW_MAX, '"10s", "1m" or "1.5h"'),
  threshold: '"auto", or a whole number from 1 to the limit',
  excess_max: 'a share of the limit above 0 and up to 1, only with threshold = "auto"',
  lease: `"auto", 0, or a share of what is left, up to ${LEASE_MAX}; 0 with algorithm = "token-bucket"`,
  grace: '"auto", or a whole number from 0 to what is left of the limit above threshold - 1',
  algorithm: listed(ALGORITHMS),
  burst: `a whole number from 1 to ${LIMIT_MAX}, only with algorithm = "token-bucket"`,
  cost: 'a whole number from 1 to the limit, or to the burst of a token bucket; or a table such as { by = "header:x-cost", max = 10 }',
  "cost.by": '"header:NAME"',
  "cost.max": "a whole number from 1 to the limit, or to the burst of a token bucket",
  missing: listed(MISSING),
  limits: `a table such as { by = "header:x-plan", free = 100, pro = 1000 }, with 1 to ${PLANS_MAX} plans`,
  "limits.by":
    '"header:NAME", "country", "asn", "host", "path" or "method": what a client writes at will, a cookie or a parameter, may not choose its limit',
  allow: accessList("that the rule does not cover"),
  deny: accessList("that are refused"),
  candidate:
    'a table such as { limit = 10, window = "1m" }: another limit that is counted beside the rule\'s own and denies nothing',
  "candidate.limit": `a whole number from 1 to ${LIMIT_MAX}`,
  "candidate.window": span(WINDOW_MIN, WINDOW_MAX, '"10s", "1m" or "1.5h"'),
  action:
    'a table such as { kind = "deny", status = 429, body = "…", content_type = "text/plain" } or { kind = "tag", header = "x-over-limit" }',
  "action.kind": listed(ACTIONS),
  "action.status": 'a whole number from 400 to 599, with kind = "deny"',
  "action.body": `a text of at most ${BODY_MAX} characters, with kind = "deny"`,
  "action.content_type": 'a media type such as "text/html", with kind = "deny" and a body',
  "action.header": 'the name of a header, with kind = "tag"; it is taken off requests that come with it',
  block_for: span(BLOCK_FOR_MIN, BLOCK_FOR_MAX, '"30s" or "10m"'),
  owners: `a power of two from 1 to ${OWNERS_MAX}; left out, an owner for each key`,
  on_failure: listed(ON_FAILURE),
  deadline: `"auto", or ${span(DEADLINE_MIN, DEADLINE_MAX, '"250ms" or "1s"')}`,
  align: listed(ALIGN),
  strict: `true, which is ${STRICT_SOURCES}, false, or how many isolates from 1 to ${SOURCES_MAX}; not with algorithm = "token-bucket", not with threshold = "auto", and so many times what one may admit silently must be less than the limit`,
  spread: listed(SPREAD),
  mode: listed(MODES),
} as const;

/** A field's dotted path. */
export type Field = keyof typeof ALLOWED;

/** Whether a value is what TOML calls a table. */
export const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

const positive = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

const isPowerOfTwo = (value: number): boolean => (value & (value - 1)) === 0;

const isPathPattern = (path: string): boolean => patternProblem(path) === undefined;

const duration = (min: DurationMs, max: DurationMs) =>
  v.pipe(
    v.string(),
    v.transform(parseDuration),
    v.check((length) => length !== undefined && length >= min && length <= max),
    // The check above refused `undefined`; it cannot tell the type checker so.
    v.transform((length) => length ?? min),
  );

/** A list of 1 to `max` different items. */
const distinct = <const S extends v.GenericSchema>(item: S, max: number) =>
  v.pipe(
    v.array(item),
    v.minLength(1),
    v.maxLength(max),
    v.check((list) => new Set(list).size === list.length),
  );

const method = v.pipe(v.string(), v.maxLength(RULE_NAME_MAX), v.regex(TOKEN), v.regex(/^[^a-z]+$/));
const path = v.pipe(v.string(), v.check(isPathPattern));
/** `example.com`, `*.example.com`, `127.0.0.1`, `[::1]`: as `URL.hostname` has them. */
const host = v.pipe(v.string(), v.maxLength(255), v.regex(/^(\*\.)?[a-z0-9._-]+$|^\[[0-9a-f:.]+\]$/));
const headerName = v.pipe(
  v.string(),
  v.maxLength(RULE_NAME_MAX),
  v.regex(TOKEN),
  v.transform((name) => name.toLowerCase()),
);
const value = v.pipe(v.string(), v.maxLength(MATCH_VALUE_MAX));
const values = v.union([
  v.pipe(
    value,
    v.transform((one) => [one]),
  ),
  distinct(value, MATCH_LIST_MAX),
]);

/** A table in TOML's sense, before it is read: valibot's object() would take a list or a date for one. */
const table = v.custom<Record<string, unknown>>(isTable);

/**
 * A table of names that people choose, each read with its value. valibot's own would pass over `constructor` and
 * `__proto__`: a condition that is not there lets a rule cover everything.
 */
const tableOf = <N extends v.GenericSchema<unknown, string>, V extends v.GenericSchema>(
  name: N,
  valueNamed: (name: string) => V,
) =>
  v.pipe(
    table,
    v.rawTransform(({ dataset: { value: written }, addIssue, NEVER }) => {
      const read: [string, v.InferOutput<V>][] = [];
      for (const [key, value] of Object.entries(written)) {
        const named = v.safeParse(name, key);
        const parsed = v.safeParse(valueNamed(key), value);
        // Of two spellings of one name one would be lost.
        const isNamed = named.success && !read.some(([other]) => other === named.output);
        if (isNamed && parsed.success) read.push([named.output, parsed.output]);
        else
          addIssue({
            path: [{ type: "object", origin: isNamed ? "value" : "key", input: written, key, value }],
          });
      }
      return read.length === Object.keys(written).length ? Object.fromEntries(read) : NEVER;
    }),
  );

const conditions = {
  path: v.optional(
    v.union([
      v.pipe(
        path,
        v.transform((one) => [one]),
      ),
      distinct(path, MATCH_LIST_MAX),
    ]),
  ),
  methods: v.optional(distinct(method, MATCH_LIST_MAX)),
  hosts: v.optional(distinct(host, MATCH_LIST_MAX)),
  headers: v.optional(tableOf(headerName, () => values)),
  query: v.optional(tableOf(v.pipe(v.string(), v.minLength(1), v.maxLength(128)), () => values)),
  country: v.optional(distinct(v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9]$/)), MATCH_LIST_MAX)),
  asn: v.optional(
    distinct(v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(2 ** 32 - 1)), MATCH_LIST_MAX),
  ),
};

/** A part of a key, in its one spelling. */
const keyPart = v.pipe(
  v.string(),
  v.check((written) => readKeyPart(written) !== undefined),
  v.transform((written) => {
    const part = readKeyPart(written);
    return part === undefined ? written : partText(part);
  }),
);

const key = v.pipe(
  distinct(keyPart, KEY_PARTS_MAX),
  v.check((parts) => new Set(parts).size === parts.length && (parts.length === 1 || !parts.includes("all"))),
);

const headerPart = v.pipe(
  keyPart,
  v.check((part) => part.startsWith("header:")),
);
/** What picks a plan: nothing that every client writes as it likes. */
const planPart = v.pipe(
  keyPart,
  v.check(
    (part) => part.startsWith("header:") || ["country", "asn", "host", "path", "method"].includes(part),
  ),
);

/** `192.0.2.7`, `2001:db8::/32`, `header:x-api-key=secret`. */
const access = v.pipe(
  v.string(),
  v.maxLength(MATCH_VALUE_MAX),
  v.check((written) => readIpRange(written) !== undefined || readHeaderValue(written) !== undefined),
);
const accessListOf = v.pipe(v.array(access), v.maxLength(ACCESS_LIST_MAX));

/** Reads `header:NAME=VALUE`, the name in lower case; `undefined` for anything else. */
export function readHeaderValue(
  written: string,
): { readonly name: string; readonly value: string } | undefined {
  const equals = written.indexOf("=");
  const part = readKeyPart(written.slice(0, Math.max(0, equals)));
  const wanted = written.slice(equals + 1);
  return part?.kind === "header" && wanted !== "" ? { name: part.name, value: wanted } : undefined;
}

const limit = v.pipe(positive, v.maxValue(LIMIT_MAX));

/** Plans by name, and what names them. Names are what the part has: any text but `by`. */
const limits = v.pipe(
  tableOf(
    v.string(),
    (name): v.GenericSchema<unknown, string | number> => (name === PLAN_PART ? planPart : limit),
  ),
  v.check(({ by }) => by !== undefined),
  v.check((written) => {
    const plans = Object.keys(written).length - 1;
    return plans >= 1 && plans <= PLANS_MAX;
  }),
  v.transform(({ by, ...plans }) => ({ by: by as string, plans: plans as Readonly<Record<string, number>> })),
);

const action = v.pipe(
  v.pipe(
    table,
    v.variant("kind", [
      v.object({
        kind: v.literal("deny"),
        status: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(400), v.maxValue(599)), 429),
        body: v.optional(v.pipe(v.string(), v.maxLength(BODY_MAX))),
        content_type: v.optional(
          v.pipe(v.string(), v.maxLength(128), v.regex(/^[\w.+-]+\/[\w.+-]+(; ?[\w.-]+=[\w.-]+)*$/)),
        ),
      }),
      v.object({
        kind: v.literal("tag"),
        header: v.optional(headerName, "x-over-limit"),
      }),
    ]),
  ),
);

/** A rule as written, field names in snake_case. Unknown fields pass; `rule.ts` reports all of them at once. */
export const ruleSchema = v.object({
  name: v.pipe(v.string(), v.maxLength(RULE_NAME_MAX), v.regex(TOKEN)),
  match: v.optional(
    v.pipe(table, v.object({ ...conditions, not: v.optional(v.pipe(table, v.object(conditions))) })),
    {},
  ),
  key: v.optional(key, ["ip"]),
  missing: v.optional(v.picklist(MISSING), "ip"),
  ipv6_prefix: v.optional(
    v.pipe(v.number(), v.safeInteger(), v.minValue(IPV6_PREFIX_MIN), v.maxValue(IPV6_PREFIX_MAX)),
    IPV6_PREFIX_DEFAULT,
  ),
  limit,
  limits: v.optional(limits),
  window: duration(WINDOW_MIN, WINDOW_MAX),
  threshold: v.optional(v.union([v.literal("auto"), positive])),
  excess_max: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1))),
  lease: v.optional(
    v.union([v.literal("auto"), v.pipe(v.number(), v.minValue(0), v.maxValue(LEASE_MAX))]),
    LEASE_DEFAULT,
  ),
  grace: v.optional(
    v.union([v.literal("auto"), v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(LIMIT_MAX))]),
    GRACE_DEFAULT,
  ),
  algorithm: v.optional(v.picklist(ALGORITHMS), "sliding-window"),
  burst: v.optional(v.pipe(positive, v.maxValue(LIMIT_MAX))),
  cost: v.optional(v.union([positive, v.pipe(table, v.object({ by: headerPart, max: positive }))]), 1),
  block_for: v.optional(duration(BLOCK_FOR_MIN, BLOCK_FOR_MAX)),
  owners: v.optional(v.pipe(positive, v.maxValue(OWNERS_MAX), v.check(isPowerOfTwo))),
  on_failure: v.optional(v.picklist(ON_FAILURE), "local"),
  deadline: v.optional(v.union([v.literal("auto"), duration(DEADLINE_MIN, DEADLINE_MAX)]), "auto"),
  align: v.optional(v.picklist(ALIGN), "key"),
  strict: v.optional(v.union([v.boolean(), v.pipe(positive, v.maxValue(SOURCES_MAX))]), false),
  spread: v.optional(v.picklist(SPREAD), "off"),
  mode: v.optional(v.picklist(MODES), "enforce"),
  allow: v.optional(accessListOf, []),
  deny: v.optional(accessListOf, []),
  candidate: v.optional(v.pipe(table, v.object({ limit, window: duration(WINDOW_MIN, WINDOW_MAX) }))),
  action: v.optional(action, { kind: "deny" }),
});

/** A rule as `ruleSchema` returns it: defaults filled in, durations in milliseconds. */
export type WrittenRule = v.InferOutput<typeof ruleSchema>;

/** What a rule asks of a request, or what it must not be. */
export type WrittenConditions = Omit<WrittenRule["match"], "not">;
