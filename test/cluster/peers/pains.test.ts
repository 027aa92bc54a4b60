/**
 * What hurts users of other limiters, and must be impossible here: one test for each report, named after it.
 *
 * More of the same stands elsewhere:
 *   1  test/cluster/bound.test.ts: random runs        6  test/cluster/failures.test.ts, scenarios.test.ts
 *   2  test/cluster/cost.test.ts                      7  test/unit/outbox.test.ts: Asks that are repeated and overtaken
 *   3  test/workerd/key-owner.test.ts: evictions      8  test/cluster/hostile.test.ts: spellings of addresses
 *   4  test/cluster/redeploy.test.ts: other limits    9  test/unit/turnover.test.ts: what is forgotten, and when
 *   5  test/cluster/many-rules.test.ts               10  npm run simulate: exact accounts after every step
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../../loadtest/cluster/cluster.ts";
import { SWEEP_PAUSE } from "../../../shared/limits.ts";
import { parseRules } from "../../../shared/rule.ts";
import { epochMs, windowAt, windowEnd } from "../../../shared/time.ts";
import { callApi } from "../api-client.ts";
import { newAddress, ownerOf, type Seen, send, until } from "../client.ts";
import { gridFor, sleepUntil } from "../windows.ts";
import { on, POPS } from "./rules.ts";

/** The clock of one process may be read a little late. */
const GUARD_MS = 20;
const RULES = [
  on("/exact", { limit: 10 }),
  on("/short", { limit: 5, window: "2s" }),
  on("/brief", { limit: 5, window: "1s" }),
  on("/priced", { limit: 10, cost: { by: "header:x-cost", max: 10 } }),
  on("/spread", { limit: 10, threshold: 4 }),
  on("/quiet", { limit: 10, threshold: 4 }),
  on("/plans", { limits: { by: "header:x-plan", pro: 5 } }),
  on("/low", { limit: 1 }),
  on("/high", { limit: 5 }),
  on("/wide", { match: { path: ["/a", "/b"] }, limit: 10 }),
  on("/narrow", { match: { path: "/a" }, limit: 3 }),
  on("/edge", { limit: 10, window: "4s", algorithm: "sliding-window" }),
  on("/closed", { limit: 10, deadline: "200ms", on_failure: "closed" }),
  on("/local", { limit: 10, deadline: "200ms", on_failure: "local" }),
  on("/resent", { limit: 10, deadline: "4s" }),
  on("/minute", { limit: 1 }),
  on("/second", { limit: 1, window: "1s", algorithm: "sliding-window" }),
  on("/hundred", { limit: 100 }),
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: RULES, distance: 0 });
});
afterEach(() => cluster.fault({ heal: true }));
afterAll(() => cluster.stop());

async function times(count: number, path: string, ip: string, pops: readonly string[] = POPS) {
  const seen: Seen[] = [];
  for (let sent = 0; sent < count; sent += 1)
    seen.push(await send(cluster, pops[sent % pops.length] ?? "LHR", path, ip));
  return seen;
}

const statuses = (seen: readonly Seen[]): number[] => seen.map(({ status }) => status);
/** So many that are admitted, and then so many that are not. */
const first = (admitted: number, denied: number): number[] => [
  ...Array(admitted).fill(200),
  ...Array(denied).fill(429),
];
const countOf = async (rule: string, ip: string): Promise<number | undefined> =>
  (await cluster.state()).owners.find((owner) => owner.rule === rule && owner.key === `ip=${ip}`)?.count;

describe("1. replicas that disagree", () => {
  it("mailgun/gubernator#208: no replica goes on saying that a client is under its limit", async () => {
    expect(statuses(await times(22, "/exact", newAddress()))).toEqual(first(10, 12));
  });

  it("mailgun/gubernator#225: the moment of the reset is the same everywhere", async () => {
    const ip = newAddress();
    await times(18, "/exact", ip);
    const { resetAt } = (await ownerOf(cluster, ip)) ?? {};
    const { pops } = await cluster.state();
    const known = pops.map(({ keys }) => keys.find(({ key }) => key === `ip=${ip}`)?.blockedUntil);
    expect(known).toEqual(Array(4).fill(resetAt));
  });
});

