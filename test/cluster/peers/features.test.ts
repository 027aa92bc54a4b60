/**
 * What users of other limiters have, over HTTP, one test for each feature. Keys, lists and plans are in keys.test.ts.
 *
 *   tag                      test/workerd/tag.test.ts: it takes an origin that shows what it got
 *   metrics, live page       not here: they show, and decide nothing
 *   middleware               test/workerd/middleware.test.ts
 *   RPC                      test/workerd/rate-limiter.test.ts
 *   HTTP API in full         test/cluster/api.test.ts, api-admin.test.ts, api-wrong.test.ts, api-failure.test.ts
 *   check, replay, simulate  test/unit/check-rules.test.ts, replay-cli.test.ts, simulate-cli.test.ts
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../../loadtest/cluster/cluster.ts";
import { parseRules } from "../../../shared/rule.ts";
import { epochMs, windowAt, windowStart } from "../../../shared/time.ts";
import { callApi } from "../api-client.ts";
import { newAddress, ownerOf, type Seen, send, until } from "../client.ts";
import { gridFor, sleepUntil } from "../windows.ts";
import { on, POPS } from "./rules.ts";

const WINDOW_MS = 3_000;
const SLIDING_MS = 4_000;
/** The clock of one process may be read a little late. */
const GUARD_MS = 20;
const RULES = [
  on("/fixed", { limit: 3, window: "3s" }),
  on("/sliding", { limit: 10, window: `${SLIDING_MS}ms`, algorithm: "sliding-window" }),
  on("/bucket", { limit: 30, window: "1m", algorithm: "token-bucket", burst: 3 }),
  on("/all-wide", { match: { path: "/all" }, limit: 100 }),
  on("/all-narrow", { match: { path: "/all" }, limit: 2 }),
  on("/all-header", { match: { path: "/all" }, key: ["header:x-api-key"], limit: 50, missing: "skip" }),
  on("/headers", { limit: 3 }),
  on("/cost", { limit: 10, cost: { by: "header:x-cost", max: 8 } }),
  on("/fixed-cost", { limit: 10, cost: 4 }),
  on("/api", { limit: 4 }),
  on("/shadow", { mode: "shadow" }),
  on("/candidate", { limit: 3, candidate: { limit: 1, window: "30d" } }),
  on("/local", { limit: 4, deadline: "200ms", on_failure: "local" }),
  on("/open", { limit: 4, deadline: "200ms", on_failure: "open" }),
  on("/closed", { limit: 4, deadline: "200ms", on_failure: "closed" }),
  on("/quiet", { limit: 6, threshold: 3 }),
  on("/one", { limit: 20 }),
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: RULES, distance: 0.1 });
});
afterEach(() => cluster.fault({ heal: true }));
afterAll(() => cluster.stop());

async function times(count: number, path: string, ip: string, pops: readonly string[] = ["LHR"]) {
  const seen: Seen[] = [];
  for (let sent = 0; sent < count; sent += 1)
    seen.push(await send(cluster, pops[sent % pops.length] ?? "LHR", path, ip));
  return seen;
}

const statuses = (seen: readonly Seen[]): number[] => seen.map(({ status }) => status);
const admitted = (seen: readonly Seen[]): number => statuses(seen).filter((status) => status === 200).length;
const api = (method: string, path: string, body?: unknown) => callApi(cluster, method, path, body);

