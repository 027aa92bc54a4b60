/** Where admitted requests go, and how one that comes back is known. */
import type { HostAndPath } from "../shared/url.ts";
import type { Configured } from "./config.ts";
import type { Env } from "./env.ts";
import { placeOf } from "./place.ts";

/** Carries a token that only this deployment can compute: a request that has it was sent by this Worker. */
const LOOP_HEADER = "x-onecount-loop";

export const isLoop = (request: Request, { loopToken }: Configured): boolean =>
  request.headers.get(LOOP_HEADER) === loopToken;

/** On these hosts the Worker is the whole site: fetching the request's own URL would call it again. */
const isOwnHost = (hostname: string): boolean =>
  hostname.endsWith(".workers.dev") || ["localhost", "127.0.0.1", "[::1]"].includes(hostname);

/** What an origin answered. */
export interface Answer {
  readonly response: Response;
  /** Whether its headers may be changed: only those of responses made here may. */
  readonly isOurs: boolean;
}

/** Hands the request on: to ORIGIN if bound, on a route to the request's own URL, else to a built-in answer. */
export async function toOrigin(
  request: Request,
  { hostname, pathname }: HostAndPath,
  env: Env,
  { loopToken }: Configured,
): Promise<Answer> {
  if (env.ORIGIN === undefined && isOwnHost(hostname)) {
    return { response: Response.json({ pop: placeOf(request).colo, path: pathname }), isOurs: true };
  }
  const marked = new Request(request);
  marked.headers.set(LOOP_HEADER, loopToken);
  const response = await (env.ORIGIN === undefined ? fetch(marked) : env.ORIGIN.fetch(marked));
  return { response, isOurs: false };
}
