/** What every middleware does, tried with each: they are one guard, and three ways to put it in front of a site. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { Router } from "itty-router";
import { afterEach, describe, expect, it, vi } from "vitest";
import { rateLimiter } from "../../worker/hono.ts";
import { rateLimit } from "../../worker/itty.ts";
import type { Denied } from "../../worker/options.ts";
import { withRateLimit } from "../../worker/plain.ts";
import { freshSite, SITES } from "./fresh-site.ts";
import { ruleOf } from "./fresh-worker.ts";

const ONE = { rules: [ruleOf({ limit: 1, threshold: 1 })] };
const TWO = { rules: [ruleOf({ limit: 2, threshold: 1 })] };

const logged = () => vi.spyOn(console, "error").mockImplementation(() => undefined);
afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(Object.entries(SITES))("%s", (_name, siteOf) => {
  it("admits up to the limit, tells of the quota, and denies what is over it before the site sees it", async () => {
    const site = freshSite(siteOf(TWO));
    const first = await site.fetch("/a");
    expect(first.headers.get("RateLimit-Policy")).toBe('"test";q=2;w=2592000');
    expect(first.headers.get("RateLimit")).toMatch(/^"test";r=1;t=\d+$/);
    expect(await first.json()).toEqual({ path: "/a", over: null });
    expect((await site.fetch()).status).toBe(200);
    const denied = await site.fetch();
    expect(denied.status).toBe(429);
    expect(Number(denied.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(denied.headers.get("RateLimit")).toMatch(/^"test";r=0;t=\d+$/);
    expect(await denied.json()).toMatchObject({ title: "Quota exceeded" });
  });

  it("takes rules as JSON text, and the style of the headers", async () => {
    const site = freshSite(siteOf({ rules: JSON.stringify(TWO.rules), headers: "legacy" }));
    const { headers } = await site.fetch();
    expect([headers.get("RateLimit"), headers.get("X-RateLimit-Limit")]).toEqual([null, "2"]);
  });

  it("gives the site's own answer to denied requests, with the headers it does not set", async () => {
    let told: Denied | undefined;
    const onDenied = (denied: Denied, request: Request) => {
      told = denied;
      const { pathname } = new URL(request.url);
      return new Response(`slow down: ${pathname}`, { status: 420, headers: { RateLimit: "mine" } });
    };
    const site = freshSite(siteOf({ ...ONE, onDenied }));
    await site.fetch();
    const response = await site.fetch("/b");
    expect([response.status, await response.text()]).toEqual([420, "slow down: /b"]);
    expect(response.headers.get("RateLimit")).toBe("mine");
    expect(response.headers.get("Content-Type")).toMatch(/^text\/plain/);
    expect(response.headers.get("Retry-After")).toBe(String(told?.retryAfterSeconds));
    expect(told).toMatchObject({ rule: "test", status: 429, how: "owner" });
  });

  it("counts by the site's own keys, by the names of rules, and by its own costs", async () => {
    const keyOf = (request: Request, rule: string) =>
      rule === "test" ? (request.headers.get("x-user") ?? undefined) : undefined;
    const costOf = (request: Request) => Number(request.headers.get("x-cost") ?? 1);
    const site = freshSite(siteOf({ rules: [ruleOf({ limit: 3, threshold: 1 })], keyOf, costOf }));
    const as = async (user: string, cost: number) =>
      (await site.fetch("/", { headers: { "x-user": user, "x-cost": String(cost) } })).status;
    expect([await as("ann", 3), await as("ann", 1), await as("bob", 1)]).toEqual([200, 429, 200]);
    // Who is not named counts by the rule's key.
    expect((await site.fetch("/")).status).toBe(200);
  });

  it("denies a cost that no quota holds, and counts nothing of it", async () => {
    const costOf = (request: Request) => (request.url.endsWith("/huge") ? Number.MAX_SAFE_INTEGER : 1);
    const rules = [ruleOf({ limit: 3, threshold: 2, cost: 2 })];
    const site = freshSite(siteOf({ rules, costOf }));
    const statuses: number[] = [];
    for (const path of ["/huge", "/", "/huge"]) statuses.push((await site.fetch(path)).status);
    expect(statuses).toEqual([429, 200, 429]);
  });

  it("lets pass what is skipped, uncounted and untold", async () => {
    const site = freshSite(siteOf({ ...ONE, skip: (request) => request.url.endsWith("/health") }));
    for (let request = 0; request < 3; request += 1) {
      const response = await site.fetch("/health");
      expect([response.status, response.headers.get("RateLimit")]).toEqual([200, null]);
    }
    expect((await site.fetch("/")).headers.get("RateLimit")).toContain("r=0");
  });

  it("goes on as if a function were not there when it throws, and logs that once", async () => {
    const error = logged();
    const boom = () => {
      throw new Error("boom");
    };
    const site = freshSite(siteOf({ ...ONE, onDenied: boom, keyOf: boom, costOf: boom, skip: boom }));
    const statuses: number[] = [];
    for (let request = 0; request < 3; request += 1) statuses.push((await site.fetch()).status);
    expect(statuses).toEqual([200, 429, 429]);
    const lines = error.mock.calls.map(([line]) => JSON.parse(line));
    expect(lines.map(({ callback, problem }) => [callback, problem]).toSorted()).toEqual(
      ["costOf", "keyOf", "onDenied", "skip"].map((name) => [name, "threw Error: boom"]),
    );
  });

  it("takes what a function should not return for nothing", async () => {
    const error = logged();
    const later = async () => Promise.reject(new Error("late"));
    const wrong = { onDenied: () => "no", keyOf: later, costOf: () => 0.5, skip: later } as object;
    const site = freshSite(siteOf({ ...ONE, ...wrong }));
    const statuses: number[] = [];
    for (let request = 0; request < 3; request += 1) statuses.push((await site.fetch()).status);
    expect(statuses).toEqual([200, 429, 429]);
    expect(error.mock.calls.map(([line]) => JSON.parse(line).problem).toSorted()).toEqual([
      'returned "no", not a Response',
      "returned 0.5, not a whole number from 1 on",
      "returned a promise, not a boolean",
      "returned a promise, not a text or undefined",
    ]);
  });

  it("goes on un-limited without its bindings, and says once what to add", async () => {
    const error = logged();
    const site = freshSite(siteOf(ONE), { KEY_OWNER: undefined, REGION_HUB: undefined });
    for (let request = 0; request < 3; request += 1) expect((await site.fetch()).status).toBe(200);
    expect(error).toHaveBeenCalledTimes(1);
    const [[line]] = error.mock.calls as [[string]];
    const { event, problems } = JSON.parse(line) as { event: string; problems: string[] };
    expect(event).toBe("bad-config");
    const [message] = problems;
    for (const part of [
      '[[durable_objects.bindings]]\nname = "KEY_OWNER"\nclass_name = "KeyOwner"\n',
      '[[durable_objects.bindings]]\nname = "REGION_HUB"\nclass_name = "RegionHub"\n',
      'new_sqlite_classes = ["KeyOwner","RegionHub"]',
      'export { KeyOwner, RegionHub } from "onecount";',
    ])
      expect(message).toContain(part);
  });

  it("refuses every request that is not skipped when its rules are wrong and that is wanted", async () => {
    logged();
    const options = { rules: [], skip: (request: Request) => request.url.endsWith("/health") };
    const site = freshSite(siteOf(options), { FAIL_CLOSED_ON_BAD_CONFIG: "true" });
    expect([(await site.fetch("/")).status, (await site.fetch("/health")).status]).toEqual([503, 200]);
  });

  it("tells the site of limits that tag, and believes no client that does", async () => {
    const rule = ruleOf({ limit: 1, threshold: 1, action: { kind: "tag", header: "x-over" } });
    const site = freshSite(siteOf({ rules: [rule], skip: (request) => request.url.endsWith("/health") }));
    const over = async (path: string) =>
      ((await (await site.fetch(path, { headers: { "x-over": "forged" } })).json()) as { over: unknown })
        .over;
    expect([await over("/"), await over("/"), await over("/health")]).toEqual([null, "test", null]);
  });
});

describe("withRateLimit", () => {
  it("takes a fetch function as well", async () => {
    const site = freshSite(withRateLimit(() => new Response("hello"), ONE).fetch as never);
    expect([await (await site.fetch()).text(), (await site.fetch()).status]).toEqual(["hello", 429]);
  });

  it("passes every other handler through, with its own `this`", () => {
    class Handler {
      readonly #name = "mine";
      fetch = () => new Response(this.#name);
      scheduled() {
        return this.#name;
      }
      queue = () => this.#name;
    }
    const wrapped = withRateLimit(new Handler() as object as ExportedHandler, ONE);
    const { scheduled, queue } = wrapped as unknown as { scheduled: () => string; queue: () => string };
    expect([scheduled(), queue()]).toEqual(["mine", "mine"]);
  });

  it("lets the site's own errors through", async () => {
    const boom = () => {
      throw new Error("the site's");
    };
    await expect(freshSite(withRateLimit(boom, ONE).fetch as never).fetch()).rejects.toThrow("the site's");
  });
});

describe("a guard", () => {
  it("answers 400 where host and path are none, for no rule could cover that", async () => {
    const { fetch } = withRateLimit(() => new Response("passed"), ONE);
    const request = new Request("https://site.example/");
    Object.defineProperty(request, "url", { value: "https://a b/" });
    const response = await fetch(request as never, env, createExecutionContext());
    expect(response.status).toBe(400);
  });
});

describe("rateLimit for itty-router", () => {
  it("is un-limited, with one line in the log, where the router is called without a context", async () => {
    const error = logged();
    const router = Router({ ...rateLimit(ONE) });
    router.all("*", () => new Response("hello"));
    for (let request = 0; request < 3; request += 1)
      expect((await router.fetch(new Request("https://site.example/"), env)).status).toBe(200);
    expect(error.mock.calls).toEqual([[expect.stringContaining("pass (request, env, ctx) on")]]);
  });

  it("leaves alone what is no Response, and answers no one in place of a missing route", async () => {
    const router = Router({ ...rateLimit(ONE) });
    const answer = await router.fetch(
      new Request("https://site.example/", { headers: { "CF-Connecting-IP": "203.0.113.9" } }),
      { ...env, KEY_SECRET: crypto.randomUUID() },
      createExecutionContext(),
    );
    expect(answer).toBeUndefined();
  });
});

describe("rateLimiter for Hono", () => {
  it("tells of the quota also when the site failed or has no such page", async () => {
    const app = new Hono();
    app.use(rateLimiter(TWO));
    app.get("/boom", () => {
      throw new Error("boom");
    });
    app.onError(() => new Response("failed", { status: 500 }));
    const site = freshSite((request, bindings, ctx) => app.fetch(request, bindings as object, ctx as never));
    const answers = [await site.fetch("/boom"), await site.fetch("/nowhere"), await site.fetch("/")];
    expect(answers.map(({ status, headers }) => [status, headers.get("RateLimit")?.slice(0, 11)])).toEqual([
      [500, '"test";r=1;'],
      [404, '"test";r=0;'],
      [429, '"test";r=0;'],
    ]);
  });

  it("tags a request whose body was read before", async () => {
    const app = new Hono();
    app.use(async (c, next) => {
      await c.req.text();
      await next();
    });
    app.use(
      rateLimiter({ rules: [ruleOf({ limit: 1, threshold: 1, action: { kind: "tag", header: "x-over" } })] }),
    );
    app.post("/", async (c) => c.text(`${await c.req.text()} ${c.req.raw.headers.get("x-over")}`));
    const site = freshSite((request, bindings, ctx) => app.fetch(request, bindings as object, ctx as never));
    const post = async () => (await site.fetch("/", { method: "POST", body: "body" })).text();
    expect([await post(), await post()]).toEqual(["body null", "body test"]);
  });
});