// These mostly wait, so they wait together.
describe.concurrent("algorithms", () => {
  it("fixed: the limit in each window, and all of it again in the next", async () => {
    const ip = newAddress();
    await until("a window that is used up", async () => (await times(1, "/fixed", ip))[0]?.status === 429);
    const end = (await ownerOf(cluster, ip))?.resetAt ?? 0;
    expect(end).toBeGreaterThan(Date.now() - WINDOW_MS);
    await sleepUntil(end + GUARD_MS);
    expect(statuses(await times(4, "/fixed", ip))).toEqual([200, 200, 200, 429]);
  });

  it("sliding: a window that is used up still counts in the next, less by as much as has passed of that", async () => {
    const parsed = parseRules(RULES);
    // Where the machine was too slow to send it all in time, another client tries.
    for (let tries = 0; tries < 5; tries += 1) {
      const ip = newAddress();
      const grid = await gridFor(parsed.ok ? parsed.rules : [], "sliding", ip);
      const start = windowStart(grid, windowAt(grid, epochMs(Date.now())) + 1) + GUARD_MS;
      const next = start + SLIDING_MS;
      await sleepUntil(start);
      const first = await times(10, "/sliding", ip);
      if (Date.now() >= next - GUARD_MS) continue;
      expect(statuses(first)).toEqual(Array(10).fill(200));
      // Before a tenth has passed, none of ten has gone; after a half, five have.
      await sleepUntil(next);
      const early = await times(1, "/sliding", ip);
      if (Date.now() >= next + SLIDING_MS / 10 - 2 * GUARD_MS) continue;
      expect(statuses(early)).toEqual([429]);
      await sleepUntil(next + SLIDING_MS / 2);
      const late = await times(7, "/sliding", ip);
      if (Date.now() >= next + 0.6 * SLIDING_MS - 2 * GUARD_MS) continue;
      expect(statuses(late)).toEqual([200, 200, 200, 200, 200, 429, 429]);
      return;
    }
    throw new Error("this machine is too slow to show anything");
  });

  it("token bucket: the burst at once, and then one for each that flows in", async () => {
    const ip = newAddress();
    const startedAt = Date.now();
    expect(statuses(await times(3, "/bucket", ip))).toEqual([200, 200, 200]);
    const denied = await until("an empty bucket", async () =>
      (await times(1, "/bucket", ip)).find(({ status }) => status === 429),
    );
    const wait = Number(denied.headers.get("Retry-After"));
    expect([1, 2]).toContain(wait);
    await sleepUntil(Date.now() + 1_000 * wait);
    const seen = await times(4, "/bucket", ip);
    expect(seen[0]?.status).toBe(200);
    expect(admitted(seen)).toBeLessThanOrEqual(1 + Math.floor((Date.now() - startedAt) / 2_000));
  });
});

it("many rules on one request: all-or-nothing, no charge on denial", async () => {
  const ip = newAddress();
  const seen = await times(30, "/all", ip, POPS);
  expect(statuses(seen)).toEqual([200, 200, ...Array(28).fill(429)]);
  expect(seen.at(-1)?.headers.get("x-onecount")).toContain("rule=all-narrow");
  const count = async (rule: string) =>
    (await cluster.state()).owners.find((owner) => owner.rule === rule && owner.key === `ip=${ip}`)?.count;
  await until("what was granted in vain to be handed back", async () => (await count("all-wide")) === 2);
  expect(await count("all-narrow")).toBe(2);
});

it("quota headers: draft-10, canonical structured fields", async () => {
  const seen = await times(4, "/headers", newAddress());
  expect(seen.map(({ headers }) => headers.get("RateLimit-Policy"))).toEqual(
    Array(4).fill('"headers";q=3;w=2592000'),
  );
  const left = seen.map(({ headers }) => headers.get("RateLimit") ?? "");
  for (const field of left) expect(field).toMatch(/^"headers";r=\d+;t=[1-9]\d*$/);
  expect(left.map((field) => Number(/;r=(\d+)/.exec(field)?.[1]))).toEqual([2, 1, 0, 0]);
});

it("Retry-After: yes, >= `t`", async () => {
  for (const path of ["/fixed", "/sliding", "/bucket", "/all"]) {
    const ip = newAddress();
    const denied = await until(`a denial of ${path}`, async () =>
      (await times(1, path, ip)).find(({ status }) => status === 429),
    );
    for (const { headers } of [denied, ...(await times(1, path, ip))]) {
      const t = /;r=0;t=(\d+)/.exec(headers.get("RateLimit") ?? "")?.[1];
      const wait = headers.get("Retry-After");
      if (wait !== null)
        expect([path, Number(wait) >= Number(t), Number(wait) >= 1]).toEqual([path, true, true]);
    }
    expect(denied.headers.has("Retry-After")).toBe(true);
  }
});

describe("cost", () => {
  it("of the rule: each request counts as so many", async () => {
    expect(statuses(await times(3, "/fixed-cost", newAddress()))).toEqual([200, 200, 429]);
  });

  it("of the request: as its header says, up to the most", async () => {
    const ip = newAddress();
    const seen = [];
    for (const cost of ["8", "3", "2", "1"])
      seen.push((await send(cluster, "LHR", "/cost", ip, { headers: { "X-Cost": cost } })).status);
    expect(seen).toEqual([200, 429, 200, 429]);
    const other = newAddress();
    const most = await send(cluster, "LHR", "/cost", other, { headers: { "X-Cost": "1000000" } });
    expect([most.status, /;r=(\d+)/.exec(most.headers.get("RateLimit") ?? "")?.[1]]).toEqual([200, "2"]);
  });
});

