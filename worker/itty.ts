import type { IRequest, RequestHandler, ResponseHandler } from "itty-router";
import { Guard, type Passed } from "./guard.ts";
import type { Options } from "./options.ts";

/**
 * The limiter for the routers of itty-router 5 that have stages: `AutoRouter({ ...rateLimit() })`, or `Router`. Beside
 * stages of your own: `before: [...limit.before, mine]`. Call the router with `(request, env, ctx)`, all three.
 *
 * Denied requests are answered in `before`, and no route sees them; admitted ones get the fields that tell of quotas in
 * `finally`. A rule whose action is `tag` sets what routes read in `request.headers`; a route that sends the request
 * elsewhere has to take them along: `new Request(request, { headers: request.headers })`.
 *
 * Call it once for a Worker: each call makes a limiter of its own. Without bindings see `withRateLimit`.
 */
export function rateLimit<Env = unknown>(
  options: Options<Env> = {},
): { before: RequestHandler[]; finally: ResponseHandler[] } {
  const guard = new Guard(options);
  /**
   * Where a request keeps what was decided until the answer is there. Stages are given the request or a proxy of it,
   * and not always the same one: a property is found through all of them, in a WeakMap they would be strangers.
   */
  const PASSED = Symbol("onecount");
  const before = async (
    request: IRequest,
    env: Env,
    ctx: ExecutionContext,
  ): Promise<Response | undefined> => {
    const verdict = await guard.enter(request as unknown as Request, env, ctx);
    if (verdict.kind === "answered") return verdict.response;
    Reflect.set(request, PASSED, verdict);
    const { headers } = verdict;
    // The router goes on with the request it has, whose own headers cannot be changed.
    if (headers !== undefined)
      Object.defineProperty(request, "headers", { value: headers, configurable: true });
    return undefined;
  };
  const last = (response: unknown, request: IRequest): Response | undefined => {
    const passed: Passed | undefined = Reflect.get(request, PASSED);
    return passed !== undefined && response instanceof Response ? passed.tell(response) : undefined;
  };
  return { before: [before], finally: [last] };
}
