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
import { isAlone, isLoop, ownAnswer, toOrigin } from "./origin.ts";
import { popHere } from "./place.ts";
import { denial, type Teller, tell, told } from "./respond.ts";

/** A promise only where something is to be waited for: most requests are decided at once. */
export function handle(
  request: Request,
  env: Env,
  background: Background,
  config: Configured,
): Response | Promise<Response> {
  const where: HostAndPath = hostAndPath(request.url) ?? new URL(request.url);
  const alone = isAlone(where, env);
  // One that is alone sends nothing that could come back.
  if (!alone && isLoop(request, config)) {
    return new Response("this request came back to the Worker that sent it\n", { status: 508 });
  }
  if (!config.ok) {
    const status = statusWithoutRules(isOn(env.FAIL_CLOSED_ON_BAD_CONFIG, false));
    return status === undefined
      ? answer(undefined, request, env, config, alone ? where : undefined)
      : notConfigured(status);
  }
  const decision = decide(config.limiter, request, where.pathname, background);
  if (decision instanceof Promise)
    return decision.then((decided) => answer(decided, request, env, config, alone ? where : undefined));
  return answer(decision, request, env, config, alone ? where : undefined);
}

/** @param alone where the request went, if there is no origin to hand it to */
function answer(
  decision: Decision | undefined,
  request: Request,
  env: Env,
  config: Configured,
  alone: HostAndPath | undefined,
): Response | Promise<Response> {
  if (decision?.admitted === false) return denial(decision, tellerOf(request, env));
  if (alone !== undefined) return ownAnswer(alone, popHere(request), told(decision, tellerOf(request, env)));
  return toOrigin(request, env, config).then((response) => tell(response, decision, tellerOf(request, env)));
}

const tellerOf = (request: Request, env: Env): Teller => ({
  debugPop: isOn(env.DEBUG_HEADERS, false) ? popHere(request) : undefined,
  now: epochMs(Date.now()),
});

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
