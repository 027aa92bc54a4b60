/** What is changed by hand over the HTTP API holds at every POP, and stands in the log once, without who it is about. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, LOCAL_TOKEN, startCluster } from "../../loadtest/cluster/cluster.ts";
import { audits, callApi, heardEverywhere, keyPath } from "./api-client.ts";
import { newAddress, send, until } from "./client.ts";

const POPS = ["LHR", "CDG", "CHI", "TYO"];
// A window so long that no test depends on where in it it starts, and a deadline for a slow machine.
const base = { window: "30d", algorithm: "fixed-window", deadline: "10s", key: ["ip"] };
const RULES = [
  { ...base, name: "site", match: { path: "/site" }, limit: 5, threshold: 2 },
  { ...base, name: "shared", match: { path: "/shared" }, limit: 5, threshold: 1, owners: 2 },
  {
    ...base,
    name: "plans",
    match: { path: "/plans" },
    limit: 3,
    threshold: 1,
    limits: { by: "header:x-plan", pro: 6 },
  },
];

let cluster: Cluster;
const lines: string[] = [];
beforeAll(async () => {
  cluster = await startCluster({
    rules: RULES,
    distance: 0.1,
    onOutput: (line) => lines.push(line),
  });
});
afterAll(() => cluster.stop());

const decisions = async (path: string, ip: string): Promise<string[]> =>
  (await Promise.all(POPS.map((pop) => send(cluster, pop, path, ip)))).map(
    ({ status, decision }) => `${status} ${decision}`,
  );
const everywhere = (answer: string): string[] => POPS.map(() => answer);

/** What of the quota a client is told. */
async function told(pop: string, path: string, ip: string) {
  const { status, headers } = await send(cluster, pop, path, ip);
  return {
    status,
    q: Number(/;q=(\d+)/.exec(headers.get("RateLimit-Policy") ?? "")?.[1]),
    r: Number(/;r=(\d+)/.exec(headers.get("RateLimit") ?? "")?.[1]),
  };
}

/** Uses a client's quota up at one POP, and waits until all the others know. */
async function exhaust(path: string, ip: string): Promise<void> {
  while ((await send(cluster, "LHR", path, ip)).status !== 429);
  await heardEverywhere(cluster, `ip=${ip}`, "the block", ({ blockedUntil }) => blockedUntil !== null);
}

describe.each(["site", "shared"])("under rule %s", (rule) => {
  it("a block bars a client that nobody has seen, at every POP, without asking its owner", async () => {
    const ip = newAddress();
    const { status, body } = await callApi(cluster, "PUT", keyPath("blocks", rule, ip), { seconds: 600 });
    expect([status, body]).toMatchObject([
      200,
      { rule, accounts: [{ rule, key: `ip=${ip}`, count: 0, blockedUntil: expect.any(Number) }] },
    ]);
    await heardEverywhere(cluster, `ip=${ip}`, "the block", ({ blockedUntil }) => blockedUntil !== null);
    const before = await cluster.traffic();
    expect(await decisions(`/${rule}`, ip)).toEqual(everywhere("429 blocked"));
    const after = await cluster.traffic();
    expect(after.pops.map(({ calls }) => calls)).toEqual(before.pops.map(({ calls }) => calls));

    expect((await callApi(cluster, "DELETE", keyPath("blocks", rule, ip))).status).toBe(200);
    await heardEverywhere(cluster, `ip=${ip}`, "the release", ({ blockedUntil }) => blockedUntil === null);
    expect((await decisions(`/${rule}`, ip)).map((answer) => answer.slice(0, 3))).toEqual(everywhere("200"));
  });

  it("a reset lets a client in again that had used everything up, at every POP", async () => {
    const ip = newAddress();
    await exhaust(`/${rule}`, ip);
    expect(await decisions(`/${rule}`, ip)).toEqual(everywhere("429 blocked"));
    const { body } = await callApi(cluster, "DELETE", keyPath("keys", rule, ip));
    expect(body).toMatchObject({ rule, accounts: [{ count: 0, blockedUntil: null }] });
    await heardEverywhere(cluster, `ip=${ip}`, "the release", ({ blockedUntil }) => blockedUntil === null);
    expect((await decisions(`/${rule}`, ip)).map((answer) => answer.slice(0, 3))).toEqual(everywhere("200"));
    // Its limit is the same as before: four were let in just now, and one more is.
    expect((await send(cluster, "LHR", `/${rule}`, ip)).status).toBe(200);
    expect((await send(cluster, "LHR", `/${rule}`, ip)).status).toBe(429);
  });

  it("an unblock lets a client in, but gives back nothing that it has used", async () => {
    const ip = newAddress();
    await exhaust(`/${rule}`, ip);
    await callApi(cluster, "PUT", keyPath("blocks", rule, ip), { seconds: 600 });
    await callApi(cluster, "DELETE", keyPath("blocks", rule, ip));
    expect((await send(cluster, "TYO", `/${rule}`, ip)).status).toBe(429);
  });
});

