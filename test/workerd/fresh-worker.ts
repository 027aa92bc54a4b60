/** The deployable Worker as a new isolate would have it, with variables and bindings of the test's choice. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { configure } from "../../worker/config.ts";
import type { Env } from "../../worker/env.ts";
import { handle } from "../../worker/handle.ts";

export interface FreshWorker {
  /** Sends one request and waits for its answer; background work goes on. */
  fetch(
    path: string,
    init?: RequestInit & { ip?: string | null; cf?: Partial<IncomingRequestCfProperties> },
  ): Promise<Response>;
  /** Waits for the background work of every request sent so far. */
  settle(): Promise<void>;
  readonly ownerCalls: () => number;
  readonly hubCalls: () => number;
}

/** @param overrides variables and bindings in place of wrangler.toml's; `undefined` takes one away */
export async function freshWorker(overrides: Partial<Record<keyof Env, unknown>> = {}): Promise<FreshWorker> {
  const calls = { owner: 0, hub: 0 };
  const counting = <T extends object>(namespace: T, kind: "owner" | "hub"): T =>
    new Proxy(namespace, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          calls[kind] += 1;
          return Reflect.apply(value, target, args);
        };
      },
    });
  const bindings = {
    ...env,
    DEBUG_HEADERS: "true",
    KEY_OWNER: counting(env.KEY_OWNER, "owner"),
    REGION_HUB: counting(env.REGION_HUB, "hub"),
    // Every test its own keys: objects outlive the isolate.
    KEY_SECRET: crypto.randomUUID(),
    ...overrides,
  } as unknown as Env;
  const config = await configure(bindings);
  const contexts: ExecutionContext[] = [];
  return {
    async fetch(path, { ip = "203.0.113.9", ...init } = {}) {
      const ctx = createExecutionContext();
      contexts.push(ctx);
      const headers = new Headers(init.headers);
      if (ip !== null) headers.set("CF-Connecting-IP", ip);
      const request = new Request(`http://localhost${path}`, { ...init, headers } as RequestInit);
      return handle(request, bindings, ctx, config);
    },
    async settle() {
      await Promise.all(contexts.splice(0).map((ctx) => waitOnExecutionContext(ctx)));
    },
    ownerCalls: () => calls.owner,
    hubCalls: () => calls.hub,
  };
}

/** A rule with a window so long that no test depends on where in it it starts. */
export const ruleOf = (part: Record<string, unknown> = {}): Record<string, unknown> => ({
  name: "test",
  limit: 5,
  window: "30d",
  threshold: 3,
  algorithm: "fixed-window",
  ...part,
});
