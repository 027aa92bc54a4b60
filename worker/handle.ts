/**
 * What happens to a request: decided, then denied here or handed to the origin.
 *
 *   request ─▶ limiter.decide ─▶ admitted ─▶ origin, with RateLimit headers
 *                             └▶ denied ───▶ 429 (or 503 when the owner is out of reach and the rule says so)
 *
 * The decision itself is `shared/pop/decide.ts`; an owner's answer to it is `shared/owner/account.ts`.
 */
import { epochMs } from "../shared/time.ts";
import type { Configured } from "./config.ts";
import type { Background } from "./courier.ts";
import { type Env, isOn } from "./env.ts";
import { placeOf } from "./limiter.ts";
import { isLoop, toOrigin } from "./origin.ts";
import { admitted, denial, type Teller } from "./respond.ts";

export async function handle(
  request: Request,
  env: Env,
  background: Background,
  config: Configured,
): Promise<Response> {
  if (isLoop(request, config)) {
    return new Response("this request came back to the Worker that sent it\n", { status: 508 });
  }
  const url = new URL(request.url);
  const place = placeOf(request);
  const teller = (): Teller => ({
    pop: place.colo,
    debug: isOn(env.DEBUG_HEADERS, false),
    now: epochMs(Date.now()),
  });
  if (!config.ok) {
    if (isOn(env.FAIL_CLOSED_ON_BAD_CONFIG, false)) return notConfigured();
    return admitted(await toOrigin(request, url, env, place.colo, config), undefined, teller());
  }
  config.limiter.listen(place, background);
  const decision = await config.limiter.decide(request, url.pathname, 1, background);
  if (decision?.admitted === false) return denial(decision, teller());
  return admitted(await toOrigin(request, url, env, place.colo, config), decision, teller());
}

const notConfigured = (): Response =>
  new Response("the rate limiter is not configured\n", { status: 503, headers: { "Retry-After": "60" } });
