/** The client and the API that it was made for: each reads what the other writes. */
import { describe, expect, it } from "vitest";
import { RateLimiterClient } from "../../client/index.ts";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

const request = { rule: "test", key: "ip=203.0.113.9" };

async function clientOf(token = "secret") {
  const worker = await freshWorker({
    RULES: [ruleOf({ limit: 2, threshold: 1 })],
    ADMIN_TOKEN: "secret",
  });
  const fetch = (url: string, init: object) => worker.fetch(new URL(url).pathname, init);
  const url = "http://localhost/_onecount";
  return { worker, client: new RateLimiterClient({ url, token, timeoutMs: 10_000, fetch }) };
}

describe("the client and the API", () => {
  it("admit up to the limit and deny what is over it, for a client that also sends requests itself", async () => {
    const { client, worker } = await clientOf();
    expect(await client.limit(request)).toEqual({
      kind: "admitted",
      rule: "test",
      how: "owner",
      limit: 2,
      remaining: 1,
      resetAtMs: expect.any(Number),
    });
    expect((await worker.fetch("/", { ip: "203.0.113.9" })).status).toBe(200);
    expect(await client.limit(request)).toMatchObject({
      kind: "denied",
      remaining: 0,
      retryAfterSeconds: expect.any(Number),
    });
  });

  it("decide a batch one by one", async () => {
    const { client } = await clientOf();
    const outcomes = await client.limitBatch([request, { rule: "none", key: "a" }, { ...request, cost: 0 }]);
    expect(outcomes.map((outcome) => (outcome.kind === "failed" ? outcome.reason : outcome.kind))).toEqual([
      "admitted",
      "bad-request",
      "bad-request",
    ]);
  });

  it("look without counting, block, unblock and begin anew", async () => {
    const { client } = await clientOf();
    const kinds: string[] = [];
    const look = async () => kinds.push((await client.peek(request)).kind);
    await look();
    expect(await client.block("test", request.key, 60)).toEqual({ kind: "done" });
    await look();
    expect(await client.unblock("test", request.key)).toEqual({ kind: "done" });
    await look();
    await client.limit({ ...request, cost: 2 });
    await look();
    expect(await client.reset("test", request.key)).toEqual({ kind: "done" });
    await look();
    expect(kinds).toEqual(["admitted", "denied", "admitted", "denied", "admitted"]);
  });

  it("tell a wrong token from a rule that is not there", async () => {
    const { client } = await clientOf("wrong");
    expect(await client.limit(request)).toMatchObject({ kind: "failed", reason: "unauthorized" });
    const { client: right } = await clientOf();
    expect(await right.limit({ rule: "none", key: "a" })).toMatchObject({ reason: "bad-request" });
    expect(await right.block("test", "a", 0)).toMatchObject({ reason: "bad-request" });
  });
});
