import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  debugHeader,
  problemBody,
  type Remaining,
  rateLimit,
  rateLimitPolicy,
  retryAfter,
  unavailableBody,
} from "../../shared/headers.ts";
import { durationMs, epochMs } from "../../shared/time.ts";

const NOW = epochMs(1_700_000_000_000);
/** What is left under a rule of that name, and comes back in so many seconds. */
const left = (name: string, remaining: number, seconds: number): Remaining => ({
  rule: { name },
  remaining,
  resetAt: epochMs(NOW + Math.round(1_000 * seconds)),
});

describe("RateLimit-Policy", () => {
  test("is one string item with quota and window for each rule, as in draft-10", () => {
    const login = { name: "login", limit: 20, window: durationMs(60_000) };
    const site = { name: "site", limit: 300, window: durationMs(3_600_000) };
    const plain = [login, site].map((rule) => ({ rule, limit: rule.limit }));
    expect(rateLimitPolicy(plain.slice(0, 1))).toBe('"login";q=20;w=60');
    expect(rateLimitPolicy(plain)).toBe('"login";q=20;w=60, "site";q=300;w=3600');
    // One client's own limit is told to that client only.
    expect(rateLimitPolicy([{ rule: login, limit: 5 }])).toBe('"login";q=5;w=60');
    expect(rateLimitPolicy(plain.slice(0, 1))).toBe('"login";q=20;w=60');
  });

  test("rounds a window up to whole seconds", () => {
    const rule = { name: "a", limit: 1, window: durationMs(1_500) };
    expect(rateLimitPolicy([{ rule, limit: 1 }])).toBe('"a";q=1;w=2');
  });
});

describe("RateLimit", () => {
  test("is one string item with the remaining quota and the seconds to its return for each rule", () => {
    expect(rateLimit([left("login", 0, 37)], NOW)).toBe('"login";r=0;t=37');
    expect(rateLimit([left("login", 3, 36.2), left("site", 288, 0)], NOW)).toBe(
      '"login";r=3;t=37, "site";r=288;t=0',
    );
  });

  test("never says less than 0", () => {
    expect(rateLimit([left("a", -2, -0.5)], NOW)).toBe('"a";r=0;t=0');
  });
});

describe("Retry-After", () => {
  test("is the last of the times, in whole seconds rounded up, and at least 1", () => {
    expect(retryAfter(36.001)).toBe("37");
    expect(retryAfter(2, 37, 5)).toBe("37");
    expect(retryAfter(0)).toBe("1");
    expect(retryAfter()).toBe("1");
    expect(retryAfter(-5)).toBe("1");
  });

  test("is never before the t of any rule", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1e10 }), { minLength: 1 }), (ms) => {
        const seconds = ms.map((one) => one / 1_000);
        const after = Number(retryAfter(...seconds));
        const items = seconds.map((one) => left("a", 0, one));
        const times = rateLimit(items, NOW)
          .split(", ")
          .map((item) => Number(item.split("t=")[1]));
        for (const t of times) expect(after).toBeGreaterThanOrEqual(t);
      }),
    );
  });
});

describe("the body", () => {
  test("of a 429 is a problem of the registered type that names the policies violated", () => {
    const body = problemBody({
      title: "Too many requests",
      status: 429,
      detail: 'Wait 37 s, "you".',
      violated: ["login"],
    });
    expect(JSON.parse(body)).toEqual({
      type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
      title: "Too many requests",
      status: 429,
      detail: 'Wait 37 s, "you".',
      "violated-policies": ["login"],
    });
  });

  test("of a 503 is a problem without a type of its own", () => {
    expect(JSON.parse(unavailableBody("The count could not be reached."))).toEqual({
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      detail: "The count could not be reached.",
    });
  });
});

test("x-onecount tells decision, POP and rule, and no rule when none matched", () => {
  expect(debugHeader({ decision: "credit", pop: "LHR", rule: "login" })).toBe(
    "decision=credit; pop=LHR; rule=login",
  );
  expect(debugHeader({ decision: "unlimited", pop: "local" })).toBe("decision=unlimited; pop=local");
});
