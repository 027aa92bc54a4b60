/** What a rule in `[[vars.RULES]]` may say: its fields, their bounds and defaults. `rule.ts` reads rules with it. */
import * as v from "valibot";
import { GLOBSTAR } from "./path.ts";
import { type DurationMs, durationMs, formatDuration, parseDuration } from "./time.ts";

/** Rules in one deployment. All of them are tried on every request, and a variable of 5 KB holds about 40. */
export const RULES_MAX = 64;
/** A rule's name stands in two headers of every answer. */
export const RULE_NAME_MAX = 64;
/** Characters of a rule's path. With `*` in it, the work per request grows with its length. */
export const RULE_PATH_MAX = 256;
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

const ALGORITHMS = ["fixed-window", "sliding-window", "token-bucket"] as const;
const ON_FAILURE = ["local", "open", "closed"] as const;
const ALIGN = ["key", "clock"] as const;
const MODES = ["enforce", "shadow"] as const;

/** A token of RFC 9110 §5.6.2. None of its characters needs an escape in a string of RFC 9651. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const listed = (values: readonly string[]): string => {
  const quoted = values.map((value) => `"${value}"`);
  return quoted.length === 1 ? `${quoted[0]}` : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
};
const span = (min: DurationMs, max: DurationMs, examples: string): string =>
  `a duration from "${formatDuration(min)}" to "${formatDuration(max)}", such as ${examples}`;

/** Every field by its dotted path, and what it may be, in words. */
export const ALLOWED = {
  name: `a token of 1 to ${RULE_NAME_MAX} characters (letters, digits, !#$%&'*+-.^_\`|~), for it goes into headers`,
  match: 'a table such as { path = "/login", methods = ["POST"] }',
  "match.path": `a path from "/" on, at most ${RULE_PATH_MAX} characters, written plainly (no %, ?, # or dot segments), with "*" within a segment and "**" alone as one`,
  "match.methods": "a list of methods in upper case, without repetition; left out, all methods",
  key: '["ip"]',
  limit: `a whole number from 1 to ${LIMIT_MAX}`,
  window: span(WINDOW_MIN, WINDOW_MAX, '"10s", "1m" or "1.5h"'),
  threshold: "a whole number from 1 to the limit",
  algorithm: listed(ALGORITHMS),
  burst: `a whole number from 1 to ${LIMIT_MAX}, only with algorithm = "token-bucket"`,
  cost: "a whole number from 1 to the limit, or to the burst of a token bucket",
  block_for: span(BLOCK_FOR_MIN, BLOCK_FOR_MAX, '"30s" or "10m"'),
  owners: `a power of two from 1 to ${OWNERS_MAX}; left out, an owner for each key`,
  on_failure: listed(ON_FAILURE),
  deadline: `"auto", or ${span(DEADLINE_MIN, DEADLINE_MAX, '"250ms" or "1s"')}`,
  align: listed(ALIGN),
  mode: listed(MODES),
} as const;

/** A field's dotted path. */
export type Field = keyof typeof ALLOWED;

/** Whether a value is what TOML calls a table. */
export const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

const positive = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

const isPowerOfTwo = (value: number): boolean => (value & (value - 1)) === 0;

function isPathPattern(path: string): boolean {
  if (!path.startsWith("/") || path.length > RULE_PATH_MAX || /[%?#\\\p{C}\p{Zl}\p{Zp}]/u.test(path))
    return false;
  return path.split("/").every((segment) => {
    if (segment === "." || segment === "..") return false;
    return segment === GLOBSTAR || !segment.includes(GLOBSTAR);
  });
}

const duration = (min: DurationMs, max: DurationMs) =>
  v.pipe(
    v.string(),
    v.transform(parseDuration),
    v.check((length) => length !== undefined && length >= min && length <= max),
    // The check above refused `undefined`; it cannot tell the type checker so.
    v.transform((length) => length ?? min),
  );

const method = v.pipe(v.string(), v.maxLength(RULE_NAME_MAX), v.regex(TOKEN), v.regex(/^[^a-z]+$/));
const methods = v.pipe(
  v.array(method),
  v.minLength(1),
  v.check((list) => new Set(list).size === list.length),
);

/** A rule as written, field names in snake_case. Unknown fields pass; `rule.ts` reports all of them at once. */
export const ruleSchema = v.object({
  name: v.pipe(v.string(), v.maxLength(RULE_NAME_MAX), v.regex(TOKEN)),
  match: v.optional(
    v.pipe(
      // valibot's object() would take a list or a date for one.
      v.custom<Record<string, unknown>>(isTable),
      v.object({
        path: v.optional(v.pipe(v.string(), v.check(isPathPattern)), `/${GLOBSTAR}`),
        methods: v.optional(methods),
      }),
    ),
    {},
  ),
  key: v.optional(v.strictTuple([v.literal("ip")]), ["ip"]),
  limit: v.pipe(positive, v.maxValue(LIMIT_MAX)),
  window: duration(WINDOW_MIN, WINDOW_MAX),
  threshold: v.optional(positive),
  algorithm: v.optional(v.picklist(ALGORITHMS), "sliding-window"),
  burst: v.optional(v.pipe(positive, v.maxValue(LIMIT_MAX))),
  cost: v.optional(positive, 1),
  block_for: v.optional(duration(BLOCK_FOR_MIN, BLOCK_FOR_MAX)),
  owners: v.optional(v.pipe(positive, v.maxValue(OWNERS_MAX), v.check(isPowerOfTwo))),
  on_failure: v.optional(v.picklist(ON_FAILURE), "local"),
  deadline: v.optional(v.union([v.literal("auto"), duration(DEADLINE_MIN, DEADLINE_MAX)]), "auto"),
  align: v.optional(v.picklist(ALIGN), "key"),
  mode: v.optional(v.picklist(MODES), "enforce"),
});

/** A rule as `ruleSchema` returns it: defaults filled in, durations in milliseconds. */
export type WrittenRule = v.InferOutput<typeof ruleSchema>;
