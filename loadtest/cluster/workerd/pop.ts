/**
 * One POP: the deployable Worker as it is, in its own isolate, told by its surroundings alone that it is
 * in a certain city.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import type { RegionHub } from "../../../coordinator/region-hub.ts";
import type { Backlog } from "../../../shared/pop/backlog.ts";
import type { AccuracyFigures } from "../../../shared/telemetry/live.ts";
import { epochMs } from "../../../shared/time.ts";
import { accuracyOf } from "../../../worker/accuracy.ts";
import { apiPrefix } from "../../../worker/api.ts";
import { deployed } from "../../../worker/config.ts";
import type { Env } from "../../../worker/env.ts";
import worker from "../../../worker/index.ts";
import type { Limiter } from "../../../worker/limiter.ts";
import { destinationOf } from "../../../worker/request-traits.ts";
import type { Pop, PopKey } from "../shapes.ts";
import { OVERLOADED, type PopEnv, REGION_HEADER } from "./env.ts";

/** This isolate's clock: the machine's, set off by a fault. */
const machineTime = Date.now;
let skewMs = 0;
Date.now = () => machineTime() + skewMs;

export default {
  fetch: (request, env, ctx) => worker.fetch(arrivedAt(env.POP, request), bindingsOf(env), ctx),
} satisfies ExportedHandler<PopEnv>;

/** Runs in the same isolate as the default export, so it sees that one's memory. */
export class Inspect extends WorkerEntrypoint<PopEnv> {
  async state(): Promise<{ readonly source: string; readonly keys: readonly PopKey[] }> {
    return (await limiterOf(this.env))?.inspect() ?? { source: "", keys: [] };
  }

  /** How many requests wait here for an owner, and Asks that are out. */
  async waiting(): Promise<Backlog> {
    return (await limiterOf(this.env))?.backlog() ?? { waiting: 0, out: 0 };
  }

  /** The figures of live accuracy. */
  async accuracy(): Promise<readonly AccuracyFigures[]> {
    return accuracyOf(bindingsOf(this.env), (await limiterOf(this.env))?.rules ?? []);
  }

  /** The HTTP API, as this POP answers it below its prefix. */
  override async fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const bindings = bindingsOf(this.env);
    const below = `http://${this.env.POP.name}${apiPrefix(bindings)}${pathname}${search}`;
    return worker.fetch(arrivedAt(this.env.POP, new Request(below, request)), bindings, this.ctx);
  }

  async skew(ms: number): Promise<void> {
    skewMs = ms;
  }

  /** What a request that no rule matches does for the POP: it keeps the watch on the hub open. */
  async heartbeat(): Promise<void> {
    const request = new Request("https://heartbeat/", { cf: cfOf(this.env.POP) });
    (await limiterOf(this.env))?.listen(request, epochMs(Date.now()), this.ctx);
  }
}

/** Undefined where the rules cannot be read, in a test of just that. */
async function limiterOf(env: PopEnv): Promise<Limiter | undefined> {
  const config = await deployed.for(bindingsOf(env));
  return config.ok ? config.limiter : undefined;
}

let bindings: Env | undefined;
/** The production bindings, with every call that leaves the POP carrying the POP's name. One object per isolate, as `env` is. */
function bindingsOf(env: PopEnv): Env {
  if (bindings !== undefined) return bindings;
  const owners = {
    getByName: (name: string) => {
      const stub = env.KEY_OWNER.getByName(name);
      return {
        ask: (frame: Uint8Array): Promise<Uint8Array> =>
          stub.askFrom(env.POP.name, frame).catch(asPlatformError),
        command: (frame: Uint8Array): Promise<Uint8Array> =>
          stub.commandFrom(env.POP.name, frame).catch(asPlatformError),
        observe: (report: Uint8Array): Promise<boolean> => stub.observeFrom(env.POP.name, report),
        accuracy: () => stub.accuracyFrom(env.POP.name),
      };
    },
  };
  const hubs = {
    getByName: (region: string) => ({
      fetch: (input: RequestInfo, init?: RequestInit): Promise<Response> => {
        const request = new Request(input, init);
        request.headers.set(REGION_HEADER, region);
        return env.HUB_LINK.fetch(request);
      },
      claims: (...asked: Parameters<RegionHub["claims"]>) => env.HUB_LINK.claims(region, ...asked),
      report: (frame: Uint8Array) => env.HUB_LINK.report(region, frame),
      sighted: (frame: Uint8Array) => env.HUB_LINK.sighted(region, frame),
      metrics: () => env.HUB_LINK.metrics(region),
      story: (...asked: Parameters<RegionHub["story"]>) => env.HUB_LINK.story(region, ...asked),
    }),
  };
  bindings = { ...env, KEY_OWNER: owners, REGION_HUB: hubs } as unknown as Env;
  return bindings;
}

/** Properties do not come through a call with its error: the platform's own say in one that an object is overloaded. */
function asPlatformError(error: unknown): never {
  if (error instanceof Error && error.message.includes(OVERLOADED))
    Object.assign(error, { overloaded: true });
  throw error;
}

/** The first of the numbers that are kept for private networks (RFC 6996). */
const PRIVATE_ASN = 4_200_000_000;

/** `request.cf` as a client in the POP's own city would have it, in a network of the city's own. */
const cfOf = ({ name, city }: Pop): Record<string, string | number> => ({
  colo: name,
  asn: PRIVATE_ASN + Number.parseInt(name, 36),
  continent: city.continent,
  country: city.country,
  latitude: String(city.latitude),
  longitude: String(city.longitude),
});

/** The request as Cloudflare's edge would hand it over. A client may say which address it has; else it is the peer's. */
function arrivedAt(pop: Pop, request: Request<unknown, CfProperties>): Request {
  // Such a request cannot be built anew; the Worker sees to it.
  if (destinationOf(request) === undefined) return request;
  const arrived = new Request(request, { cf: { ...request.cf, ...cfOf(pop) } as RequestInitCfProperties });
  if (!arrived.headers.has("cf-connecting-ip")) {
    const peer: unknown = (request.cf as { clientIp?: unknown } | undefined)?.clientIp;
    if (typeof peer === "string") arrived.headers.set("cf-connecting-ip", withoutPort(peer));
  }
  return arrived;
}

/** `127.0.0.1:51554` and `[::1]:51554` without brackets and port. */
const withoutPort = (peer: string): string => peer.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
