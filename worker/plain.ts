import { Guard } from "./guard.ts";
import type { Options } from "./options.ts";

type Handler<Env, Message> = ExportedHandler<Env, Message>;
type Fetch<Env> = ExportedHandlerFetchHandler<Env>;

/**
 * Puts the limiter in front of a Worker: `export default withRateLimit({ fetch(request, env, ctx) { … } })`. Takes a
 * handler or its fetch function. Every other handler (scheduled, queue, email, …) is passed through as it is.
 *
 * Denied requests are answered here; admitted ones get the fields that tell of quotas. Call it once for a Worker: each
 * call makes a limiter of its own, with its own count of what an isolate may admit without asking.
 *
 * Without its bindings, or with rules that cannot be read, requests pass un-limited, and what to add to wrangler.toml
 * is logged once in each isolate.
 */
export function withRateLimit<Env = unknown, Message = unknown>(
  handler: Handler<Env, Message> | Fetch<Env>,
  options: Options<Env> = {},
): Handler<Env, Message> & { fetch: Fetch<Env> } {
  const guard = new Guard(options);
  const { others, site } =
    typeof handler === "function"
      ? { others: {}, site: handler }
      : { others: bound(handler), site: handler.fetch?.bind(handler) };
  return {
    ...others,
    async fetch(request, env, ctx) {
      const verdict = await guard.enter(request, env, ctx);
      if (verdict.kind === "answered") return verdict.response;
      if (site === undefined) throw new Error("onecount: the handler has no fetch function");
      // A copy has the same properties, and is the same to a handler.
      return verdict.tell(await site(verdict.request as typeof request, env, ctx));
    },
  };
}

/** A handler's own functions and those of its class, which keep their `this`. */
function bound(handler: object): object {
  const functions: Record<string, unknown> = {};
  for (
    let level = handler;
    level !== Object.prototype && level !== null;
    level = Object.getPrototypeOf(level)
  )
    for (const name of Object.getOwnPropertyNames(level)) {
      if (name === "constructor" || name in functions) continue;
      const value: unknown = Reflect.get(handler, name);
      functions[name] = typeof value === "function" ? value.bind(handler) : value;
    }
  return functions;
}
