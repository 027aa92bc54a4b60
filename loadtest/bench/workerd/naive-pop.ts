/** A POP of the Worker that calls an object for each request under `/limited`, and nothing for any other. */
import type { Pop } from "../../cluster/shapes.ts";
import type { NaiveLimiter } from "./naive-core.ts";

interface Env {
  readonly POP: Pop;
  readonly LIMITER: DurableObjectNamespace<NaiveLimiter>;
  readonly ORIGIN: Fetcher;
}

export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname === "/limited") {
      const client = request.headers.get("CF-Connecting-IP") ?? "";
      const admitted = await env.LIMITER.getByName(client).hitFrom(env.POP.name);
      if (!admitted) return new Response("too many requests\n", { status: 429 });
    }
    return env.ORIGIN.fetch(request);
  },
} satisfies ExportedHandler<Env>;
