/** The quota headers are structured fields as RFC 9651 has them: read back by another's parser, and canonical. */
import fc from "fast-check";
import { type Item, parseDictionary, parseList, serializeList } from "structured-headers";
import { describe, expect, it } from "vitest";
import { type Allowance, type Remaining, rateLimit, rateLimitPolicy } from "../../shared/headers.ts";
import { parseRules } from "../../shared/rule.ts";
import { LIMIT_MAX, LIMIT_TIMES_WINDOW_MAX, RULE_NAME_MAX } from "../../shared/rule-schema.ts";
import { type DurationMs, durationMs, epochMs } from "../../shared/time.ts";

const TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const NAMES = ["a", "0", "~", "z".repeat(RULE_NAME_MAX), ...TOKEN_CHARACTERS, TOKEN_CHARACTERS.slice(0, 64)];
const SECOND = durationMs(1_000);
const DAY = durationMs(86_400_000);

const NOW = epochMs(1_700_000_000_000);
/** What is left under a rule of that name, and comes back in so many seconds. */
const leftOf = (name: string, remaining: number, seconds: number): Remaining => ({
  rule: { name },
  remaining,
  resetAt: epochMs(NOW + Math.round(1_000 * seconds)),
});

const allowance = (name: string, limit: number, window: DurationMs): Allowance => ({
  rule: { name, limit, window },
  limit,
});

/** What a field says, by another's parser: names, and parameters in order. Fails where writing it anew gives another text. */
function read(field: string): [name: unknown, parameters: [string, unknown][]][] {
  const list = parseList(field);
  expect(serializeList(list)).toBe(field);
  return list.map((member) => {
    const [value, parameters] = member as Item;
    return [value, [...parameters]];
  });
}

describe("RateLimit-Policy", () => {
  it.each(NAMES)("has the name %s, which a rule may have, as a string", (name) => {
    expect(parseRules([{ name, limit: 1, window: "1s" }]).ok).toBe(true);
    expect(read(rateLimitPolicy([allowance(name, 1, SECOND)]))).toEqual([
      [
        name,
        [
          ["q", 1],
          ["w", 1],
        ],
      ],
    ]);
  });

  it.each([
    [1, "1s", 1],
    [LIMIT_MAX, "1s", 1],
    [1, "1500ms", 2],
    [5, "1m", 60],
    [Math.floor(LIMIT_TIMES_WINDOW_MAX / (30 * DAY)), "30d", 2_592_000],
    [1, "30d", 2_592_000],
  ])("says q=%i and the window %s as w=%i", (limit, window, w) => {
    const parsed = parseRules([{ name: "r", limit, window }]);
    const [rule] = parsed.ok ? parsed.rules : [];
    if (rule === undefined) throw new Error(JSON.stringify(parsed));
    expect(read(rateLimitPolicy([{ rule, limit }]))).toEqual([
      [
        "r",
        [
          ["q", limit],
          ["w", w],
        ],
      ],
    ]);
  });
});

describe("RateLimit", () => {
  it.each([
    [0, 0, 0, 0],
    [1, 1, 1, 1],
    [LIMIT_MAX, 2_592_000, LIMIT_MAX, 2_592_000],
    [-3, -1, 0, 0],
    [1.9, 0.001, 1, 1],
    [0.5, 59.001, 0, 60],
  ])(
    "of %d left and %d s says r and t in whole numbers, rounded to the safe side",
    (remaining, seconds, r, t) => {
      expect(read(rateLimit([leftOf("r", remaining, seconds)], NOW))).toEqual([
        [
          "r",
          [
            ["r", r],
            ["t", t],
          ],
        ],
      ]);
    },
  );
});

it("many rules are one member each, in their order, and never a dictionary", () => {
  const rules = NAMES.map((name, at) => allowance(name, at + 1, durationMs(1_000 * (at + 1))));
  const policy = rateLimitPolicy(rules);
  expect(read(policy).map(([name]) => name)).toEqual(NAMES);
  const left = NAMES.map((name, at) => leftOf(name, at, at));
  expect(read(rateLimit(left, NOW)).map(([name]) => name)).toEqual(NAMES);
  expect(() => parseDictionary(policy)).toThrow();
});

it("whatever rules there are, what is read back is what was meant", () => {
  const name = fc.string({
    unit: fc.constantFrom(...TOKEN_CHARACTERS),
    minLength: 1,
    maxLength: RULE_NAME_MAX,
  });
  const member = fc.record({
    name,
    limit: fc.integer({ min: 1, max: LIMIT_MAX }),
    seconds: fc.integer({ min: 1, max: 2_592_000 }),
    remaining: fc.integer({ min: 0, max: LIMIT_MAX }),
    reset: fc.integer({ min: 0, max: 2_592_000 }),
  });
  fc.assert(
    fc.property(fc.array(member, { minLength: 1, maxLength: 64 }), (members) => {
      const policy = rateLimitPolicy(
        members.map((one) => allowance(one.name, one.limit, durationMs(1_000 * one.seconds))),
      );
      expect(read(policy)).toEqual(
        members.map((one) => [one.name, Object.entries({ q: one.limit, w: one.seconds })]),
      );
      const left = rateLimit(
        members.map((one) => leftOf(one.name, one.remaining, one.reset)),
        NOW,
      );
      expect(read(left)).toEqual(
        members.map((one) => [one.name, Object.entries({ r: one.remaining, t: one.reset })]),
      );
    }),
    { numRuns: 500 },
  );
});
