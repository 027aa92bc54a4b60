/**
 * What happens to a request of the deployable Worker: decided, then denied here or handed to the origin.
 *
 *   request ─▶ gate ─▶ admitted ─▶ origin, with RateLimit headers
 *                  └─▶ denied ───▶ 429 (or 503 when the owner is out of reach and the rule says so)
 *
 * The decision itself is `shared/pop/by-credit.ts` for nearly all requests (under attack `by-block.ts`), and
 * `shared/pop/decide.ts` for those that need more; an owner's answer to it is `shared/owner/account.ts`.
 */
import type { Decision } from "../shared/pop/decide.ts";
import type { HostAndPath } from "../shared/url.ts";
import { api, isApi } from "./api.ts";
import type { Configured } from "./config.ts";
import type { Background } from "./courier.ts";
import type { Env } from "./env.ts";
import { decide, refusedUnconfigured, Stopwatch, tagged, tellerOf } from "./gate.ts";
import { isAlone, isLoop, ownAnswer, toOrigin } from "./origin.ts";
import { page } from "./page.ts";
import { popHere } from "./place.ts";
import { destinationOf } from "./request-traits.ts";
import { denial, tell, told } from "./respond.ts";

/** A promise only where something is to be waited for: most requests are decided at once. */
export function handle(
  request: Request,
  env: Env,
  background: Background,
  config: Configured,
): Response | Promise<Response> {
  const where = destinationOf(request);
  if (where === undefined) return new Response("the host or the path cannot be read\n", { status: 400 });
  if (isApi(where, env)) return pageOrApi(request, where, env, config, background);
  const alone = isAlone(where, env) ? where : undefined;
  // One that is alone sends nothing that could come back.
  if (alone === undefined && isLoop(request, config)) {
    return new Response("this request came back to the Worker that sent it\n", { status: 508 });
  }
  const refused = refusedUnconfigured(config, env);
  if (refused !== undefined) return refused;
  const watch = new Stopwatch(env);
  const decision = decide(request, where, config, background);
  return decision instanceof Promise
    ? answerLater(decision, watch, request, env, config, alone)
    : answer(decision, watch.elapsedMs, request, env, config, alone);
}

// These are functions of their own, for a closure in a function costs each of its calls the scope that it closes over.

async function pageOrApi(
  request: Request,
  where: HostAndPath,
  env: Env,
  config: Configured,
  background: Background,
): Promise<Response> {
  return (await page(request, where.pathname, env)) ?? api(request, where, env, config, background);
}

async function answerLater(
  decision: Promise<Decision | undefined>,
  watch: Stopwatch,
  request: Request,
  env: Env,
  config: Configured,
  alone: HostAndPath | undefined,
): Promise<Response> {
  return answer(await decision, watch.elapsedMs, request, env, config, alone);
}

/**
 * @param took how long the decision took, where clients are told
 * @param alone where the request went, if there is no origin to hand it to
 */
function answer(
  decision: Decision | undefined,
  took: number | undefined,
  request: Request,
  env: Env,
  config: Configured,
  alone: HostAndPath | undefined,
): Response | Promise<Response> {
  if (decision?.admitted === false) return denial(decision, tellerOf(request, env, config, took));
  if (alone !== undefined)
    return ownAnswer(alone, popHere(request), told(decision, tellerOf(request, env, config, took)));
  return answerOfOrigin(decision, took, request, env, config);
}

async function answerOfOrigin(
  decision: Decision | undefined,
  took: number | undefined,
  request: Request,
  env: Env,
  config: Configured,
): Promise<Response> {
  const response = await toOrigin(tagged(request, decision, config), env, config);
  return tell(response, decision, tellerOf(request, env, config, took));
}