describe("2. verdicts instead of quantities", () => {
  it("unkeyed/unkey#6020: one oversized call does not bar a client from small ones", async () => {
    const ip = newAddress();
    const call = async (pop: string, cost: number) =>
      (await send(cluster, pop, "/priced", ip, { headers: { "X-Cost": String(cost) } })).status;
    expect(await call("LHR", 5)).toBe(200);
    for (const pop of POPS) expect([pop, await call(pop, 10)]).toEqual([pop, 429]);
    for (const pop of POPS) expect([pop, await call(pop, 1)]).toEqual([pop, 200]);
    expect([await call("LHR", 1), await call("LHR", 1)]).toEqual([200, 429]);
  });

  it("unkeyed/unkey#6461: what regions let through below their threshold is counted, to the last request", async () => {
    const ip = newAddress();
    for (const pop of ["CDG", "CHI", "TYO"])
      expect(statuses(await times(3, "/spread", ip, [pop]))).toEqual(first(3, 0));
    expect((await times(1, "/spread", ip, ["LHR"]))[0]?.decision).toBe("credit");
    // Ten so far, and no owner knows of one. The claim makes each of them known.
    await times(3, "/spread", ip, ["LHR"]);
    await until("the reports of all", async () => ((await countOf("spread", ip)) ?? 0) >= 12);
    expect(statuses(await times(8, "/spread", ip))).toEqual(first(0, 8));
  });
});

describe("3. one object for everyone, and counters in memory", () => {
  it("nftstorage/nftstorage.link#17: quiet clients ask no object at all, busy ones each their own", async () => {
    const calls = async () => (await cluster.traffic()).pops.reduce((sum, pop) => sum + pop.calls, 0);
    const clients = Array.from({ length: 20 }, newAddress);
    const before = await calls();
    for (const ip of clients) expect(statuses(await times(3, "/quiet", ip, ["LHR"]))).toEqual(first(3, 0));
    expect(await calls()).toBe(before);
    for (const ip of clients) await times(1, "/quiet", ip, ["LHR"]);
    expect(await calls()).toBe(before + clients.length);
    // One of these objects dies: nobody else's count began anew.
    await cluster.fault({ kill: "owner", rule: "quiet", key: `ip=${clients[0]}` });
    await times(1, "/quiet", clients[0] ?? "", ["LHR"]);
    await times(1, "/quiet", clients[1] ?? "", ["LHR"]);
    const { owners } = await cluster.state();
    const mine = owners.filter(({ rule }) => rule === "quiet").map(({ key, epoch }) => [key, epoch]);
    expect(Object.fromEntries(mine)).toEqual(
      Object.fromEntries(clients.map((ip, at) => [`ip=${ip}`, at === 0 ? 2 : 1])),
    );
  });

  it("cloudflare/workers-sdk#14962: a counter that leaves memory in mid-window goes on where it was", async () => {
    const ip = newAddress();
    for (let part = 0; part < 2; part += 1) {
      expect(statuses(await times(5, "/exact", ip))).toEqual(first(5, 0));
      await cluster.fault({ kill: "owner", rule: "exact", key: `ip=${ip}` });
    }
    expect(statuses(await times(4, "/exact", ip))).toEqual(first(0, 4));
  });
});

describe("4. a deny cache that knows no limits", () => {
  it("envoyproxy/ratelimit#1077: a low limit does not poison a higher one of the same client and the same name", async () => {
    const ip = newAddress();
    const as = async (plan: string) =>
      (await send(cluster, "LHR", "/plans", ip, { headers: { "X-Plan": plan } })).status;
    const seen = [];
    for (const plan of ["none", "none", "none", "pro", "pro", "pro", "pro", "pro", "pro", "none"])
      seen.push(await as(plan));
    expect(seen).toEqual([200, 429, 429, 200, 200, 200, 200, 200, 429, 429]);
  });

  it("envoyproxy/ratelimit#1077: nor one of another name", async () => {
    const ip = newAddress();
    expect(statuses(await times(3, "/low", ip, ["LHR"]))).toEqual(first(1, 2));
    expect(statuses(await times(6, "/high", ip, ["LHR"]))).toEqual(first(5, 1));
  });
});

describe("5. denials that cost, and bursts at the edges", () => {
  it("envoyproxy/ratelimit#427, #185: requests that one rule denies use up nothing of another", async () => {
    const ip = newAddress();
    expect(statuses(await times(23, "/a", ip))).toEqual(first(3, 20));
    await until("what was granted in vain to be handed back", async () => (await countOf("wide", ip)) === 3);
    expect(statuses(await times(9, "/b", ip))).toEqual(first(7, 2));
  });
});

