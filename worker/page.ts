/**
 * The live page: static files, which hold nothing that is secret. What they show comes over the API and needs the
 * token. They are served below the API's prefix, so they take no path from the site.
 */
import { apiPrefix } from "./api.ts";
import type { Env } from "./env.ts";
import { PAGE_HEADERS } from "./page-headers.ts";

/**
 * The page's answer to a request of the API's, if the request is for the page and there is one: with ADMIN_TOKEN set
 * and the files bound. (Without a prefix no such request is the API's, and there is no page.)
 */
export async function page(request: Request, pathname: string, env: Env): Promise<Response | undefined> {
  const prefix = apiPrefix(env);
  if (env.ASSETS === undefined || !env.ADMIN_TOKEN?.trim()) return undefined;
  const below = pathname.slice(prefix.length);
  const file = /^\/live(?:\/([\w.-]*))?$/.exec(below);
  if (file === null) return undefined;
  if (request.method !== "GET" && request.method !== "HEAD") return undefined;
  const url = new URL(request.url);
  // The page names its files relative to itself.
  if (file[1] === undefined) return Response.redirect(new URL(`${prefix}/live/`, url).href, 308);
  url.pathname = `/${file[1]}`;
  url.search = "";
  const found = await assetOf(request, url.href, env.ASSETS);
  if (found === undefined) return undefined;
  const response = new Response(found.body, found);
  for (const [name, value] of Object.entries(PAGE_HEADERS)) response.headers.set(name, value);
  return response;
}

async function assetOf(
  { method, headers }: Request,
  url: string,
  assets: Fetcher,
): Promise<Response | undefined> {
  const known = headers.get("If-None-Match");
  try {
    const found = await assets.fetch(url, { method, ...(known && { headers: { "If-None-Match": known } }) });
    if (found.status === 200 || found.status === 304) return found;
    await found.body?.cancel();
  } catch (error) {
    console.error(JSON.stringify({ event: "page-fault", error: String(error) }));
  }
  return undefined;
}
