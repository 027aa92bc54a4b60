/** The client of the HTTP API, against a server that does whatever servers do. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { admittedOr, type Outcome, RateLimiterClient } from "../../client/index.ts";
import { NOTHING } from "../../shared/status.ts";

type Answer = (response: ServerResponse, request: IncomingMessage, body: string) => void;

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A client of a server that answers so, and the requests that came to it. */
async function clientOf(answer: Answer, options: { timeoutMs?: number; path?: string } = {}) {
  const requests: { line: string; authorization: string | undefined; body: unknown }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { authorization } = request.headers;
    requests.push({
      line: `${request.method} ${request.url}`,
      authorization,
      body: body === "" ? undefined : JSON.parse(body),
    });
    answer(response, request, body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${options.path ?? "/_onecount"}`;
  const client = new RateLimiterClient({ url, token: "secret", timeoutMs: options.timeoutMs ?? 5_000 });
  return { client, requests };
}

const json =
  (value: unknown, status = 200): Answer =>
  (response) =>
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));

const DECISION = { admitted: true, how: "owner", rule: "login", limit: 20, remaining: 3, resetAt: 1_000 };
const ADMITTED = {
  kind: "admitted",
  how: "owner",
  rule: "login",
  limit: 20,
  remaining: 3,
  resetAtMs: 1_000,
};
const request = { rule: "login", key: "ip=203.0.113.9" };

describe("a decision", () => {
  it("is admitted", async () => {
    const { client, requests } = await clientOf(json({ decision: DECISION }));
    expect(await client.limit({ ...request, cost: 2 })).toEqual(ADMITTED);
    expect(requests).toEqual([
      { line: "POST /_onecount/v1/limit", authorization: "Bearer secret", body: { ...request, cost: 2 } },
    ]);
  });

  it("is denied, with the time to wait", async () => {
    const denied = {
      ...DECISION,
      admitted: false,
      resetAt: "1970-01-01T00:00:01.000Z",
      retryAfterSeconds: 7,
    };
    const { client, requests } = await clientOf(json({ decision: denied }));
    expect(await client.peek(request)).toEqual({ ...ADMITTED, kind: "denied", retryAfterSeconds: 7 });
    expect(requests[0]?.line).toBe("POST /_onecount/v1/peek");
  });

  it("need not say what is left", async () => {
    const { remaining: _, resetAt: __, ...shadow } = DECISION;
    const { client } = await clientOf(json({ decision: shadow }));
    expect(await client.limit(request)).toEqual({ ...ADMITTED, remaining: undefined, resetAtMs: undefined });
  });

  it("comes for each of a batch, in order, also where one could not be decided", async () => {
    const unknown = { error: { code: "unknown-rule", message: "no such rule" } };
    const unavailable = { error: { code: "unavailable", message: "out of reach" } };
    const { client, requests } = await clientOf(json({ decisions: [DECISION, unknown, unavailable] }));
    expect(await client.limitBatch([request, request, request])).toEqual([
      ADMITTED,
      { kind: "failed", reason: "bad-request", message: "no such rule" },
      { kind: "failed", reason: "server", message: "out of reach" },
    ]);
    expect(requests[0]?.body).toEqual({ requests: Array(3).fill({ ...request, cost: 1 }) });
    expect(await client.limitBatch([])).toEqual([]);
  });

  it("is never guessed from a batch that has too few", async () => {
    const { client } = await clientOf(json({ decisions: [DECISION] }));
    const outcomes = await client.limitBatch([request, request]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["failed", "failed"]);
  });
});

describe("a command", () => {
  it("names the rule and the key in the path", async () => {
    const { client, requests } = await clientOf(json({ rule: "login", accounts: [] }), { path: "/a/" });
    expect(await client.reset("login", "a/b?c d")).toEqual({ kind: "done" });
    expect(await client.block("login", "é", 60)).toEqual({ kind: "done" });
    expect(await client.unblock("login", "x")).toEqual({ kind: "done" });
    expect(requests.map(({ line, body }) => [line, body])).toEqual([
      ["DELETE /a/v1/keys/login/a%2Fb%3Fc%20d", undefined],
      ["PUT /a/v1/blocks/login/%C3%A9", { seconds: 60 }],
      ["DELETE /a/v1/blocks/login/x", undefined],
    ]);
  });

  it.each(["", ".", "..", "\ud800"])("is not sent for a key that no path can name: %j", async (key) => {
    const { client, requests } = await clientOf(json({}));
    expect(await client.reset("login", key)).toMatchObject({ kind: "failed", reason: "bad-request" });
    expect(requests).toEqual([]);
  });
});

describe("a failure is a value, and says why", () => {
  const problem = (status: number, detail: string) => json({ title: "t", status, detail }, status);
  const rows: [what: string, answer: Answer, reason: string, message: RegExp][] = [
    ["an error of the server", problem(500, "broken"), "server", /^status 500: broken$/],
    ["an owner out of reach", problem(503, "out of reach"), "server", /^status 503: out of reach$/],
    ["a wrong token", problem(404, NOTHING), "unauthorized", /token is wrong/],
    ["a token refused", (response) => response.writeHead(401).end(), "unauthorized", /^status 401$/],
    ["an unknown rule", problem(404, "there is no such rule"), "bad-request", /no such rule/],
    ["a wrong request", problem(400, "cost: found 0"), "bad-request", /cost: found 0/],
    ["a busy proxy", problem(429, "later"), "server", /^status 429/],
    ["a page", (response) => response.end("<html>"), "server", /^not JSON: <html>$/],
    ["half of a JSON text", (response) => response.end('{"decision":{"adm'), "server", /^not JSON/],
    ["nothing", (response) => response.end(), "server", /no decision/],
    ["a decision without a word on it", json({ decision: { rule: "login" } }), "server", /incomplete/],
    [
      "a text where a yes or no should be",
      json({ decision: { ...DECISION, admitted: "no" } }),
      "server",
      /./,
    ],
    ["a list", json([DECISION]), "server", /no decision/],
    [
      "a redirect",
      (response) => response.writeHead(302, { Location: "http://127.0.0.1:1/" }).end(),
      "server",
      /^status 302/,
    ],
    ["a connection that is cut", (response) => response.socket?.resetAndDestroy(), "unreachable", /./],
    [
      "an answer that is cut",
      (response) => {
        response.writeHead(200, { "Content-Length": "100" }).write("{");
        setImmediate(() => response.socket?.resetAndDestroy());
      },
      "unreachable",
      /./,
    ],
  ];

  it.each(rows)("%s", async (_what, answer, reason, message) => {
    const { client } = await clientOf(answer);
    const outcome = await client.limit(request);
    expect(outcome).toEqual({ kind: "failed", reason, message: expect.stringMatching(message) });
    expect([admittedOr(outcome, "open"), admittedOr(outcome, "closed")]).toEqual([true, false]);
  });

  it("nobody listens", async () => {
    const client = new RateLimiterClient({ url: "http://127.0.0.1:1", token: "t" });
    expect(await client.limit(request)).toMatchObject({ kind: "failed", reason: "unreachable" });
  });

  it("no answer in time", async () => {
    const { client } = await clientOf(() => undefined, { timeoutMs: 30 });
    expect(await client.limit(request)).toMatchObject({ kind: "failed", reason: "timeout" });
  });

  it("an answer that begins in time and does not end", async () => {
    const { client } = await clientOf((response) => response.writeHead(200).write('{"decision":'), {
      timeoutMs: 30,
    });
    expect(await client.limit(request)).toMatchObject({ kind: "failed", reason: "timeout" });
    expect(await client.limitBatch([request, request])).toHaveLength(2);
  });

  it("a fetch of the caller's that throws, or listens to no signal", async () => {
    const of = (fetch: () => Promise<never>) =>
      new RateLimiterClient({ url: "http://limiter.example", token: "t", timeoutMs: 30, fetch });
    const throwing = of(() => {
      throw new Error("no network");
    });
    expect(await throwing.limit(request)).toMatchObject({ reason: "unreachable", message: "no network" });
    expect(await of(() => new Promise(() => undefined)).limit(request)).toMatchObject({ reason: "timeout" });
  });
});

describe("the caller's choice", () => {
  it("holds where there is no decision, and nowhere else", () => {
    const outcomes = [ADMITTED, { ...ADMITTED, kind: "denied" }] as unknown as Outcome[];
    expect(outcomes.map((outcome) => admittedOr(outcome, "open"))).toEqual([true, false]);
    expect(outcomes.map((outcome) => admittedOr(outcome, "closed"))).toEqual([true, false]);
  });
});

describe("a client", () => {
  it.each([
    { url: "limiter.example" },
    { url: "ftp://limiter.example" },
    { url: "http://limiter.example", timeoutMs: 0 },
    { url: "http://limiter.example", timeoutMs: Number.NaN },
  ])("cannot be made of %j", (options) => {
    expect(() => new RateLimiterClient({ token: "t", ...options })).toThrow(TypeError);
  });
});
