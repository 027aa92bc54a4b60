/** Who may use the HTTP API, and what everyone else sees of it: nothing. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { tokenOf } from "../../worker/admin-token.ts";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

const TOKEN = "correct horse battery staple";
const right = { Authorization: `Bearer ${TOKEN}` };
const PATHS: readonly [method: string, path: string][] = [
  ["GET", "/healthz"],
  ["GET", "/v1/rules"],
  ["GET", "/v1/claims"],
  ["POST", "/v1/limit"],
  ["POST", "/v1/peek"],
  ["GET", "/v1/keys/test/a"],
  ["DELETE", "/v1/keys/test/a"],
  ["PUT", "/v1/blocks/test/a"],
  ["DELETE", "/v1/blocks/test/a"],
  ["PUT", "/v1/overrides/test/a"],
  ["DELETE", "/v1/overrides/test/a"],
];

/** All that a client can see of an answer. */
async function seen(response: Response): Promise<unknown> {
  const bytes = [...new Uint8Array(await response.arrayBuffer())];
  return { status: response.status, text: response.statusText, headers: [...response.headers], bytes };
}

afterEach(() => vi.restoreAllMocks());

describe("without the token", () => {
  const CASES: readonly [string, string | undefined, HeadersInit | undefined][] = [
    ["no token is set, and none carried", undefined, undefined],
    ["no token is set, and one is carried", undefined, right],
    ["an empty token is set, and an empty one carried", "", { Authorization: "Bearer " }],
    ["a blank token is set, and a blank one carried", " \t ", { Authorization: "Bearer  \t " }],
    ["none is carried", TOKEN, undefined],
    ["another one is carried", TOKEN, { Authorization: "Bearer wrong" }],
    ["the beginning of it is carried", TOKEN, { Authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
    ["more than it is carried", TOKEN, { Authorization: `Bearer ${TOKEN}!` }],
    ["it is carried in capitals", TOKEN, { Authorization: `Bearer ${TOKEN.toUpperCase()}` }],
    ["it is carried under another scheme", TOKEN, { Authorization: `Basic ${btoa(`admin:${TOKEN}`)}` }],
    ["it is carried without a scheme", TOKEN, { Authorization: TOKEN }],
    ["it is carried twice", TOKEN, { Authorization: `Bearer ${TOKEN}, Bearer ${TOKEN}` }],
    [
      "its hash is carried",
      TOKEN,
      { Authorization: "Bearer c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a" },
    ],
  ];

  it.each(CASES)(
    "where %s, each path answers byte for byte as one that is none",
    async (_case, token, headers) => {
      const worker = await freshWorker({ RULES: [ruleOf()], ADMIN_TOKEN: token });
      const nothing = await seen(await worker.fetch("/_onecount/nothing", { ...(headers && { headers }) }));
      expect(nothing).toMatchObject({ status: 404 });
      for (const [method, path] of PATHS) {
        const body = method === "GET" || method === "DELETE" ? {} : { body: "{}" };
        const response = await worker.fetch(`/_onecount${path}`, {
          method,
          ...(headers && { headers }),
          ...body,
        });
        expect([path, await seen(response)]).toEqual([path, nothing]);
      }
      expect([worker.ownerCalls(), worker.hubCalls()]).toEqual([0, 0]);
    },
  );

  it("also where the rules cannot be read: nobody hears what is wrong with them", async () => {
    const worker = await freshWorker({ RULES: [{ name: "bad" }], ADMIN_TOKEN: TOKEN });
    expect((await worker.fetch("/_onecount/v1/rules")).status).toBe(404);
    const told = await worker.fetch("/_onecount/v1/rules", { headers: right });
    expect([told.status, await told.json()]).toMatchObject([
      503,
      { detail: expect.stringContaining('rule "bad", limit') },
    ]);
  });
});

describe("with the token", () => {
  it.each([
    ["Bearer", `Bearer ${TOKEN}`],
    ["bearer", `bearer ${TOKEN}`],
    ["blanks around it", `  BEARER   ${TOKEN}  `],
  ])("the API answers: %s", async (_how, Authorization) => {
    const worker = await freshWorker({ RULES: [ruleOf()], ADMIN_TOKEN: ` ${TOKEN}\n` });
    const response = await worker.fetch("/_onecount/v1/rules", { headers: { Authorization } });
    expect([response.status, await response.json()]).toMatchObject([200, { rules: [{ name: "test" }] }]);
  });

  it("is known in the log by the beginning of its hash", async () => {
    const request = new Request("https://example.com", { headers: right });
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(TOKEN)));
    const name = Array.from(hash.slice(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(await tokenOf(request, TOKEN)).toBe(name);
  });

  it("who counts by name hears of blocks as every other isolate does", async () => {
    const worker = await freshWorker({ RULES: [ruleOf()], ADMIN_TOKEN: TOKEN });
    const body = JSON.stringify({ rule: "test", key: "a" });
    for (let call = 0; call < 2; call += 1)
      await (await worker.fetch("/_onecount/v1/limit", { method: "POST", headers: right, body })).text();
    expect([worker.ownerCalls(), worker.hubCalls()]).toEqual([0, 1]);
  });
});

describe("the comparison", () => {
  it.each<[string, string | undefined, HeadersInit]>([
    ["the right token", TOKEN, right],
    ["a wrong one", TOKEN, { Authorization: "Bearer w" }],
    ["none", TOKEN, {}],
    ["another scheme", TOKEN, { Authorization: "Basic YTpi" }],
    ["one where none is set", undefined, right],
    ["none where none is set", undefined, {}],
    ["one where a blank one is set", " ", right],
  ])("takes as long whatever is carried: %s", async (_what, token, headers) => {
    const compare = vi.spyOn(crypto.subtle, "timingSafeEqual");
    const hash = vi.spyOn(crypto.subtle, "digest");
    await tokenOf(new Request("https://example.com", { headers }), token);
    // Both are hashed and compared, so that neither a length nor where they differ shows.
    expect(hash.mock.calls.map(([algorithm]) => algorithm)).toEqual(["SHA-256", "SHA-256"]);
    expect(compare.mock.calls.map((buffers) => buffers.map(({ byteLength }) => byteLength))).toEqual([
      [32, 32],
    ]);
  });
});

describe("API_PREFIX", () => {
  it.each([
    ["", "/v1/rules", "/_onecount/v1/rules"],
    ["/", "/v1/rules", "/_onecount/v1/rules"],
    ["/a/b/", "/a/b/v1/rules", "/a/bc/v1/rules"],
    ["x", "/x/v1/rules", "/v1/rules"],
    ["//x//", "/x/v1/rules", "/xx/v1/rules"],
    ["/größe", "/gr%C3%B6%C3%9Fe/v1/rules", "/_onecount/v1/rules"],
    [undefined, "/_onecount/v1/rules", "/_onecount2/v1/rules"],
  ])("%j: the API is at %s, and %s is the origin's", async (prefix, inside, outside) => {
    const ORIGIN = { fetch: async () => new Response("origin") };
    const worker = await freshWorker({ RULES: [ruleOf()], ADMIN_TOKEN: TOKEN, API_PREFIX: prefix, ORIGIN });
    expect(await (await worker.fetch(inside, { headers: right })).json<object>()).toHaveProperty("rules");
    const health = inside.replace("/v1/rules", "/healthz");
    expect(await (await worker.fetch(health, { headers: right })).json()).toMatchObject({ ok: true });
    expect(await (await worker.fetch(outside, { headers: right })).text()).toBe("origin");
  });

  it.each(["", "/"])("%j takes no other path from the site", async (prefix) => {
    const ORIGIN = { fetch: async () => new Response("origin") };
    const worker = await freshWorker({ RULES: [ruleOf()], ADMIN_TOKEN: TOKEN, API_PREFIX: prefix, ORIGIN });
    for (const path of ["/", "/v1", "/v2/rules", "/healthz/", "/x"])
      expect([path, await (await worker.fetch(path, { headers: right })).text()]).toEqual([path, "origin"]);
  });
});