describe("an override", () => {
  it("that is higher lets a full client in, is told to it, and ends when it is taken back", async () => {
    const ip = newAddress();
    await exhaust("/site", ip);
    const path = keyPath("overrides", "site", ip);
    const { body } = await callApi(cluster, "PUT", path, { limit: 8, seconds: 600 });
    expect(body).toMatchObject({ accounts: [{ limit: 8, count: 5, override: { limit: 8 } }] });
    await heardEverywhere(cluster, `ip=${ip}`, "the release", ({ blockedUntil }) => blockedUntil === null);
    expect(await told("CDG", "/site", ip)).toEqual({ status: 200, q: 8, r: 2 });
    expect(await told("TYO", "/site", ip)).toEqual({ status: 200, q: 8, r: 1 });
    const back = await callApi(cluster, "DELETE", path);
    expect(back.body).toMatchObject({ accounts: [{ limit: 5, override: null }] });
    await until("LHR to tell of the rule's limit", async () => {
      const { status, q } = await told("LHR", "/site", ip);
      return status === 429 && q === 5;
    });
  });

  it("that is lower holds at POPs that have not seen the client", async () => {
    const ip = newAddress();
    await callApi(cluster, "PUT", keyPath("overrides", "site", ip), { limit: 2, seconds: 600 });
    await heardEverywhere(cluster, `ip=${ip}`, "the claim", ({ claimed }) => claimed);
    expect(await told("CHI", "/site", ip)).toEqual({ status: 200, q: 2, r: 1 });
    expect(await told("TYO", "/site", ip)).toEqual({ status: 200, q: 2, r: 0 });
    expect(await told("LHR", "/site", ip)).toEqual({ status: 429, q: 2, r: 0 });
  });
});

describe("a rule with plans", () => {
  it("is changed under each of them at once, and leaves one line", async () => {
    const ip = newAddress();
    const before = audits(lines).length;
    const { body } = await callApi(cluster, "PUT", keyPath("blocks", "plans", ip), { seconds: 60 });
    expect(body).toMatchObject({ accounts: [{ limit: 3 }, { plan: "pro", limit: 6 }] });
    const plain = await send(cluster, "LHR", "/plans", ip);
    const pro = await send(cluster, "LHR", "/plans", ip, { headers: { "x-plan": "pro" } });
    expect([plain.status, pro.status]).toEqual([429, 429]);
    await until("the line", async () => audits(lines).length > before);
    expect(audits(lines).length).toBe(before + 1);
  });
});

