/** Rules that tag: the origin is told of a request over the limit, by a header that is the limiter's alone. */
import { describe, expect, it } from "vitest";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

/** An origin that remembers what it got, and a Worker before it. */
async function tagging(rules: Record<string, unknown>[], vars: Record<string, unknown> = {}) {
  const got: Headers[] = [];
  const ORIGIN = {
    fetch: async (request: Request) => {
      got.push(new Headers(request.headers));
      return new Response("from the origin");
    },
  };
  return { worker: await freshWorker({ ...vars, RULES: rules, ORIGIN }), got };
}

const one = { limit: 1, threshold: 1 };

describe("action = tag", () => {
  it("lets a request over the limit through, and names the rule to the origin alone", async () => {
    const { worker, got } = await tagging([ruleOf({ ...one, action: { kind: "tag" } })]);
    const seen = [await worker.fetch("/"), await worker.fetch("/"), await worker.fetch("/")];
    expect(seen.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(got.map((headers) => headers.get("x-over-limit"))).toEqual([null, "test", "test"]);
    for (const { headers } of seen)
      expect([headers.has("x-over-limit"), headers.has("RateLimit")]).toEqual([false, false]);
  });

  it("takes a client's own header off, over the limit and under it, in any case", async () => {
    const { worker, got } = await tagging([ruleOf({ ...one, action: { kind: "tag", header: "X-Busy" } })]);
    for (const name of ["x-busy", "X-BUSY"]) await worker.fetch("/", { headers: { [name]: "forged" } });
    expect(got.map((headers) => headers.get("x-busy"))).toEqual([null, "test"]);
  });

  it("takes it off also where no rule covers the request", async () => {
    const { worker, got } = await tagging([
      ruleOf({ ...one, match: { path: "/login" }, action: { kind: "tag" } }),
    ]);
    await worker.fetch("/", { headers: { "x-over-limit": "forged" } });
    expect(got.map((headers) => headers.has("x-over-limit"))).toEqual([false]);
  });

  it("leaves what no rule writes as it is", async () => {
    const { worker, got } = await tagging([ruleOf({ ...one, action: { kind: "tag", header: "x-busy" } })]);
    await worker.fetch("/", { headers: { "x-over-limit": "mine" } });
    expect(got.map((headers) => headers.get("x-over-limit"))).toEqual(["mine"]);
  });

  it("names every rule that is over", async () => {
    const tag = { kind: "tag" };
    const { worker, got } = await tagging([
      ruleOf({ ...one, name: "a", action: tag }),
      ruleOf({ ...one, name: "b", limit: 2, action: tag }),
      ruleOf({ name: "wide", limit: 100 }),
    ]);
    for (let sent = 0; sent < 3; sent += 1) await worker.fetch("/");
    expect(got.map((headers) => headers.get("x-over-limit"))).toEqual([null, "a", "a, b"]);
  });

  it.each([
    ["mode = shadow", { mode: "shadow" }, {}],
    ["ENFORCE = false", {}, { ENFORCE: "false" }],
  ])("is nothing under %s", async (_, part, vars) => {
    const { worker, got } = await tagging([ruleOf({ ...one, ...part, action: { kind: "tag" } })], vars);
    for (let sent = 0; sent < 3; sent += 1)
      await worker.fetch("/", { headers: { "x-over-limit": "forged" } });
    expect(got.map((headers) => headers.has("x-over-limit"))).toEqual([false, false, false]);
  });
});
