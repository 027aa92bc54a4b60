/**
 * The deployable Worker: a limiter in front of an origin.
 *
 *   request ─▶ limiter.decide ─▶ admitted ─▶ origin, with RateLimit headers
 *                             └▶ denied ───▶ 429 (or 503 when the owner is out of reach and the rule says so)
 *
 * The decision itself is `shared/pop/decide.ts`; an owner's answer to it is `shared/owner/account.ts`.
 */
import { epochMs } from "../shared/time.ts";
import { configuredFor } from "./config.ts";
import { type Env, isOn } from "./env.ts";
import { placeOf } from "./limiter.ts";
import { isLoop, toOrigin } from "./origin.ts";
import { admitted, denial, type Teller } from "./respond.ts";

export { KeyOwner } from "../coordinator/key-owner.ts";
export { RegionHub } from "../coordinator/region-hub.ts";

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const place = placeOf(request);
    const config = await configuredFor(env, place.colo);
    if (isLoop(request, config)) {
      return new Response("this request came back to the Worker that sent it\n", { status: 508 });
    }
    if (!config.ok && isOn(env.FAIL_CLOSED_ON_BAD_CONFIG, false)) {
      return new Response("the rate limiter is not configured\n", {
        status: 503,
        headers: { "Retry-After": "60" },
      });
    }
    const url = new URL(request.url);
    const teller = (): Teller => ({
      pop: place.colo,
      debug: isOn(env.DEBUG_HEADERS, false),
      now: epochMs(Date.now()),
    });
    if (config.ok) config.limiter.listen(place, ctx);
    const decision = config.ok ? await config.limiter.decide(request, url.pathname, 1, ctx) : undefined;
    if (decision?.admitted === false) return denial(decision, teller());
    return admitted(await toOrigin(request, url, env, place.colo, config), decision, teller());
  },
} satisfies ExportedHandler<Env>;
