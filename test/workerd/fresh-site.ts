/** A site behind a middleware, as a new isolate would have it. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { AutoRouter, Router } from "itty-router";
import { rateLimiter } from "../../worker/hono.ts";
import { rateLimit } from "../../worker/itty.ts";
import type { Options } from "../../worker/options.ts";
import { withRateLimit } from "../../worker/plain.ts";

export interface Site {
  fetch(path?: string, init?: RequestInit & { ip?: string }): Promise<Response>;
}

type Fetch = (request: Request, env: unknown, ctx: ExecutionContext) => Response | Promise<Response>;

/** What every site answers: what it saw of the request. */
const page = (request: Request): Response =>
  Response.json({ path: new URL(request.url).pathname, over: request.headers.get("x-over") });

/** The same site, made with each middleware. */
export const SITES: Readonly<Record<string, (options: Options) => Fetch>> = {
  "a plain handler": (options) => {
    const site = withRateLimit({ fetch: (request) => page(request) }, options);
    return (request, bindings, ctx) => site.fetch(request as never, bindings, ctx);
  },
  "itty-router's AutoRouter": (options) => {
    const router = AutoRouter({ ...rateLimit(options) });
    router.all("*", (request) => page(request as unknown as Request));
    return router.fetch;
  },
  "itty-router's Router": (options) => {
    const router = Router({ ...rateLimit(options) });
    router.all("*", (request) => page(request as unknown as Request));
    return router.fetch;
  },
  Hono: (options) => {
    const app = new Hono();
    app.use(rateLimiter(options));
    app.all("*", (c) => page(c.req.raw));
    return (request, bindings, ctx) => app.fetch(request, bindings as object, ctx as never);
  },
};

/** @param overrides bindings and variables in place of wrangler.toml's; `undefined` takes one away */
export function freshSite(fetch: Fetch, overrides: Record<string, unknown> = {}): Site {
  // Every test its own keys: objects outlive the isolate.
  const bindings = { ...env, DEBUG_HEADERS: "true", KEY_SECRET: crypto.randomUUID(), ...overrides };
  return {
    fetch: async (path = "/", { ip = "203.0.113.9", ...init } = {}) => {
      const headers = new Headers(init.headers);
      headers.set("CF-Connecting-IP", ip);
      const request = new Request(`https://site.example${path}`, { ...init, headers });
      return fetch(request, bindings, createExecutionContext());
    },
  };
}
