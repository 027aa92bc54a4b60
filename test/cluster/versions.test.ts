/** Workers and objects of different releases side by side, over HTTP. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, type ClusterOptions, startCluster } from "../../loadtest/cluster/cluster.ts";
import { bound } from "../../shared/bound.ts";
import { SCHEMA } from "../../shared/protocol/schema.ts";
import { newAddress, ownerOf, send, until } from "./client.ts";

const POPS = ["LHR", "CDG", "CHI", "TYO"];
const LIMIT = 20;
// A long deadline: these runs must not depend on how fast this machine is.
const base = { limit: LIMIT, window: "30d", algorithm: "fixed-window", deadline: "10s" };
const RULES = [
  { ...base, name: "quiet", match: { path: "/quiet" }, threshold: 4 },
  { ...base, name: "exact", match: { path: "/exact" }, threshold: 1 },
  { ...base, name: "shared", match: { path: "/shared" }, threshold: 1, owners: 2 },
];

/** Sends `count` requests round the POPs, one after another; returns the statuses. */
async function round(cluster: Cluster, path: string, ip: string, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let request = 0; request < count; request += 1) {
    statuses.push((await send(cluster, POPS[request % POPS.length] ?? "LHR", path, ip)).status);
  }
  return statuses;
}

const times = (status: number, statuses: readonly number[]): number =>
  statuses.filter((one) => one === status).length;

describe.each<[string, NonNullable<ClusterOptions["schemas"]>]>([
  ["objects of the previous schema under new Workers", { objects: SCHEMA - 1 }],
  ["objects of this schema under Workers of the previous one", { workers: SCHEMA - 1 }],
  ["objects of a schema to come under Workers of this one", { objects: SCHEMA + 1 }],
  ["objects of this schema under Workers of one to come", { workers: SCHEMA + 1 }],
])("%s", (_what, schemas) => {
  let cluster: Cluster;
  const lines: string[] = [];
  beforeAll(async () => {
    cluster = await startCluster({ rules: RULES, schemas, onOutput: (line) => lines.push(line) });
  });
  afterAll(() => cluster.stop());

  it.each(["/exact", "/shared"])(
    "%s: many at once at every POP, and exactly the limit is admitted",
    async (path) => {
      const ip = newAddress();
      const seen = await Promise.all(
        POPS.flatMap((pop) => Array.from({ length: 10 }, () => send(cluster, pop, path, ip))),
      );
      const statuses = seen.map(({ status }) => status);
      expect([times(200, statuses), times(429, statuses)]).toEqual([LIMIT, LIMIT]);
      expect((await ownerOf(cluster, ip))?.count).toBe(LIMIT);
    },
  );

  it("what POPs admitted by themselves is reported, and the bound holds", async () => {
    const ip = newAddress();
    const statuses = await round(cluster, "/quiet", ip, 2 * LIMIT);
    const admitted = times(200, statuses);
    expect(admitted + times(429, statuses)).toBe(2 * LIMIT);
    expect(admitted).toBeGreaterThanOrEqual(LIMIT);
    expect(admitted).toBeLessThanOrEqual(bound({ limit: LIMIT, threshold: 4, sources: POPS.length }));
    await until("all of it in the count", async () => (await ownerOf(cluster, ip))?.count === admitted);
  });

  it("a block is heard at a POP that never asked", async () => {
    const ip = newAddress();
    for (let request = 0; request <= LIMIT; request += 1) await send(cluster, "LHR", "/quiet", ip);
    await until("the block at TYO", async () => {
      const tyo = (await cluster.state()).pops.find((pop) => pop.name === "TYO");
      return tyo?.keys.some((key) => key.key === `ip=${ip}` && key.blockedUntil !== null);
    });
    const { status, decision } = await send(cluster, "TYO", "/quiet", ip);
    expect([status, decision]).toEqual([429, "blocked"]);
  });

  it("an owner that dies forgets no grant", async () => {
    const ip = newAddress();
    await round(cluster, "/exact", ip, 12);
    await cluster.fault({ kill: "owner", rule: "exact", key: `ip=${ip}` });
    const statuses = await round(cluster, "/exact", ip, 12);
    expect([times(200, statuses), times(429, statuses)]).toEqual([LIMIT - 12, 4]);
  });

  it("nobody fills the log with it", () => {
    const older = lines.filter((line) => line.includes("older-owner"));
    // Each POP is one isolate, and says it once.
    expect(older.length).toBe((schemas.objects ?? SCHEMA) < (schemas.workers ?? SCHEMA) ? POPS.length : 0);
    expect(lines.filter((line) => line.includes("unreadable"))).toEqual([]);
  });
});

describe("objects that find what another release stored", () => {
  let storage: string;
  beforeAll(async () => {
    storage = await mkdtemp(join(tmpdir(), "onecount-storage-"));
  });
  afterAll(() => rm(storage, { recursive: true, force: true }));

  /** Sends 12 requests to a new cluster of these schemas over the same storage; returns how they ended, and its log. */
  async function visit(ip: string, objects: number) {
    const lines: string[] = [];
    const cluster = await startCluster({
      rules: RULES,
      schemas: { objects },
      storage,
      onOutput: (line) => lines.push(line),
    });
    try {
      const statuses = await round(cluster, "/exact", ip, 12);
      const owner = await ownerOf(cluster, ip);
      return { statuses, owner, unreadable: lines.filter((line) => line.includes("unreadable-row")) };
    } finally {
      await cluster.stop();
    }
  }

  it("an upgrade keeps every count", async () => {
    const ip = newAddress();
    expect((await visit(ip, SCHEMA - 1)).owner).toMatchObject({ count: 12, epoch: 1 });
    const { statuses, owner, unreadable } = await visit(ip, SCHEMA);
    expect([times(200, statuses), times(429, statuses)]).toEqual([LIMIT - 12, 4]);
    expect(owner).toMatchObject({ count: LIMIT, epoch: 2 });
    expect(unreadable).toEqual([]);
  });

  it("a rollback starts a fresh epoch from what sources say, answers everybody, and logs it once", async () => {
    const ip = newAddress();
    await visit(ip, SCHEMA);
    // The sources of the first visit have died with their isolates: nobody can tell of their 12 any more.
    const back = await visit(ip, SCHEMA - 1);
    expect(times(200, back.statuses)).toBe(12);
    expect(back.owner).toMatchObject({ count: 12 });
    expect(back.unreadable).toHaveLength(1);
    const again = await visit(ip, SCHEMA);
    expect([times(200, again.statuses), times(429, again.statuses)]).toEqual([LIMIT - 12, 4]);
    expect(again.unreadable).toEqual([]);
  });
});