describe("claims", () => {
  it("lists what owners count and bar, of all rules or of one", async () => {
    const [full, barred] = [newAddress(), newAddress()];
    await exhaust("/site", full);
    await callApi(cluster, "PUT", keyPath("blocks", "shared", barred), { seconds: 600 });
    const listed = async (query: string) => {
      const { body } = await callApi(cluster, "GET", `/v1/claims${query}`);
      return (body as { claims: { key: string; rule: string }[] }).claims;
    };
    await until("both", async () => (await listed("")).some(({ key }) => key === `ip=${barred}`));
    expect(await listed("?rule=site")).toContainEqual({
      rule: "site",
      key: `ip=${full}`,
      claimedUntil: expect.any(Number),
      blockedUntil: expect.any(Number),
    });
    const shared = await listed("?rule=shared");
    expect(shared.map(({ rule }) => rule)).toEqual(shared.map(() => "shared"));
    expect(shared).toContainEqual({
      rule: "shared",
      key: `ip=${barred}`,
      claimedUntil: null,
      blockedUntil: expect.any(Number),
    });
  });
});

describe("the log", () => {
  const orders: readonly [
    method: string,
    what: "keys" | "blocks" | "overrides",
    body: object | undefined,
    line: object,
  ][] = [
    ["DELETE", "keys", undefined, { what: "reset" }],
    ["PUT", "blocks", { seconds: 60 }, { what: "block", seconds: 60 }],
    ["DELETE", "blocks", undefined, { what: "unblock" }],
    ["PUT", "overrides", { limit: 9, seconds: 70 }, { what: "override", limit: 9, seconds: 70 }],
    ["DELETE", "overrides", undefined, { what: "override", limit: null }],
  ];

  it("has one line for each change: who, what and when; no token, no address, no key", async () => {
    const heard: string[] = [];
    const secret = await startCluster({
      rules: RULES,
      pops: ["LHR"],
      distance: 0,
      vars: { KEY_DISPLAY: "hash", ADMIN_TOKEN: "a-token-of-this-test" },
      onOutput: (line) => heard.push(line),
    });
    const caller = { token: "a-token-of-this-test" };
    const [ip, name] = [newAddress(), "who-is-it"];
    const answers: string[] = [];
    try {
      const startedAt = Date.now();
      for (const key of [ip, name])
        for (const [method, what, body, line] of orders) {
          const before = audits(heard).length;
          const { status, body: answer } = await callApi(
            secret,
            method,
            keyPath(what, "site", key),
            body,
            caller,
          );
          expect(status).toBe(200);
          answers.push(JSON.stringify(answer));
          await until("the line", async () => audits(heard).length > before);
          const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
          const hash = expect.stringMatching(/^[0-9a-f]{32}$/);
          expect(audits(heard).slice(before)).toEqual([
            {
              event: "audit",
              at,
              by: expect.stringMatching(/^[0-9a-f]{8}$/),
              ...line,
              rule: "site",
              key: hash,
              outcome: "done",
            },
          ]);
          const when = Date.parse(String(audits(heard).at(-1)?.at));
          expect(when).toBeGreaterThanOrEqual(startedAt - 20);
          expect(when).toBeLessThanOrEqual(Date.now() + 20);
        }
      // What changes nothing leaves no line.
      await callApi(secret, "GET", keyPath("keys", "site", ip), undefined, caller);
      await callApi(secret, "PUT", keyPath("blocks", "site", ip), { seconds: 0 }, caller);
      await callApi(secret, "DELETE", keyPath("keys", "none", ip), undefined, caller);
      await callApi(secret, "DELETE", keyPath("keys", "site", ip), undefined, { token: "another" });
      await callApi(secret, "PUT", keyPath("blocks", "site", ip), { seconds: 60 }, caller);
      await until("the last line", async () => audits(heard).at(-1)?.what === "block");
      expect(audits(heard).length).toBe(2 * orders.length + 1);
      answers.push(JSON.stringify((await callApi(secret, "GET", "/v1/claims", undefined, caller)).body));
      answers.push(JSON.stringify(await secret.state()));
    } finally {
      await secret.stop();
    }
    const all = [...heard, ...answers].join("\n");
    for (const never of [caller.token, ip, name]) expect(all).not.toContain(never);
    expect(lines.join("\n")).not.toContain(`"${LOCAL_TOKEN}"`);
  });
});
