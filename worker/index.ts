/** The deployable Worker: a limiter in front of an origin, and the two Durable Object classes it needs. */
import { configuredFor } from "./config.ts";
import type { Env } from "./env.ts";
import { handle } from "./handle.ts";

export { KeyOwner } from "../coordinator/key-owner.ts";
export { RegionHub } from "../coordinator/region-hub.ts";

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    return handle(request, env, ctx, await configuredFor(env));
  },
} satisfies ExportedHandler<Env>;
