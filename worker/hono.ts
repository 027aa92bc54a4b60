import type { Context, MiddlewareHandler } from "hono";
import { Guard } from "./guard.ts";
import type { Options } from "./options.ts";

/**
 * The limiter as a middleware of Hono 4: `app.use(rateLimiter())`. Put it before whatever should not run for denied
 * requests; it covers the routes it is used on, and among those the requests that a rule matches.
 *
 * Denied requests are answered here; admitted ones get the fields that tell of quotas. A rule whose action is `tag`
 * sets headers of `c.req.raw`.
 *
 * Call it once for a Worker: each call makes a limiter of its own. Without bindings see `withRateLimit`.
 */
export function rateLimiter<Env = unknown>(options: Options<Env> = {}): MiddlewareHandler {
  const guard = new Guard(options);
  return async (c, next) => {
    const verdict = await guard.enter(c.req.raw, c.env, contextOf(c));
    if (verdict.kind === "answered") return verdict.response;
    const { headers } = verdict;
    if (headers !== undefined) c.req.raw = withHeaders(c.req.raw, headers);
    await next();
    const told = verdict.tell(c.res);
    if (told !== c.res) {
      // To set one response over another merges their headers.
      c.res = undefined;
      c.res = told;
    }
    return undefined;
  };
}

/** A copy of a request, whose body may have been read by then: Hono keeps what was read. */
const withHeaders = (request: Request, headers: Headers): Request =>
  request.bodyUsed
    ? new Request(request.url, { method: request.method, headers, signal: request.signal })
    : new Request(request, { headers });

/** Hono throws where there is none. */
function contextOf(c: Context): ExecutionContext | undefined {
  try {
    return c.executionCtx as ExecutionContext;
  } catch {
    return undefined;
  }
}
