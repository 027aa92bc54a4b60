/**
 * The service binding, called over RPC as another Worker that binds it calls it. The rules are wrangler.toml's: a key
 * of "login" is claimed by its 4th request, and 20 are admitted.
 */
import { createExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { configure, deployed } from "../../worker/config.ts";
import type { Env } from "../../worker/env.ts";
import { RateLimiter } from "../../worker/rate-limiter.ts";

const limiter = exports.RateLimiter;
let names = 0;
const newKey = (): string => {
  names += 1;
  return `binding ${names}`;
};
/** A limiter as a new isolate would have it, with bindings of the test's choice. */
async function fresh(overrides: object): Promise<RateLimiter> {
  const bindings = { ...env, ...overrides } as unknown as Env;
  const config = await configure(bindings);
  vi.spyOn(deployed, "for").mockReturnValue(config);
  return new RateLimiter(createExecutionContext(), bindings);
}

afterEach(() => vi.restoreAllMocks());

describe("the service binding", () => {
  it("counts, and denies what is more than the limit", async () => {
    const key = newKey();
    expect(await limiter.limit({ rule: "login", key })).toEqual({
      admitted: true,
      how: "credit",
      rule: "login",
      limit: 20,
      remaining: 19,
      resetAt: expect.any(Number),
    });
    expect(await limiter.limit({ rule: "login", key, cost: 18 })).toMatchObject({
      admitted: true,
      how: "owner",
    });
    expect(await limiter.limit({ rule: "login", key, cost: 2 })).toMatchObject({
      admitted: false,
      rule: "login",
      retryAfterSeconds: expect.any(Number),
    });
  });

  it("peeks and inspects without charging", async () => {
    const key = newKey();
    await limiter.limit({ rule: "login", key, cost: 15 });
    for (let look = 0; look < 3; look += 1) {
      expect(await limiter.peek({ rule: "login", key, cost: 5 })).toMatchObject({
        admitted: true,
        remaining: 5,
      });
      expect(await limiter.peek({ rule: "login", key, cost: 6 })).toMatchObject({ admitted: false });
      expect(await limiter.inspect("login", key)).toMatchObject([{ rule: "login", count: 15, limit: 20 }]);
    }
  });

  it("resets, blocks, unblocks and overrides, and lists what is claimed and the rules", async () => {
    const key = newKey();
    await limiter.limit({ rule: "login", key, cost: 15 });
    expect(await limiter.reset("login", key)).toMatchObject([{ count: 0 }]);
    const [blocked] = await limiter.block("login", key, 60);
    expect(blocked).toMatchObject({ blockedUntil: expect.any(Number) });
    await vi.waitUntil(async () => {
      const claim = (await limiter.claims("login")).find((one) => one.key === blocked?.key);
      return claim?.blockedUntil === blocked?.blockedUntil;
    });
    const barred = { admitted: false, rule: "login" };
    expect(await limiter.limit({ rule: "login", key, cost: 10 })).toMatchObject(barred);
    expect(await limiter.unblock("login", key)).toMatchObject([{ blockedUntil: null }]);
    expect(await limiter.override("login", key, { limit: 2, seconds: 60 })).toMatchObject([
      { limit: 2, override: { limit: 2 } },
    ]);
    expect(await limiter.peek({ rule: "login", key, cost: 3 })).toMatchObject({ admitted: false, limit: 2 });
    expect(await limiter.override("login", key, null)).toMatchObject([{ limit: 20, override: null }]);
    expect((await limiter.claims()).map(({ rule }) => rule)).toContain("login");
    expect(await limiter.rules()).toMatchObject([
      { name: "login", limit: 20 },
      { name: "site", limit: 300 },
    ]);
  });
});

// biome-ignore lint/suspicious/noExplicitAny: a Worker in JavaScript calls it as it likes
const untyped = limiter as any;

describe("what is wrong", () => {
  it.each<[string, () => Promise<unknown>, string]>([
    ["nothing", () => untyped.limit(), "a request: found nothing; allowed is an object"],
    ["a text", () => untyped.limit("login"), 'a request: found "login"; allowed is an object'],
    ["a list", () => untyped.limit([{ rule: "login", key: "a" }]), "a request: found a list of 1"],
    ["no rule", () => untyped.limit({ key: "a" }), '"rule": found nothing; allowed is the name of a rule'],
    [
      "an unknown rule",
      () => untyped.limit({ rule: "log", key: "a" }),
      'found rule "log"; the rules are login, site',
    ],
    ["no key", () => untyped.limit({ rule: "login" }), '"key": found nothing; allowed is a text'],
    ["an empty key", () => untyped.limit({ rule: "login", key: "" }), '"key": found ""'],
    [
      "a negative cost",
      () => untyped.limit({ rule: "login", key: "a", cost: -1 }),
      '"cost": found -1; allowed is',
    ],
    [
      "a cost that is no number",
      () => untyped.limit({ rule: "login", key: "a", cost: NaN }),
      '"cost": found NaN',
    ],
    ["a cost of another kind", () => untyped.limit({ rule: "login", key: "a", cost: 2n }), '"cost": found 2'],
    ["a function", () => untyped.limit({ rule: "login", key: () => "a" }), '"key": found'],
    [
      "a field too many",
      () => untyped.peek({ rule: "login", key: "a", plan: "x" }),
      '"plan": found "x"; it has no plans',
    ],
    ["a batch", () => untyped.limit({ requests: [] }), '"rule": found nothing'],
    ["a key that is no text", () => untyped.inspect("login", 5), '"key": found 5; allowed is a text'],
    ["no rule to reset", () => untyped.reset(), "found rule nothing; the rules are"],
    [
      "a block without an end",
      () => untyped.block("login", "a"),
      '"seconds": found nothing; allowed is a whole number from 1',
    ],
    ["a block for an object", () => untyped.block("login", "a", { seconds: 5 }), '"seconds": found a table'],
    [
      "an override without a limit",
      () => untyped.override("login", "a", { seconds: 5 }),
      '"limit": found nothing',
    ],
    ["no override", () => untyped.override("login", "a"), "an override: found nothing; allowed is an object"],
    ["claims of an unknown rule", () => untyped.claims("log"), 'found rule "log"'],
  ])("%s: throws an error that says so", async (_what, call, says) => {
    const outcome = await call().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    expect(outcome).not.toHaveProperty("value");
    expect(String((outcome as { error: unknown }).error)).toContain(says);
  });

  it("an owner out of reach: throws, and is neither an admission nor a refusal", async () => {
    const KEY_OWNER = { getByName: () => ({ command: () => Promise.reject(new Error("gone")) }) };
    const cut = await fresh({ KEY_OWNER });
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const unavailable = { name: "Unavailable", code: "unavailable" };
    for (const call of [
      cut.peek({ rule: "login", key: "a" }),
      cut.inspect("login", "a"),
      cut.reset("login", "a"),
      cut.block("login", "a", 5),
    ])
      await expect(call).rejects.toMatchObject(unavailable);
    // What was to be changed stands in the log, as of unknown outcome.
    expect(log.mock.calls.map(([line]) => JSON.parse(String(line)) as object)).toMatchObject([
      { what: "reset", outcome: "unknown" },
      { what: "block", seconds: 5, outcome: "unknown" },
    ]);
  });

  it("a limiter that is not configured: every call throws and says why", async () => {
    const broken = await fresh({ RULES: [{ name: "bad", limit: 0, window: "1m" }] });
    for (const call of [
      () => broken.limit({ rule: "bad", key: "a" }),
      () => broken.peek({ rule: "bad", key: "a" }),
      () => broken.inspect("bad", "a"),
      () => broken.reset("bad", "a"),
      () => broken.block("bad", "a", 5),
      () => broken.unblock("bad", "a"),
      () => broken.override("bad", "a", null),
      () => broken.claims(),
      () => broken.rules(),
    ])
      await expect(call()).rejects.toThrow(
        'the limiter is not configured: rule "bad", limit: found 0; allowed is',
      );
  });
});

describe("a Worker that is called over its binding alone", () => {
  it("listens to a hub, as one that gets requests does", async () => {
    const watched: string[] = [];
    const getByName = (region: string) => ({
      fetch: async (url: string) => {
        watched.push(`${region} ${new URL(url).pathname}`);
        return new Response(null, { status: 426 });
      },
    });
    const alone = await fresh({ REGION_HUB: { getByName } });
    await alone.limit({ rule: "login", key: newKey() });
    await alone.limit({ rule: "login", key: newKey() });
    expect(watched).toEqual([expect.stringMatching(/^\w+ \/watch$/)]);
  });

  it("writes a line for each change, with what it was and under which rule, and no key", async () => {
    const logged = await fresh({});
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const key = "203.0.113.77";
    await logged.reset("login", key);
    await logged.block("login", key, 60);
    await logged.unblock("login", key);
    await logged.override("login", key, { limit: 7, seconds: 60 });
    await logged.override("login", key, null);
    const by = {
      event: "audit",
      by: "service-binding",
      rule: "login",
      key: expect.stringMatching(/^[0-9a-f]{32}$/),
      outcome: "done",
    };
    expect(log.mock.calls.map(([line]) => JSON.parse(String(line)) as object)).toEqual(
      [
        { what: "reset" },
        { what: "block", seconds: 60 },
        { what: "unblock" },
        { what: "override", limit: 7, seconds: 60 },
        { what: "override", limit: null },
      ].map((line) => ({ ...by, at: expect.any(String), ...line })),
    );
    expect(JSON.stringify(log.mock.calls)).not.toContain(key);
  });
});