describe("6. a store out of reach", () => {
  it("upstash/ratelimit-js#66: an answer that did not come is no genuine admission, and says so", async () => {
    await cluster.fault({ cut: ["LHR", "owner"] });
    const closed = await send(cluster, "LHR", "/closed", newAddress());
    expect([closed.status, closed.decision, closed.headers.get("Retry-After")]).toEqual([
      503,
      "degraded",
      "1",
    ]);
    const local = await send(cluster, "LHR", "/local", newAddress());
    expect([local.status, local.decision]).toEqual([200, "degraded"]);
    const limit = async (rule: string) =>
      (await callApi(cluster, "POST", "/v1/limit", { rule, key: newAddress() })).body;
    expect(await limit("closed")).toMatchObject({ decision: { admitted: false, how: "degraded" } });
    expect(await limit("local")).toMatchObject({ decision: { admitted: true, how: "degraded" } });
  });

  it("traefik/traefik#12043: a blip of the store is no 500 on any route", async () => {
    for (const pop of POPS) await cluster.fault({ cut: [pop, "owner"] });
    const routes = ["/no-rule", "/quiet", "/local", "/closed"];
    const seen = [];
    for (const path of routes)
      seen.push(
        ...(await times(2, path, newAddress())).map(({ status, decision }) => `${status} ${decision}`),
      );
    expect(seen).toEqual([
      ...["200 unlimited", "200 unlimited"],
      ...["200 credit", "200 credit"],
      ...["200 degraded", "200 degraded"],
      ...["503 degraded", "503 degraded"],
    ]);
  });
});

describe("7. counts and headers at random", () => {
  it("Kong/kong#11859: what is sent twice is counted once", async () => {
    const ip = newAddress();
    await times(2, "/resent", ip, ["LHR"]);
    for (const pop of ["LHR", "CDG"]) {
      await cluster.fault({ next: "lost", link: [pop, "owner"] });
      expect(statuses(await times(2, "/resent", ip, [pop]))).toEqual(first(2, 0));
    }
    expect(await countOf("resent", ip)).toBe(6);
    expect(statuses(await times(6, "/resent", ip))).toEqual(first(4, 2));
  });

  it("Kong/kong#11846: the quota stands on every answer, however it was decided", async () => {
    const ip = newAddress();
    const seen = [...(await times(6, "/quiet", ip, ["LHR"])), ...(await times(18, "/quiet", ip))];
    await cluster.fault({ cut: ["LHR", "owner"] });
    seen.push(...(await times(2, "/local", newAddress(), ["LHR"])));
    seen.push(...(await times(2, "/closed", newAddress(), ["LHR"])));
    expect(new Set(seen.map(({ decision }) => decision))).toEqual(
      new Set(["credit", "owner", "blocked", "degraded"]),
    );
    for (const { headers } of seen) {
      expect(headers.get("RateLimit-Policy")).toMatch(/^"\w+";q=10;w=2592000$/);
      expect(headers.get("RateLimit")).toMatch(/^"\w+";r=\d+;t=\d+$/);
    }
  });
});

describe("8. addresses", () => {
  const each = async (addresses: readonly string[]) => {
    const seen = [];
    for (const ip of addresses) seen.push((await send(cluster, "LHR", "/low", ip)).status);
    return seen;
  };

  it("express-rate-limit#502, #667: whoever turns round the addresses of a /64 is one client", async () => {
    expect(
      await each(
        ["::1", "::2", "1:2:3:4", "ffff:ffff:ffff:ffff"].map(
          (end) => `2001:db8:0:50${end.startsWith(":") ? "" : ":"}${end}`,
        ),
      ),
    ).toEqual(first(1, 3));
    expect(await each(["2001:db8:0:51::1"])).toEqual([200]);
  });

  it("express-rate-limit#502, #667: ::ffff:1.2.3.4 is that IPv4 address, and not all of them", async () => {
    expect(await each(["::ffff:192.0.2.1", "192.0.2.1", "::ffff:c000:201"])).toEqual(first(1, 2));
    expect(await each(["::ffff:192.0.2.2", "192.0.2.3"])).toEqual(first(2, 0));
  });

  it("express-rate-limit#502, #667: 2001:db8::1.2.3.4 is in its subnet", async () => {
    expect(await each(["2001:db8:0:52::1.2.3.4", "2001:db8:0:52::5", "2001:db8:0:52::9.9.9.9"])).toEqual(
      first(1, 2),
    );
  });
});

