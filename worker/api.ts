/**
 * The HTTP API, under a prefix of its own on every host that the Worker serves. Without the token, or where none is
 * set, each of its paths answers like one that does not exist.
 */
import { type IRequest, Router } from "itty-router";
import { UNAVAILABLE_RETRY } from "../shared/limits.ts";
import { quote } from "../shared/quote.ts";
import { type Region, regionOf } from "../shared/region.ts";
import { NOTHING } from "../shared/status.ts";
import { epochMs } from "../shared/time.ts";
import type { HostAndPath } from "../shared/url.ts";
import { accuracyOf } from "./accuracy.ts";
import { tokenOf } from "./admin-token.ts";
import type { Account, LimitDecision } from "./answers.ts";
import { audited, type Change, told } from "./audit.ts";
import type { Configured } from "./config.ts";
import type { Background } from "./courier.ts";
import type { Env } from "./env.ts";
import { BadRequest, readLimitRequests, Unavailable } from "./limit-request.ts";
import { type Chosen, live } from "./live.ts";
import { metrics } from "./metrics.ts";
import { placeOf, popHere } from "./place.ts";
import { Service } from "./service.ts";

/** Where the API is unless API_PREFIX says otherwise. */
export const API_PREFIX_DEFAULT = "/_onecount";
/** Bytes of a body that is read: a batch of requests with long keys. */
const BODY_BYTES_MAX = 256 * 1024;

/** What a call of the API has at hand. */
interface Call {
  readonly service: Service;
  /** The token's name. */
  readonly by: string;
  readonly pop: string;
  readonly region: Region;
  readonly env: Env;
  readonly background: Background;
}
type Handler = (request: IRequest, call: Call) => unknown;

let prefixed: { readonly env: Env; readonly prefix: string } | undefined;

/** The prefix of the API's paths: begins with a slash, ends without one. Looked at for every request, so it is kept. */
export function apiPrefix(env: Env): string {
  if (prefixed?.env === env) return prefixed.prefix;
  const written = (env.API_PREFIX ?? API_PREFIX_DEFAULT).trim().replace(/^\/+/, "");
  // As paths of requests are written: an é is escaped there.
  const trimmed = new URL(`https://api/${written}`).pathname.replace(/^\/+|\/+$/g, "");
  prefixed = { env, prefix: trimmed === "" ? "" : `/${trimmed}` };
  return prefixed.prefix;
}

/** Whether a path is the API's. Nothing below its prefix goes to the origin. */
export function isApi({ pathname }: HostAndPath, env: Env): boolean {
  const prefix = apiPrefix(env);
  if (prefix === "") return pathname.startsWith("/v1/") || ["/healthz", "/metrics"].includes(pathname);
  return (
    pathname.startsWith(prefix) && (pathname.length === prefix.length || pathname[prefix.length] === "/")
  );
}

/** Answers a call, whatever it is; never throws. */
export async function api(
  request: Request,
  { pathname }: HostAndPath,
  env: Env,
  config: Configured,
  background: Background,
): Promise<Response> {
  const by = await tokenOf(request, env.ADMIN_TOKEN);
  if (by === undefined) return notFound();
  if (!config.ok) return problem(503, config.problems.join("; "));
  // A caller that counts by name alone has to hear of blocks, too.
  config.limiter.listen(request, epochMs(Date.now()), background);
  const { continent, longitude } = placeOf(request);
  const region = regionOf(continent, longitude);
  const service = new Service(config.limiter, env, background, region);
  const path = pathname.slice(apiPrefix(env).length);
  try {
    const answer: unknown = await router.fetch(routed(request, path), {
      service,
      by,
      pop: popHere(request),
      region,
      env,
      background,
    } satisfies Call);
    if (answer === undefined) return noSuchPath(request.method, path);
    return noStore(answer instanceof Response ? answer : Response.json(answer));
  } catch (error) {
    return failure(error);
  }
}

/** What the router and the handlers look at, below the prefix. The router writes into it. */
const routed = ({ method, url, body }: Request, path: string): IRequest =>
  ({ method, url: `https://api${path}${new URL(url).search}`, body }) as unknown as IRequest;

const router = Router<IRequest, [Call], unknown>();
/** What there is, for who has the token and looks for something else. */
const known: string[] = [];
const on = (method: "get" | "post" | "put" | "delete", path: string, handler: Handler): void => {
  router[method](path, handler);
  known.push(`${method.toUpperCase()} ${path.replace("+", "")}`);
};

