/** The deployable Worker: a limiter in front of an origin, and the two Durable Object classes it needs. */
import { type Configured, deployed } from "./config.ts";
import type { Env } from "./env.ts";
import { handle } from "./handle.ts";

export { KeyOwner } from "../coordinator/key-owner.ts";
export { RegionHub } from "../coordinator/region-hub.ts";
export { RateLimiter } from "./rate-limiter.ts";

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response> {
    const config = deployed.for(env);
    return config instanceof Promise
      ? handleFirst(request, env, ctx, config)
      : handle(request, env, ctx, config);
  },
} satisfies ExportedHandler<Env>;

/** An isolate's first request waits until the rules are read. */
async function handleFirst(
  request: Request,
  env: Env,
  ctx: ExecutionContext,
  config: Promise<Configured>,
): Promise<Response> {
  return handle(request, env, ctx, await config);
}
