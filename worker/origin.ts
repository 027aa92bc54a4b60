/** Where admitted requests go, and how one that comes back is known. */
import type { Configured } from "./config.ts";
import type { Env } from "./env.ts";

/** Carries a token that only this deployment can compute: a request that has it was sent by this Worker. */
const LOOP_HEADER = "x-onecount-loop";

export const isLoop = (request: Request, { loopToken }: Configured): boolean =>
  request.headers.get(LOOP_HEADER) === loopToken;

/** On these hosts the Worker is the whole site: fetching the request's own URL would call it again. */
const isOwnHost = (hostname: string): boolean =>
  hostname.endsWith(".workers.dev") || ["localhost", "127.0.0.1", "[::1]"].includes(hostname);

/** Hands the request on: to ORIGIN if bound, on a route to the request's own URL, else to a built-in answer. */
export function toOrigin(
  request: Request,
  url: URL,
  env: Env,
  pop: string,
  { loopToken }: Configured,
): Promise<Response> | Response {
  if (env.ORIGIN === undefined && isOwnHost(url.hostname)) return Response.json({ pop, path: url.pathname });
  const marked = new Request(request);
  marked.headers.set(LOOP_HEADER, loopToken);
  return env.ORIGIN === undefined ? fetch(marked) : env.ORIGIN.fetch(marked);
}
