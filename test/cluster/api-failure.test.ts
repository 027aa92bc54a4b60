/** The HTTP API while owners and hubs are out of reach, or of another release: 503 within a bounded time, never 500. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { COMMAND_MAX } from "../../shared/limits.ts";
import { SCHEMA } from "../../shared/protocol/schema.ts";
import { type Answered, audits, callApi, heardEverywhere, keyPath } from "./api-client.ts";
import { newAddress, send, until } from "./client.ts";

const RULES = [
  {
    name: "ip",
    limit: 5,
    window: "30d",
    threshold: 1,
    algorithm: "fixed-window",
    deadline: "500ms",
    on_failure: "closed",
  },
];
/** What a slow machine may take longer. */
const SLACK_MS = 3_000;

const unreached = {
  status: 503,
  type: "application/problem+json",
  detail: expect.stringMatching(/could not be reached within 5s; .* can be repeated$/),
};

describe("a POP that is cut off from owners and hub", () => {
  let cluster: Cluster;
  const lines: string[] = [];
  const [ip, lostIp, name] = [newAddress(), newAddress(), newAddress()];
  const requests = [
    { rule: "ip", key: name },
    { rule: "ip", key: name, cost: 6 },
    { rule: "nowhere", key: name },
  ];
  const block = (of: string) => ["PUT", keyPath("blocks", "ip", of), { seconds: 600 }] as const;
  /** What each call got, all made at once. */
  let seen: Readonly<Record<string, Answered>>;

  async function timed(method: string, path: string, body?: unknown, pop = "LHR"): Promise<Answered> {
    const startedAt = performance.now();
    const answered = await callApi(cluster, method, path, body, { pop });
    expect(performance.now() - startedAt).toBeLessThan(COMMAND_MAX + SLACK_MS);
    return answered;
  }

  beforeAll(async () => {
    cluster = await startCluster({
      rules: RULES,
      pops: ["LHR", "CDG"],
      distance: 0,
      onOutput: (line) => lines.push(line),
    });
    await send(cluster, "LHR", "/", ip);
    await cluster.fault({ cut: ["LHR", "owner"] });
    await cluster.fault({ cut: ["LHR", "hub"] });
    await cluster.fault({ next: "lost", link: ["CDG", "owner"] });
    const calls: Record<string, Promise<Answered>> = {
      inspect: timed("GET", keyPath("keys", "ip", ip)),
      peek: timed("POST", "/v1/peek", { rule: "ip", key: ip }),
      claims: timed("GET", "/v1/claims"),
      reset: timed("DELETE", keyPath("keys", "ip", ip)),
      block: timed(...block(ip)),
      unblock: timed("DELETE", keyPath("blocks", "ip", ip)),
      override: timed("PUT", keyPath("overrides", "ip", ip), { limit: 9, seconds: 600 }),
      overrideBack: timed("DELETE", keyPath("overrides", "ip", ip)),
      lost: timed(...block(lostIp), "CDG"),
      limits: timed("POST", "/v1/limit", { requests }),
      peeks: timed("POST", "/v1/peek", { requests }),
      rules: timed("GET", "/v1/rules"),
      healthz: timed("GET", "/healthz"),
    };
    const answers = Object.entries(calls).map(async ([what, call]) => [what, await call] as const);
    seen = Object.fromEntries(await Promise.all(answers));
    await cluster.fault({ heal: true });
    return () => cluster.stop();
  });

  it("answers whatever needs them with 503 within a bounded time, and everything else as ever", () => {
    const { limits, peeks, rules, healthz, ...others } = seen;
    for (const [what, answer] of Object.entries(others)) {
      expect([what, answer]).toMatchObject([what, unreached]);
      expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThanOrEqual(1);
    }
    expect(seen.claims?.detail).toContain("the region's hub");
    expect([rules?.status, healthz?.status, limits?.status, peeks?.status]).toEqual([200, 200, 200, 200]);
  });

  it("decides by on_failure what is counted by name, and each of a batch for itself", () => {
    const unknownRule = { error: { code: "unknown-rule" } };
    const unavailable = { error: { code: "unavailable", message: unreached.detail } };
    expect(seen.limits?.body).toMatchObject({
      decisions: [
        { admitted: false, how: "degraded", retryAfterSeconds: 1 },
        { admitted: false, how: "blocked" },
        unknownRule,
      ],
    });
    expect(seen.peeks?.body).toMatchObject({ decisions: [unavailable, unavailable, unknownRule] });
  });

  it("has a line in the log for each change of which nobody knows whether it was made", async () => {
    const lineOf = ({ what, outcome }: Record<string, unknown>) => `${what} ${outcome}`;
    await until("all lines", async () => audits(lines).length >= 6);
    expect(audits(lines).slice(0, 6).map(lineOf).sort()).toEqual([
      "block unknown",
      "block unknown",
      "override unknown",
      "override unknown",
      "reset unknown",
      "unblock unknown",
    ]);
  });

  it("does what it could not do, once it is asked again", async () => {
    expect(await callApi(cluster, "GET", keyPath("keys", "ip", ip))).toMatchObject({
      body: { accounts: [{ count: 1, blockedUntil: null, override: null }] },
    });
    expect(await timed(...block(ip))).toMatchObject({ status: 200, body: { accounts: [{ count: 1 }] } });
    expect((await send(cluster, "CDG", "/", ip)).status).toBe(429);
  });

  it("does nothing twice when what was done is asked for again", async () => {
    // The block was made, and its answer was lost.
    const blocked = { accounts: [{ count: 0, blockedUntil: expect.any(Number) }] };
    expect((await callApi(cluster, "GET", keyPath("keys", "ip", lostIp))).body).toMatchObject(blocked);
    for (let time = 0; time < 2; time += 1)
      expect((await timed(...block(lostIp))).body).toMatchObject(blocked);
    const reset = { accounts: [{ count: 0, blockedUntil: null }] };
    for (let time = 0; time < 2; time += 1)
      expect((await timed("DELETE", keyPath("keys", "ip", lostIp))).body).toMatchObject(reset);
    await heardEverywhere(
      cluster,
      `ip=${lostIp}`,
      "the release",
      ({ blockedUntil }) => blockedUntil === null,
    );
    expect((await send(cluster, "CDG", "/", lostIp)).status).toBe(200);
  });

  it.each(["overloaded", "reset"])("is answered 503 at once by an owner that is %s", async (next) => {
    const other = newAddress();
    await cluster.fault({ next, link: ["LHR", "owner"] });
    expect(await timed(...block(other))).toMatchObject(unreached);
    expect(await timed(...block(other))).toMatchObject({ status: 200, body: { accounts: [{ count: 0 }] } });
    expect((await send(cluster, "CDG", "/", other)).status).toBe(429);
  });
});

describe.each([
  ["older", { objects: SCHEMA - 1 }],
  ["newer", { objects: SCHEMA + 1 }],
])("objects of a release that is %s", (_what, schemas) => {
  it("take commands in the schema that both speak", async () => {
    const cluster = await startCluster({ rules: RULES, pops: ["LHR"], distance: 0, schemas });
    try {
      const ip = newAddress();
      expect(await callApi(cluster, "PUT", keyPath("blocks", "ip", ip), { seconds: 600 })).toMatchObject({
        status: 200,
        body: { accounts: [{ blockedUntil: expect.any(Number) }] },
      });
      expect((await send(cluster, "LHR", "/", ip)).status).toBe(429);
    } finally {
      await cluster.stop();
    }
  });
});
