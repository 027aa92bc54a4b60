/**
 * What every middleware is made of: a request goes in, and either an answer comes out or the request passes on, and the
 * answer to it is told of the quotas. One guard is one limiter in each isolate.
 *
 *   request ─▶ skip? ─▶ gate ─▶ Passed ─▶ the site's handler ─▶ tell
 *                           └─▶ Answered: 429 and the like, or what `onDenied` makes of it
 */
import type { Decision } from "../shared/pop/decide.ts";
import { Callbacks } from "./callbacks.ts";
import { Configuration, type Configured } from "./config.ts";
import type { Env } from "./env.ts";
import { decide, refusedUnconfigured, Stopwatch, tagged, taggedHeaders, tellerOf } from "./gate.ts";
import { writeLog } from "./log.ts";
import type { Options } from "./options.ts";
import { whereTo } from "./request-traits.ts";
import { denial, SERVER_TIMING, tell } from "./respond.ts";

export interface Answered {
  readonly kind: "answered";
  readonly response: Response;
}

/** A request that goes on to the site. */
export class Passed {
  readonly kind = "passed";
  readonly #request: Request;
  readonly #env: Env;
  readonly #config: Configured | undefined;
  readonly #decision: Decision | undefined;
  readonly #took: number | undefined;

  /**
   * @param config `undefined` where the limiter could not look at the request
   * @param took how long the decision took, where clients are told
   */
  constructor(request: Request, env: Env, config?: Configured, decision?: Decision, took?: number) {
    this.#took = took;
    this.#request = request;
    this.#env = env;
    this.#config = config;
    this.#decision = decision;
  }

  /** The request for the site: the one that came, or a copy that tells of limits it is over. */
  get request(): Request {
    return this.#config === undefined ? this.#request : tagged(this.#request, this.#decision, this.#config);
  }

  /** The headers of that request, where they are not those that came. */
  get headers(): Headers | undefined {
    return this.#config && taggedHeaders(this.#request, this.#decision, this.#config);
  }

  /** The site's answer, told of the quotas. */
  tell(response: Response): Response {
    if (this.#config === undefined) return response;
    return tell(response, this.#decision, tellerOf(this.#request, this.#env, this.#config, this.#took));
  }
}

export type Verdict = Answered | Passed;

export class Guard<SiteEnv> {
  readonly #configuration: Configuration;
  readonly #callbacks: Callbacks<SiteEnv>;
  #reported = false;

  constructor(options: Options<SiteEnv>) {
    this.#configuration = new Configuration(options);
    this.#callbacks = new Callbacks(options);
  }

  /** A promise only where something is to be waited for. Never rejects for a fault of the limiter's own. */
  enter(request: Request, siteEnv: SiteEnv, ctx: ExecutionContext | undefined): Verdict | Promise<Verdict> {
    // Which bindings there are is looked at when the limiter is configured.
    const env = (siteEnv ?? {}) as unknown as Env;
    // Without it work outlives its request's context, and whoever waits for it hangs.
    if (ctx === undefined) return this.#unlimited(request, env, "no context: pass (request, env, ctx) on");
    const config = this.#configuration.for(env);
    if (!(config instanceof Promise)) return this.#judge(request, env, ctx, config);
    return config.then(
      (read) => this.#judge(request, env, ctx, read),
      (error: unknown) => this.#unlimited(request, env, String(error)),
    );
  }

  #judge(request: Request, env: Env, ctx: ExecutionContext, config: Configured): Verdict | Promise<Verdict> {
    if (this.#callbacks.skips(request)) return new Passed(request, env, config);
    const refused = refusedUnconfigured(config, env);
    if (refused !== undefined) return { kind: "answered", response: refused };
    const asked = config.ok ? this.#callbacks.asked(request, config.limiter.rules) : undefined;
    // What has neither host nor path falls under no rule: to let it pass would be a way around all of them.
    const where = whereTo(request);
    if (where === undefined) return { kind: "answered", response: unreadable() };
    const watch = new Stopwatch(env);
    const decision = decide(request, where, config, ctx, asked);
    return decision instanceof Promise
      ? decision.then((decided) => this.#conclude(decided, watch.elapsedMs, request, env, ctx, config))
      : this.#conclude(decision, watch.elapsedMs, request, env, ctx, config);
  }

  #conclude(
    decision: Decision | undefined,
    took: number | undefined,
    request: Request,
    env: Env,
    ctx: ExecutionContext,
    config: Configured,
  ): Verdict | Promise<Verdict> {
    if (decision?.admitted !== false) return new Passed(request, env, config, decision, took);
    const teller = tellerOf(request, env, config, took);
    const response = denial(decision, teller);
    const { rule, how } = decision;
    const wait = response.headers.get("Retry-After");
    const denied = {
      rule: rule.name,
      status: response.status,
      retryAfterSeconds: wait === null ? undefined : Number(wait),
      how,
      response,
    };
    const answer = this.#callbacks.answer(denied, request, env as unknown as SiteEnv, ctx);
    if (answer === undefined) return { kind: "answered", response };
    return answer.then((own) => {
      if (own !== undefined) return { kind: "answered", response: completed(own, response) };
      // The one that `onDenied` was shown may have been read by it.
      return { kind: "answered", response: denial(decision, teller) };
    });
  }

  #unlimited(request: Request, env: Env, error: string): Passed {
    if (!this.#reported) writeLog("error", () => ({ event: "limiter-fault", error }));
    this.#reported = true;
    return new Passed(request, env);
  }
}

const unreadable = (): Response => new Response("the host or the path cannot be read\n", { status: 400 });

/** A site's own answer with the headers that it does not set itself. Its body is its own, and so is the type. */
function completed(own: Response, response: Response): Response {
  // A WebSocket cannot be built anew.
  if (own === response || (own.webSocket ?? null) !== null) return own;
  const copy = new Response(own.body, own);
  for (const [name, value] of response.headers) {
    if (name === SERVER_TIMING.toLowerCase()) copy.headers.append(name, value);
    else if (name !== "content-type" && !copy.headers.has(name)) copy.headers.set(name, value);
  }
  return copy;
}
