/** Counting by name over the HTTP API: one count with the requests of the same client, under keys of every kind. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { callApi, keyPath } from "./api-client.ts";
import { newAddress, send } from "./client.ts";

const base = { window: "30d", algorithm: "fixed-window", deadline: "10s", threshold: 1 };
const RULES = [
  { ...base, name: "ip", match: { path: "/ip" }, limit: 5 },
  { ...base, name: "quiet", match: { path: "/quiet" }, limit: 50, threshold: 10 },
  { ...base, name: "api", match: { path: "/api" }, key: ["header:x-api-key"], limit: 5 },
  { ...base, name: "both", match: { path: "/both" }, key: ["ip", "header:x-api-key"], limit: 5 },
  { ...base, name: "costly", match: { path: "/costly" }, limit: 10, cost: 3 },
  { ...base, name: "watched", match: { path: "/watched" }, limit: 1, mode: "shadow" },
  { ...base, name: "plans", match: { path: "/plans" }, limit: 2, limits: { by: "header:x-plan", pro: 4 } },
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: RULES, pops: ["LHR", "CDG"], distance: 0 });
});
afterAll(() => cluster.stop());

const limit = async (request: object, pop?: string): Promise<unknown> =>
  (
    (await callApi(cluster, "POST", "/v1/limit", request, pop === undefined ? {} : { pop })).body as {
      decision: unknown;
    }
  ).decision;
const countOf = async (rule: string, key: string): Promise<number | undefined> => {
  const { body } = await callApi(cluster, "GET", keyPath("keys", rule, key));
  return (body as { accounts: { count: number }[] }).accounts[0]?.count;
};
let names = 0;
const newName = (): string => {
  names += 1;
  return `customer ${names}`;
};

describe("the API", () => {
  it.each([undefined, "LHR", "CDG"])("answers at %s (undefined: the page's port)", async (pop) => {
    const caller = pop === undefined ? {} : { pop };
    const { status, body, headers } = await callApi(cluster, "GET", "/healthz", undefined, caller);
    expect([status, body]).toEqual([200, { ok: true, pop: pop ?? "LHR", rules: RULES.length + 1 }]);
    expect(headers.get("Cache-Control")).toBe("no-store");
    const rules = await callApi(cluster, "GET", "/v1/rules", undefined, caller);
    expect(rules.body).toMatchObject({
      rules: [
        { name: "ip", limit: 5, windowMs: 30 * 86_400_000, threshold: 1, mode: "enforce" },
        { name: "quiet" },
        { name: "api" },
        { name: "both" },
        { name: "costly" },
        { name: "watched", mode: "shadow" },
        { name: "plans", limit: 2 },
        { name: "plans", plan: "pro", limit: 4 },
      ],
    });
  });

  it("admits the limit and denies what is more, wherever it is asked", async () => {
    const key = newName();
    const seen: unknown[] = [];
    for (let call = 0; call < 6; call += 1)
      seen.push(await limit({ rule: "ip", key }, call % 2 ? "CDG" : "LHR"));
    const resetAt = expect.any(Number);
    expect(seen.slice(0, 5)).toEqual(
      [4, 3, 2, 1, 0].map((remaining) => ({
        admitted: true,
        how: "owner",
        rule: "ip",
        limit: 5,
        remaining,
        resetAt,
      })),
    );
    const how = expect.stringMatching(/owner|blocked/);
    const retryAfterSeconds = expect.any(Number);
    expect(seen[5]).toEqual({
      admitted: false,
      how,
      rule: "ip",
      limit: 5,
      remaining: 0,
      resetAt,
      retryAfterSeconds,
    });
  });

  it("counts a request as many, and denies what can never be admitted", async () => {
    const key = newName();
    expect(await limit({ rule: "ip", key, cost: 3 })).toMatchObject({ admitted: true, remaining: 2 });
    expect(await limit({ rule: "ip", key, cost: 3 })).toMatchObject({ admitted: false });
    expect(await limit({ rule: "ip", key, cost: 2 })).toMatchObject({ admitted: true, remaining: 0 });
    expect(await limit({ rule: "ip", key: newName(), cost: 6 })).toMatchObject({ admitted: false });
    expect(await limit({ rule: "ip", key: newName(), cost: 1_000_000_000 })).toMatchObject({
      admitted: false,
    });
    // Of a rule with a cost, each of the many costs as much.
    const costly = newName();
    expect(await limit({ rule: "costly", key: costly, cost: 3 })).toMatchObject({
      admitted: true,
      remaining: 1,
    });
    expect(await countOf("costly", costly)).toBe(9);
  });

  it("decides a batch in its order, with an error where one stands", async () => {
    const [a, b] = [newName(), newName()];
    const requests = [
      { rule: "ip", key: a },
      { rule: "nowhere", key: a },
      { rule: "ip", key: a, cost: -1 },
      { rule: "ip" },
      "no request",
      null,
      { rule: "ip", key: b, cost: 6 },
      { rule: "ip", key: a },
    ];
    const { status, body } = await callApi(cluster, "POST", "/v1/limit", { requests });
    const error = (code: string, what: string) => ({
      error: { code, message: expect.stringContaining(what) },
    });
    expect([status, body]).toMatchObject([
      200,
      {
        decisions: [
          { admitted: true },
          error("unknown-rule", "the rules are ip, quiet,"),
          error("bad-request", '"cost": found -1; allowed is a whole number from 1'),
          error("bad-request", '"key": found nothing; allowed is a text'),
          error("bad-request", 'found "no request"; allowed is an object'),
          error("bad-request", "found null; allowed is an object"),
          { admitted: false },
          { admitted: true },
        ],
      },
    ]);
    expect((body as { decisions: object[] }).decisions).toHaveLength(requests.length);
    expect([await countOf("ip", a), await countOf("ip", b)]).toEqual([2, 0]);
  });

  it("peeks without charging", async () => {
    const key = newName();
    await limit({ rule: "ip", key, cost: 3 });
    for (let look = 0; look < 10; look += 1) {
      const requests = [
        { rule: "ip", key, cost: 2 },
        { rule: "ip", key, cost: 3 },
        { rule: "no", key },
      ];
      const { body } = await callApi(cluster, "POST", "/v1/peek", { requests });
      expect(body).toMatchObject({
        decisions: [
          { admitted: true, remaining: 2, limit: 5 },
          { admitted: false, remaining: 2, retryAfterSeconds: expect.any(Number) },
          { error: { code: "unknown-rule" } },
        ],
      });
    }
    expect(await countOf("ip", key)).toBe(3);
    await limit({ rule: "ip", key, cost: 2 });
    const { body } = await callApi(cluster, "POST", "/v1/peek", { rule: "ip", key });
    expect(body).toMatchObject({ decision: { admitted: false, how: "owner", remaining: 0 } });
  });

  it("counts under the plan that is said, or under none", async () => {
    const key = newName();
    expect(await limit({ rule: "plans", key, cost: 2 })).toMatchObject({
      admitted: true,
      limit: 2,
      remaining: 0,
    });
    expect(await limit({ rule: "plans", key, cost: 2, plan: "pro" })).toMatchObject({
      admitted: true,
      limit: 4,
      remaining: 2,
    });
    expect(await limit({ rule: "plans", key })).toMatchObject({ admitted: false });
    const { body } = await callApi(cluster, "GET", keyPath("keys", "plans", key));
    expect(body).toMatchObject({ accounts: [{ count: 2 }, { plan: "pro", count: 2 }] });
  });

  it("admits under a shadow rule whatever was used, and says how it would have been decided", async () => {
    const key = newName();
    for (let call = 0; call < 3; call += 1)
      expect(await limit({ rule: "watched", key })).toMatchObject({ admitted: true });
  });
});

describe("a key by name", () => {
  it("is the client whose requests are counted by that address, in any spelling, from any POP", async () => {
    const ip = newAddress();
    await send(cluster, "CDG", "/ip", ip);
    await limit({ rule: "ip", key: ip, cost: 2 });
    await limit({ rule: "ip", key: `ip=${ip}` }, "CDG");
    await limit({ rule: "ip", key: `::ffff:${ip}` });
    expect([(await send(cluster, "LHR", "/ip", ip)).status, await countOf("ip", ip)]).toEqual([429, 5]);

    const six = (host: string) => `2001:db8:0:${names}::${host}`;
    await send(cluster, "LHR", "/ip", six("1"));
    for (const key of [six("2"), `ip=${six("3")}`, `ip=${six("")}/64`]) await limit({ rule: "ip", key });
    expect(await countOf("ip", six("4"))).toBe(4);
  });

  it("is one with what a POP admitted by itself, which is told to the owner that it then has", async () => {
    const ip = newAddress();
    for (let request = 0; request < 5; request += 1) await send(cluster, "LHR", "/quiet", ip);
    expect(await limit({ rule: "quiet", key: ip, cost: 40 }, "LHR")).toMatchObject({
      admitted: true,
      remaining: 5,
    });
    expect(await countOf("quiet", ip)).toBe(45);
  });

  it("is what a rule on other parts counts by, as its text says, or the address of who lacks them", async () => {
    const key = newName();
    const ip = newAddress();
    const headers = { "x-api-key": key };
    await send(cluster, "LHR", "/api", newAddress(), { headers });
    await limit({ rule: "api", key: `header:x-api-key=${key}`, cost: 2 });
    expect(await countOf("api", `header:x-api-key=${key}`)).toBe(3);
    await send(cluster, "LHR", "/both", ip, { headers });
    await limit({ rule: "both", key: `ip=${ip}&header:x-api-key=${key}`, cost: 2 });
    expect(await countOf("both", `ip=${ip}&header:x-api-key=${key}`)).toBe(3);
    await send(cluster, "LHR", "/api", ip);
    expect(await countOf("api", `ip=${ip}`)).toBe(1);
    // The bare text is another.
    expect(await countOf("api", key)).toBe(0);
  });

  it.each([
    ["slashes", "a//b/c/"],
    ["percents", "100%25 %2F %"],
    ["what separates parts", "a=b&c=d?e#f;g"],
    ["letters of every kind", "Grüße 你好 🦊"],
    ["dots between slashes", "a/../../b/."],
    ["no visible character", "\u0000\u001b[2J\u0085"],
    ["names of what objects have", "__proto__"],
    ["quotes", `"'\`\\`],
    ["blanks", " a "],
    ["as many characters as are allowed", "ü".repeat(1_024)],
  ])("may have %s, the same in a path as in a body", async (_what, text) => {
    const key = `${text}\n${newName()}`.slice(-1_024);
    await limit({ rule: "ip", key, cost: 2 });
    const { status, body } = await callApi(cluster, "GET", keyPath("keys", "ip", key));
    expect([status, body]).toMatchObject([
      200,
      { rule: "ip", accounts: [{ count: 2, key: expect.stringMatching(/^key=/) }] },
    ]);
    expect((body as { accounts: { key: string }[] }).accounts[0]?.key).not.toMatch(/\p{Cc}/u);
    expect((await callApi(cluster, "PUT", keyPath("blocks", "ip", key), { seconds: 60 })).status).toBe(200);
    expect(await limit({ rule: "ip", key })).toMatchObject({ admitted: false });
    expect((await callApi(cluster, "DELETE", keyPath("keys", "ip", key))).status).toBe(200);
    expect(await countOf("ip", key)).toBe(0);
  });

  it("is told apart from every other, and no path is read as another key", async () => {
    const key = newName();
    await limit({ rule: "ip", key: `${key}/b`, cost: 2 });
    for (const other of [key, `${key}/`, `${key}/b/`, `${key}%2Fb`, `${key}/b `, `${key}/B`, `key=${key}/b`])
      expect([other, await countOf("ip", other)]).toEqual([other, 0]);
    // Unescaped slashes are taken as they are.
    const { body } = await callApi(cluster, "GET", `/v1/keys/ip/${encodeURIComponent(key)}/b`);
    expect(body).toMatchObject({ accounts: [{ count: 2 }] });
    // A URL has no dots between slashes: each client takes them for a way up, and there is nothing there.
    expect((await callApi(cluster, "DELETE", "/v1/keys/ip/%2e%2e")).status).toBe(404);
  });
});
