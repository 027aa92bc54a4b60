/**
 * What happens to a request: decided, then denied here or handed to the origin.
 *
 *   request ─▶ limiter.decide ─▶ admitted ─▶ origin, with RateLimit headers
 *                             └▶ denied ───▶ 429 (or 503 when the owner is out of reach and the rule says so)
 *
 * The decision itself is `shared/pop/by-credit.ts` for nearly all requests, and `shared/pop/decide.ts` for those that
 * need more; an owner's answer to it is `shared/owner/account.ts`.
 */
import type { Decision } from "../shared/pop/decide.ts";
import { type DenialStatus, statusWithoutRules } from "../shared/status.ts";
import { epochMs } from "../shared/time.ts";
import { type HostAndPath, hostAndPath } from "../shared/url.ts";
import type { Configured } from "./config.ts";
import type { Background } from "./courier.ts";
import { type Env, isOn } from "./env.ts";
import type { Limiter } from "./limiter.ts";
import { isLoop, toOrigin } from "./origin.ts";
import { placeOf } from "./place.ts";
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
  const where: HostAndPath = hostAndPath(request.url) ?? new URL(request.url);
  const teller = (): Teller => ({
    debugPop: isOn(env.DEBUG_HEADERS, false) ? placeOf(request).colo : undefined,
    now: epochMs(Date.now()),
  });
  if (!config.ok) {
    const status = statusWithoutRules(isOn(env.FAIL_CLOSED_ON_BAD_CONFIG, false));
    if (status !== undefined) return notConfigured(status);
    return admitted(await toOrigin(request, where, env, config), undefined, teller());
  }
  const deciding = decide(config.limiter, request, where.pathname, background);
  // Most are decided at once, and to await those would cost a turn of the event loop.
  const decision = deciding instanceof Promise ? await deciding : deciding;
  if (decision?.admitted === false) return denial(decision, teller());
  return admitted(await toOrigin(request, where, env, config), decision, teller());
}

/** A fault of the limiter's own must not take the site down: it is logged, and the request passes un-limited. */
function decide(
  limiter: Limiter,
  request: Request,
  pathname: string,
  background: Background,
): Decision | undefined | Promise<Decision | undefined> {
  try {
    limiter.listen(request, background);
    const decision = limiter.decide(request, pathname, 1, background);
    return decision instanceof Promise ? decision.catch(passUnlimited) : decision;
  } catch (error) {
    return passUnlimited(error);
  }
}

function passUnlimited(error: unknown): undefined {
  console.error(JSON.stringify({ event: "limiter-fault", error: String(error) }));
}

const notConfigured = (status: DenialStatus): Response =>
  new Response("the rate limiter is not configured\n", { status, headers: { "Retry-After": "60" } });
