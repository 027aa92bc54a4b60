/** The failure table, row by row, over HTTP. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { bound } from "../../shared/bound.ts";
import { newAddress, ownerOf, send, until } from "./client.ts";

const POPS = ["LHR", "CDG", "CHI", "TYO"];
const base = { limit: 20, threshold: 4, window: "30d", algorithm: "fixed-window" };
const RULES = [
  // A long deadline: these runs must not depend on how fast this machine is.
  { ...base, name: "patient", match: { path: "/patient" }, deadline: "10s" },
  { ...base, name: "local", match: { path: "/local" }, on_failure: "local", deadline: "200ms" },
  { ...base, name: "open", match: { path: "/open" }, on_failure: "open", deadline: "200ms" },
  { ...base, name: "closed", match: { path: "/closed" }, on_failure: "closed", deadline: "200ms" },
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: RULES });
});
afterEach(() => cluster.fault({ heal: true }));
afterAll(() => cluster.stop());

/** Sends `count` requests round the POPs, one after another; returns the statuses. */
async function round(path: string, ip: string, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let request = 0; request < count; request += 1) {
    statuses.push((await send(cluster, POPS[request % POPS.length] ?? "LHR", path, ip)).status);
  }
  return statuses;
}

const admittedOf = (statuses: readonly number[]): number =>
  statuses.filter((status) => status === 200).length;

describe("an owner that dies", () => {
  it("forgets no grant: with requests going on, the bound and the limit hold, and the epoch rises", async () => {
    const ip = newAddress();
    await round("/patient", ip, 16);
    const before = await ownerOf(cluster, ip);
    const [, statuses] = await Promise.all([
      cluster.fault({ kill: "owner", rule: "patient", key: `ip=${ip}` }),
      Promise.all(
        POPS.map((pop) => Promise.all(Array.from({ length: 10 }, () => send(cluster, pop, "/patient", ip)))),
      ),
    ]);
    const late = await round("/patient", ip, 8);
    const admitted = 16 + admittedOf(statuses.flat().map(({ status }) => status)) + admittedOf(late);
    expect(admitted).toBeLessThanOrEqual(bound({ limit: 20, threshold: 4, sources: 4 }));
    expect(admitted).toBeGreaterThanOrEqual(20);
    const after = await ownerOf(cluster, ip);
    expect(after?.epoch).toBeGreaterThan(before?.epoch ?? 0);
  });

  it("leaves a block standing", async () => {
    const ip = newAddress();
    await round("/patient", ip, 30);
    await cluster.fault({ kill: "owner", rule: "patient", key: `ip=${ip}` });
    expect(new Set(await round("/patient", ip, 8))).toEqual(new Set([429]));
  });
});

describe("an owner that is cut off", () => {
  /** A client that LHR has claimed; then LHR cannot reach the owner. */
  async function cutOff(path: string): Promise<string> {
    const ip = newAddress();
    for (let request = 0; request < 5; request += 1) await send(cluster, "LHR", path, ip);
    await cluster.fault({ cut: ["LHR", "owner"] });
    return ip;
  }

  it("on_failure = local: its source admits up to the limit by itself, says so, and tells the owner later", async () => {
    const ip = await cutOff("/local");
    const seen = [];
    for (let request = 0; request < 6; request += 1) seen.push(await send(cluster, "LHR", "/local", ip));
    expect(seen.map(({ status, decision }) => [status, decision])).toEqual(Array(6).fill([200, "degraded"]));
    await cluster.fault({ heal: true });
    await until(
      "what was admitted meanwhile in the owner's count",
      async () => (await ownerOf(cluster, ip))?.count === 11,
    );
  });

  it("on_failure = local: its source admits no more than the limit by itself", async () => {
    const ip = await cutOff("/local");
    const burst = await Promise.all(Array.from({ length: 40 }, () => send(cluster, "LHR", "/local", ip)));
    expect(admittedOf(burst.map(({ status }) => status))).toBe(15);
    expect(new Set(burst.map(({ decision }) => decision))).toEqual(new Set(["degraded"]));
  });

  it("on_failure = open: admits, beyond the limit too, and says so", async () => {
    const ip = await cutOff("/open");
    const burst = await Promise.all(Array.from({ length: 40 }, () => send(cluster, "LHR", "/open", ip)));
    expect(burst.map(({ status, decision }) => [status, decision])).toEqual(
      Array(40).fill([200, "degraded"]),
    );
  });

  it("on_failure = closed: answers 503 with Retry-After, and charges nothing", async () => {
    const ip = await cutOff("/closed");
    const { status, decision, headers } = await send(cluster, "LHR", "/closed", ip);
    expect([status, decision, headers.get("Retry-After")]).toEqual([503, "degraded", "1"]);
    await cluster.fault({ heal: true });
    await until(
      "the owner to be reached again",
      async () => (await send(cluster, "LHR", "/closed", ip)).decision === "owner",
    );
    await until("the owner's count", async () => (await ownerOf(cluster, ip))?.count === 6);
  });
});

describe("a hub that is cut off", () => {
  it("costs accuracy, never the bound", async () => {
    for (const pop of POPS) await cluster.fault({ cut: [pop, "hub"] });
    const ip = newAddress();
    const statuses = await round("/patient", ip, 60);
    expect(admittedOf(statuses)).toBeLessThanOrEqual(bound({ limit: 20, threshold: 4, sources: 4 }));
    expect(admittedOf(statuses)).toBeGreaterThanOrEqual(20);
  });

  it("is followed again once mended", async () => {
    await cluster.fault({ cut: ["TYO", "hub"] });
    const missed = newAddress();
    await round("/patient", missed, 16);
    await cluster.fault({ heal: true });
    const claimed = new Set<string>();
    await until("TYO to hear of a claim", async () => {
      const ip = newAddress();
      claimed.add(`ip=${ip}`);
      for (let request = 0; request < 4; request += 1) await send(cluster, "LHR", "/patient", ip);
      const tyo = (await cluster.state()).pops.find((pop) => pop.name === "TYO");
      return tyo?.keys.some((key) => claimed.has(key.key) && key.claimed);
    });
  });
});