// These mostly wait, so they wait together.
describe.concurrent("windows that end", () => {
  it("1. mailgun/gubernator#225: a counter resets when its window is over, at every replica", async () => {
    const ip = newAddress();
    for (let window = 0; window < 2; window += 1) {
      await until("a denial", async () => (await times(1, "/short", ip))[0]?.status === 429);
      await sleepUntil(((await ownerOf(cluster, ip))?.resetAt ?? 0) + GUARD_MS);
      expect(statuses(await times(4, "/short", ip))).toEqual(first(4, 0));
    }
  });

  it("5. envoyproxy/ratelimit#32: no two bursts across the edge of a window", async () => {
    const parsed = parseRules(RULES);
    // Where the machine was too slow to send both in time, another client tries.
    for (let tries = 0; tries < 5; tries += 1) {
      const ip = newAddress();
      const grid = await gridFor(parsed.ok ? parsed.rules : [], "edge", ip);
      const edge = windowEnd(grid, windowAt(grid, epochMs(Date.now() + 1_000)));
      await sleepUntil(edge - 1_000);
      const before = await times(10, "/edge", ip);
      if (Date.now() >= edge - GUARD_MS) continue;
      await sleepUntil(edge + GUARD_MS);
      const after = await times(10, "/edge", ip);
      // A tenth of the window lets in the first again.
      if (Date.now() >= edge + grid.lengthMs / 10 - GUARD_MS) continue;
      expect([statuses(before), statuses(after)]).toEqual([first(10, 0), first(0, 10)]);
      return;
    }
    throw new Error("this machine is too slow to show anything");
  });

  it("9. fastify-rate-limit#324: Retry-After is what is left of the window, to the second", async () => {
    const ip = newAddress();
    await times(1, "/minute", ip);
    const { resetAt = 0 } = (await ownerOf(cluster, ip)) ?? {};
    for (let look = 0; look < 3; look += 1) {
      const from = Date.now();
      const [denied] = await times(1, "/minute", ip);
      const wait = Number(denied?.headers.get("Retry-After"));
      expect(denied?.status).toBe(429);
      expect(wait).toBeLessThanOrEqual(Math.ceil((resetAt - from) / 1_000));
      expect(wait).toBeGreaterThanOrEqual(Math.ceil((resetAt - Date.now()) / 1_000));
      await sleepUntil(from + 400);
    }
  });

  it("9. express-rate-limit#553: Retry-After is never left out and never 0, however near the end is", async () => {
    const ip = newAddress();
    const waits: (string | null)[] = [];
    const enough = Date.now() + 2_200;
    while (Date.now() < enough) {
      const [answer] = await times(1, "/second", ip);
      if (answer?.status === 429) waits.push(answer.headers.get("Retry-After"));
      await sleepUntil(Date.now() + GUARD_MS);
    }
    expect(waits.length).toBeGreaterThan(10);
    // A sliding window that was used up at its beginning is full for two.
    expect(waits.filter((wait) => wait !== "1" && wait !== "2")).toEqual([]);
  });

  it("9. upstash/ratelimit-js#39: a sliding window of 1 admits one, and one again when two windows have passed", async () => {
    const ip = newAddress();
    for (let round = 0; round < 3; round += 1) {
      const sentAt = Date.now();
      expect(statuses(await times(1, "/second", ip))).toEqual([200]);
      await sleepUntil(sentAt + 2_000 + 5 * GUARD_MS);
    }
  });

  it("9. upstash/ratelimit-js#95: a key whose client has gone is forgotten, by its owner and by every POP", async () => {
    const ip = newAddress();
    await times(8, "/brief", ip);
    expect(await ownerOf(cluster, ip)).toBeDefined();
    const forgotten = async (): Promise<boolean> => {
      const { owners, pops } = await cluster.state();
      return ![...owners, ...pops.flatMap(({ keys }) => keys)].some(({ key }) => key === `ip=${ip}`);
    };
    // Four windows and, where the eight fell into two of them, the owner's pause before it looks again.
    await until("everybody to have forgotten it", forgotten, 4 + SWEEP_PAUSE / 1_000 + 10);
  });
});

it("10. tests that accept 50 to 150 % of what is claimed: of 400 at once, at four POPs, 100 and no other number", async () => {
  const ip = newAddress();
  const seen = await Promise.all(
    Array.from({ length: 400 }, (_, sent) => send(cluster, POPS[sent % 4] ?? "LHR", "/hundred", ip)),
  );
  expect(statuses(seen).sort()).toEqual(first(100, 300));
});
