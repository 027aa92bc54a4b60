/**
 * The gate that a request goes through, the same for the deployable Worker and for every middleware: it is decided, and
 * whatever comes next is told what it has to know.
 */
import type { Decision } from "../shared/pop/decide.ts";
import { statusWithoutRules } from "../shared/status.ts";
import { epochMs } from "../shared/time.ts";
import type { HostAndPath } from "../shared/url.ts";
import type { Configured } from "./config.ts";
import type { Background } from "./courier.ts";
import { type Env, isOn } from "./env.ts";
import type { Asked, Limiter } from "./limiter.ts";
import { writeLog } from "./log.ts";
import { popHere } from "./place.ts";
import { RequestTraits } from "./request-traits.ts";
import type { Teller } from "./respond.ts";

/** Decides a request; `undefined` when no rule covers it, or none can be read. A promise only where it has to wait. */
export function decide(
  request: Request,
  where: HostAndPath,
  config: Configured,
  background: Background,
  asked?: Asked,
): Decision | undefined | Promise<Decision | undefined> {
  if (!config.ok) return undefined;
  const { limiter } = config;
  try {
    // One look for both: on Cloudflare the clock stands still meanwhile, and a look is not free.
    const now = epochMs(Date.now());
    limiter.listen(request, now, background);
    const decision = limiter.decide(new RequestTraits(request, where), now, background, asked);
    return decision instanceof Promise ? decidedLater(decision, limiter) : decision;
  } catch (error) {
    return passUnlimited(limiter, error);
  }
}

async function decidedLater(decision: Promise<Decision>, limiter: Limiter): Promise<Decision | undefined> {
  try {
    return await decision;
  } catch (error) {
    return passUnlimited(limiter, error);
  }
}

/** A fault of the limiter's own must not take the site down: it is logged, and the request passes un-limited. */
function passUnlimited(limiter: Limiter, error: unknown): undefined {
  limiter.faulted();
  writeLog("error", () => ({ event: "limiter-fault", error: String(error) }));
}

/** The answer to every request where the rules cannot be read and the operator wants that refused. */
export function refusedUnconfigured(config: Configured, env: Env): Response | undefined {
  if (config.ok) return undefined;
  const status = statusWithoutRules(isOn(env.FAIL_CLOSED_ON_BAD_CONFIG, false));
  if (status === undefined) return undefined;
  return new Response("the rate limiter is not configured\n", { status, headers: { "Retry-After": "60" } });
}

export const tellerOf = (
  request: Request,
  env: Env,
  { headers }: Configured,
  decidedInMs: number | undefined,
): Teller => ({
  debugPop: isOn(env.DEBUG_HEADERS, false) ? popHere(request) : undefined,
  style: headers,
  decidedInMs,
  now: epochMs(Date.now()),
});

/** How long decisions take, where clients are told. On Cloudflare the clock moves with I/O alone: without, it is 0. */
export class Stopwatch {
  readonly #since: number | undefined;

  constructor(env: Env) {
    this.#since = isOn(env.SERVER_TIMING, false) ? Date.now() : undefined;
  }

  /** ms since then; `undefined` where nobody is told. */
  get elapsedMs(): number | undefined {
    return this.#since === undefined ? undefined : Math.max(0, Date.now() - this.#since);
  }
}

/**
 * The headers of the request for whatever comes next. Those that tell of a limit are this limiter's to write: one that a
 * client sends is taken off. `undefined` where no rule tags, for they stay as they are.
 */
export function taggedHeaders(
  request: Request,
  decision: Decision | undefined,
  config: Configured,
): Headers | undefined {
  const limiter: Limiter | undefined = config.ok ? config.limiter : undefined;
  if (limiter === undefined || limiter.tagHeaders.length === 0) return undefined;
  const headers = new Headers(request.headers);
  for (const header of limiter.tagHeaders) headers.delete(header);
  for (const { name, action } of decision?.tags ?? [])
    if (action.kind === "tag") headers.append(action.header, name);
  return headers;
}

/** The request for whatever comes next; the same request where no rule tags. */
export function tagged(request: Request, decision: Decision | undefined, config: Configured): Request {
  const headers = taggedHeaders(request, decision, config);
  return headers === undefined ? request : new Request(request, { headers });
}
