/**
 * What happens to a request: decided, then denied here or handed to the origin.
 *
 *   request ─▶ limiter.decide ─▶ admitted ─▶ origin, with RateLimit headers
 *                             └▶ denied ───▶ 429 (or 503 when the owner is out of reach and the rule says so)
 *
 * The decision itself is `shared/pop/decide.ts`; an owner's answer to it is `shared/owner/account.ts`.
 */
import type { Decision } from "../shared/pop/decide.ts";
import { type DenialStatus, statusWithoutRules } from "../shared/status.ts";
import { epochMs } from "../shared/time.ts";
import type { Configured } from "./config.ts";
import type { Background } from "./courier.ts";
import { type Env, isOn } from "./env.ts";
import { type Limiter, type Place, placeOf } from "./limiter.ts";
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
    const status = statusWithoutRules(isOn(env.FAIL_CLOSED_ON_BAD_CONFIG, false));
    if (status !== undefined) return notConfigured(status);
    return admitted(await toOrigin(request, url, env, place.colo, config), undefined, teller());
  }
  const decision = await decide(config.limiter, request, url.pathname, place, background);
  if (decision?.admitted === false) return denial(decision, teller());
  return admitted(await toOrigin(request, url, env, place.colo, config), decision, teller());
}

/** A fault of the limiter's own must not take the site down: it is logged, and the request passes un-limited. */
async function decide(
  limiter: Limiter,
  request: Request,
  pathname: string,
  place: Place,
  background: Background,
): Promise<Decision | undefined> {
  try {
    limiter.listen(place, background);
    return await limiter.decide(request, pathname, 1, background);
  } catch (error) {
    console.error(JSON.stringify({ event: "limiter-fault", error: String(error) }));
    return undefined;
  }
}

const notConfigured = (status: DenialStatus): Response =>
  new Response("the rate limiter is not configured\n", { status, headers: { "Retry-After": "60" } });