describe("over the API, a client of requests", () => {
  it("peek: is looked at, and charged nothing", async () => {
    const ip = newAddress();
    await times(3, "/api", ip);
    for (let look = 0; look < 3; look += 1) {
      const { body } = await api("POST", "/v1/peek", { rule: "api", key: ip });
      expect(body).toMatchObject({ decision: { admitted: true, limit: 4, remaining: 1 } });
    }
    expect(statuses(await times(2, "/api", ip))).toEqual([200, 429]);
  });

  it("reset: begins anew, at every POP", async () => {
    const ip = newAddress();
    expect(statuses(await times(5, "/api", ip, POPS)).at(-1)).toBe(429);
    expect((await api("DELETE", `/v1/keys/api/${ip}`)).status).toBe(200);
    await until("every POP to admit again", async () =>
      (await cluster.state()).pops.every(({ keys }) =>
        keys.every((key) => key.key !== `ip=${ip}` || key.blockedUntil === null),
      ),
    );
    expect(statuses(await times(5, "/api", ip, POPS))).toEqual([200, 200, 200, 200, 429]);
  });

  it("ban: is barred at every POP, for as long as is said", async () => {
    const ip = newAddress();
    expect((await api("PUT", `/v1/blocks/api/${ip}`, { seconds: 3_600 })).status).toBe(200);
    for (const pop of POPS) {
      const { status, headers } = await send(cluster, pop, "/api", ip);
      expect(status).toBe(429);
      const wait = Number(headers.get("Retry-After"));
      expect([wait > 3_500, wait <= 3_600]).toEqual([true, true]);
    }
    expect((await api("DELETE", `/v1/blocks/api/${ip}`)).status).toBe(200);
    await until("LHR to admit again", async () => (await times(1, "/api", ip))[0]?.status === 200);
  });

  it("override: has another limit, and is told it", async () => {
    const ip = newAddress();
    expect((await api("PUT", `/v1/overrides/api/${ip}`, { limit: 6, seconds: 3_600 })).status).toBe(200);
    const seen = await times(7, "/api", ip, POPS);
    expect(statuses(seen)).toEqual([...Array(6).fill(200), 429]);
    expect(seen.at(-1)?.headers.get("RateLimit-Policy")).toBe('"api";q=6;w=2592000');
  });
});

describe("shadow mode", () => {
  it("yes: counts and says what it would do, denies nothing, tells clients nothing", async () => {
    const seen = await times(3, "/shadow", newAddress());
    expect(seen.map(({ status, decision }) => [status, decision])).toEqual([
      [200, "owner"],
      [200, "owner"],
      [200, "blocked"],
    ]);
    expect(seen.every(({ headers }) => !headers.has("RateLimit") && !headers.has("Retry-After"))).toBe(true);
  });

  it("and a candidate limit beside the live one", async () => {
    const seen = await times(4, "/candidate", newAddress());
    expect(statuses(seen)).toEqual([200, 200, 200, 429]);
    const named = seen.map(({ headers }) => /rule=(\S+)/.exec(headers.get("x-onecount") ?? "")?.[1]);
    expect(named).toEqual(["candidate", "candidate.candidate", "candidate.candidate", "candidate"]);
    expect(seen.map(({ headers }) => headers.get("RateLimit-Policy"))).toEqual(
      Array(4).fill('"candidate";q=3;w=2592000'),
    );
  });
});

describe("failure: ladder per rule, reason reported", () => {
  it.each([
    ["local", [...Array(4).fill("200 degraded"), "429 degraded"]],
    ["open", Array(5).fill("200 degraded")],
    ["closed", Array(5).fill("503 degraded")],
  ])("%s", async (ladder, expected) => {
    await cluster.fault({ cut: ["CHI", "owner"] });
    const seen = await times(5, `/${ladder}`, newAddress(), ["CHI"]);
    expect(seen.map(({ status, decision }) => `${status} ${decision}`)).toEqual(expected);
  });
});

it("local deny cache: yes, announced before the first ask", async () => {
  const ip = newAddress();
  await times(7, "/quiet", ip, ["LHR"]);
  await until("TYO to hear that it is full", async () =>
    (await cluster.state()).pops
      .find(({ name }) => name === "TYO")
      ?.keys.some((key) => key.key === `ip=${ip}` && key.blockedUntil !== null),
  );
  const asked = async () => (await cluster.traffic()).pops.find(({ name }) => name === "TYO")?.calls;
  const before = await asked();
  const { status, decision } = await send(cluster, "TYO", "/quiet", ip);
  expect([status, decision, await asked()]).toEqual([429, "blocked", before]);
});

it("multi-region: one count, published bound", async () => {
  const ip = newAddress();
  const seen = await Promise.all(
    Array.from({ length: 80 }, (_, sent) => send(cluster, POPS[sent % 4] ?? "LHR", "/one", ip)),
  );
  expect(admitted(seen)).toBe(20);
  const { body } = await api("GET", "/v1/rules");
  const guarantee = (body as { rules: { name: string; guarantee: string }[] }).rules.find(
    ({ name }) => name === "one",
  )?.guarantee;
  expect(guarantee).toMatch(/20/);
});
