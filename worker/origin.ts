/** Where admitted requests go, and how one that comes back is known. */
import type { HostAndPath } from "../shared/url.ts";
import type { Configured } from "./config.ts";
import type { Env } from "./env.ts";

/** Carries a token that only this deployment can compute: a request that has it was sent by this Worker. */
const LOOP_HEADER = "x-onecount-loop";

export const isLoop = (request: Request, { loopToken }: Configured): boolean =>
  request.headers.get(LOOP_HEADER) === loopToken;

/**
 * Whether there is nowhere to hand a request to. On these hosts the Worker is the whole site: fetching the
 * request's own URL would call it again.
 */
export const isAlone = ({ hostname }: HostAndPath, env: Env): boolean =>
  env.ORIGIN === undefined &&
  (hostname.endsWith(".workers.dev") || ["localhost", "127.0.0.1", "[::1]"].includes(hostname));

/** The built-in answer, where the Worker is alone. */
export const ownAnswer = ({ pathname }: HostAndPath, pop: string, headers: HeadersInit): Response =>
  Response.json({ pop, path: pathname }, { headers });

/** Hands the request on: to ORIGIN if bound, else to the request's own URL. */
export function toOrigin(request: Request, env: Env, { loopToken }: Configured): Promise<Response> {
  const marked = new Request(request);
  marked.headers.set(LOOP_HEADER, loopToken);
  return env.ORIGIN === undefined ? fetch(marked) : env.ORIGIN.fetch(marked);
}