on("get", "/healthz", (_, { service, pop }) => ({ ok: true, pop, rules: service.rules().length }));
on("get", "/metrics", async (_, { env, service }) => metrics(env, await accuracyOf(env, service.rules())));
on("get", "/v1/live", ({ query }, call) => live(call, chosen(query)));
on("get", "/v1/rules", (_, { service }) => ({ rules: service.rules() }));
on("get", "/v1/claims", async ({ query: { rule } }, { service }) => {
  if (Array.isArray(rule))
    throw new BadRequest(`the query, "rule": found ${quote(rule)}; allowed is the name of a rule, or none`);
  return { claims: await service.claims(rule) };
});
on("post", "/v1/limit", async (request, { service }) =>
  each(readLimitRequests(await json(request)), (one) => service.limit(one)),
);
on("post", "/v1/peek", async (request, { service }) =>
  each(readLimitRequests(await json(request)), (one) => service.peek(one)),
);
on("get", "/v1/keys/:rule/:key+", async (request, { service }) => {
  const { rule, key, byHash } = names(request);
  return { rule, accounts: await service.inspect(rule, key, byHash) };
});
on("delete", "/v1/keys/:rule/:key+", (request, call) =>
  change(request, call, { what: "reset" }, ({ rule, key, byHash }) => call.service.reset(rule, key, byHash)),
);
on("put", "/v1/blocks/:rule/:key+", async (request, call) => {
  const block = await json(request);
  return change(request, call, { what: "block", ...told(block) }, ({ rule, key, byHash }) =>
    call.service.block(rule, key, block, byHash),
  );
});
on("delete", "/v1/blocks/:rule/:key+", (request, call) =>
  change(request, call, { what: "unblock" }, ({ rule, key, byHash }) =>
    call.service.unblock(rule, key, byHash),
  ),
);
on("put", "/v1/overrides/:rule/:key+", async (request, call) => {
  const override = (await json(request)) ?? undefined;
  return change(request, call, { what: "override", ...told(override) }, ({ rule, key, byHash }) =>
    call.service.override(rule, key, override, byHash),
  );
});
on("delete", "/v1/overrides/:rule/:key+", (request, call) =>
  change(request, call, { what: "override", limit: null }, ({ rule, key, byHash }) =>
    call.service.override(rule, key, null, byHash),
  ),
);

interface Names {
  readonly rule: string;
  readonly key: string;
  /** Whether the key is named by the hash that it is shown by. */
  readonly byHash: boolean;
}

/** Rule and key in a path. A key may have slashes in it, escaped or not. */
function names({ params, query }: IRequest): Names {
  const decoded = (text: string | undefined): string => {
    try {
      return decodeURIComponent(text ?? "");
    } catch {
      throw new BadRequest(
        "the path: found an escape that is no UTF-8; allowed is a key as encodeURIComponent writes it",
      );
    }
  };
  return { rule: decoded(params.rule), key: decoded(params.key), byHash: isByHash(query) };
}

type Query = IRequest["query"];

function isByHash({ by }: Query): boolean {
  if (by === undefined || by === "hash") return by === "hash";
  throw new BadRequest(`the query, "by": found ${quote(by)}; allowed is "hash", or none`);
}

/** The client that a live page looks at, if it says one. */
function chosen(query: Query): Chosen | undefined {
  const { rule, key } = query;
  if (rule === undefined && key === undefined) return undefined;
  if (typeof rule === "string" && typeof key === "string") return { rule, key, byHash: isByHash(query) };
  throw new BadRequest(
    'the query: found "rule" or "key", alone or twice; allowed is one of each, or neither',
  );
}

/** Changes what is known of a key, and says so in the log. */
async function change(
  request: IRequest,
  { service, by }: Call,
  what: Omit<Change, "by" | "rule" | "key">,
  act: (names: Names) => Promise<readonly Account[]>,
): Promise<unknown> {
  const { rule, key, byHash } = names(request);
  const accounts = await audited(
    () => ({ by, ...what, rule, key: service.hashOf(rule, key, byHash) }),
    () => act({ rule, key, byHash }),
  );
  return { rule, accounts };
}

/** One answer for one request, and a list for a batch, in which what could not be done stands in its place. */
async function each(
  requests: ReturnType<typeof readLimitRequests>,
  act: (request: unknown) => Promise<LimitDecision>,
): Promise<unknown> {
  if (!Array.isArray(requests)) return { decision: await act(requests) };
  const decisions = requests.map((request) =>
    act(request).catch((error: unknown) => {
      if (error instanceof BadRequest || error instanceof Unavailable)
        return { error: { code: error.code, message: error.message } };
      throw error;
    }),
  );
  return { decisions: await Promise.all(decisions) };
}

async function json(request: IRequest): Promise<unknown> {
  try {
    return JSON.parse(await textOf(request.body as ReadableStream<Uint8Array> | null));
  } catch (error) {
    if (error instanceof BadRequest) throw error;
    throw new BadRequest("the body: found what is no JSON; allowed is JSON in UTF-8");
  }
}

/** A body as text, read no further than it may be long. */
async function textOf(body: ReadableStream<Uint8Array> | null): Promise<string> {
  // Read with marks in the place of what is no UTF-8, two keys could become one.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let text = "";
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES_MAX)
      throw new BadRequest(
        `the body: found more than ${BODY_BYTES_MAX} bytes, which is the most that is read`,
      );
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function failure(error: unknown): Response {
  if (error instanceof BadRequest) return problem(error.code === "unknown-rule" ? 404 : 400, error.message);
  if (!(error instanceof Unavailable))
    console.error(JSON.stringify({ event: "api-fault", error: String(error) }));
  const detail = error instanceof Unavailable ? error.message : "this could not be done; the log says why";
  const response = problem(503, detail);
  response.headers.set("Retry-After", String(Math.ceil(UNAVAILABLE_RETRY / 1_000)));
  return response;
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  404: "Not Found",
  503: "Service Unavailable",
};

const problem = (status: number, detail: string): Response =>
  noStore(
    Response.json(
      { type: "about:blank", title: TITLES[status], status, detail },
      { status, headers: { "Content-Type": "application/problem+json" } },
    ),
  );

/** The same for every path, to whoever has no token. */
const notFound = (): Response => problem(404, NOTHING);

const noSuchPath = (method: string, path: string): Response =>
  problem(404, `found ${method} ${quote(path)}; there is ${known.join(", ")}`);

function noStore(response: Response): Response {
  response.headers.set("Cache-Control", "no-store");
  return response;
}
