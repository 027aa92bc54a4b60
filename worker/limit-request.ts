/** What callers may ask of the limiter by name instead of by a request: read, with everything that is wrong with it. */
import * as v from "valibot";
import { quote } from "../shared/quote.ts";

/** Longest key that can be named: it stands in a path of the HTTP API. */
export const KEY_TEXT_MAX = 1_024;
/** Requests of one batch: each may have to wait for its owner. */
export const BATCH_REQUESTS_MAX = 100;
/** Longest block, in seconds: 30 days, as a rule's `block_for`. */
export const BLOCK_SECONDS_MAX = 30 * 86_400;
/** Longest time for which one key has another limit, in seconds: 90 days. Its row is kept for so long. */
export const OVERRIDE_SECONDS_MAX = 90 * 86_400;
const COUNT_MAX = 1_000_000_000;

/** A request that is counted under one rule by a key that the caller names. */
export interface LimitRequest {
  /** The rule's name. */
  readonly rule: string;
  /**
   * What is counted by: under a rule on `ip` an address is the same client as in its requests; of a rule on other
   * parts, the text of its key, such as `header:x-api-key=k1`; anything else is a key of its own.
   */
  readonly key: string;
  /** How many requests it counts as; 1 unless given. */
  readonly cost?: number;
  /** Of a rule with plans: the one that is meant. */
  readonly plan?: string;
}

const wholeTo = (max: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(max));
const text = (max: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(max));

const limitRequest = v.strictObject({
  rule: text(128),
  key: text(KEY_TEXT_MAX),
  cost: v.exactOptional(wholeTo(COUNT_MAX)),
  plan: v.exactOptional(text(256)),
});

/** What is allowed in a field; the longest time differs. */
const ALLOWED: Readonly<Record<string, string>> = {
  rule: "the name of a rule",
  key: `a text of 1 to ${KEY_TEXT_MAX} characters`,
  cost: `a whole number from 1 to ${COUNT_MAX}`,
  plan: "the name of one of the rule's plans",
  requests: `a list of 1 to ${BATCH_REQUESTS_MAX} requests`,
  limit: `a whole number from 1 to ${COUNT_MAX}`,
};

/** What was asked cannot be done, and trying again will not help. `code` for programs, `message` for people. */
export class BadRequest extends Error {
  readonly code: "bad-request" | "unknown-rule";

  constructor(message: string, code: BadRequest["code"] = "bad-request") {
    super(message);
    this.name = "BadRequest";
    this.code = code;
  }
}

/** The key's owner, or a hub, was not reached, or not in time. Trying again may help, and does no harm. */
export class Unavailable extends Error {
  readonly code = "unavailable";

  constructor(message: string) {
    super(message);
    this.name = "Unavailable";
  }
}

/** Reads one request. Throws `BadRequest`, which says what was wrong, where, and what is allowed. */
export const readLimitRequest = (input: unknown): LimitRequest => read(limitRequest, input, "a request");

/** Reads `{ requests: […] }` as a list of what is to be read one by one, or one request as itself. */
export function readLimitRequests(input: unknown): readonly unknown[] | LimitRequest {
  if (typeof input !== "object" || input === null || !("requests" in input)) return readLimitRequest(input);
  const batch = v.strictObject({
    requests: v.pipe(v.array(v.unknown()), v.minLength(1), v.maxLength(BATCH_REQUESTS_MAX)),
  });
  return read(batch, input, "a batch").requests;
}

/** Reads a key that is named alone. */
export const readKey = (key: unknown): string =>
  read(v.strictObject({ key: text(KEY_TEXT_MAX) }), { key }, "a call").key;

/** Reads `{ seconds }`, from 1 to 30 days. */
export const readSeconds = (input: unknown): number =>
  read(v.strictObject({ seconds: wholeTo(BLOCK_SECONDS_MAX) }), input, "a block", BLOCK_SECONDS_MAX).seconds;

/** Reads `{ limit, seconds }`. */
export const readOverride = (input: unknown): { readonly limit: number; readonly seconds: number } =>
  read(
    v.strictObject({ limit: wholeTo(COUNT_MAX), seconds: wholeTo(OVERRIDE_SECONDS_MAX) }),
    input,
    "an override",
    OVERRIDE_SECONDS_MAX,
  );

/** @param secondsMax what `seconds` may be */
function read<S extends v.GenericSchema>(
  schema: S,
  input: unknown,
  what: string,
  secondsMax = 0,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, input);
  if (parsed.success && !Array.isArray(input)) return parsed.output;
  const [issue] = parsed.issues ?? [];
  const field = issue?.path?.[0]?.key;
  if (typeof field !== "string" || Array.isArray(input))
    throw new BadRequest(`${what}: found ${quote(input)}; allowed is an object`);
  const texts: Readonly<Record<string, string>> = {
    ...ALLOWED,
    seconds: `a whole number from 1 to ${secondsMax}`,
  };
  const allowed = issue?.expected === "never" ? "there is no such field" : `allowed is ${texts[field]}`;
  throw new BadRequest(`${what}, ${quote(field)}: found ${quote(issue?.path?.[0]?.value)}; ${allowed}`);
}
