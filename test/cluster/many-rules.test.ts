/** Several rules on one request: all or nothing, asked in order, handed back on a denial. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { newAddress, type Seen, send, until } from "./client.ts";

const POPS = ["LHR", "CDG", "CHI", "TYO"];
const DENIED = 1_000;
const base = { window: "30d", algorithm: "fixed-window", deadline: "10s" };
const RULES = [
  // The first always asks its owner, and the second has room left, but never enough: so every request is granted
  // by the one and denied by the other, and what was granted is handed back.
  { ...base, name: "owned", match: { path: "/owned" }, limit: 500, threshold: 1 },
  { ...base, name: "owned-scarce", match: { path: "/owned" }, limit: 3, cost: 2, threshold: 1 },
  // The first never asks; the second is full after one.
  { ...base, name: "silent", match: { path: "/silent" }, limit: 500, threshold: 400 },
  { ...base, name: "silent-scarce", match: { path: "/silent" }, limit: 1, threshold: 1 },
  // Whoever is granted the one must be granted the other, or give it back.
  { ...base, name: "single-a", match: { path: "/single" }, limit: 1, threshold: 1 },
  { ...base, name: "single-b", match: { path: "/single" }, limit: 1, threshold: 1, on_failure: "closed" },
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: RULES, distance: 0.1 });
});
afterAll(() => cluster.stop());

/** Sends `count` requests, `together` at a time, round `pops`. */
async function flood(path: string, ip: string, count: number, together: number, pops = POPS) {
  const seen: Seen[] = [];
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let number = next++; number < count; number = next++) {
      seen.push(await send(cluster, pops[number % pops.length] ?? "LHR", path, ip));
    }
  };
  await Promise.all(Array.from({ length: together }, sender));
  return seen;
}

/** What a rule has counted for a client: at its owner (`undefined` without one), and at every POP. */
async function counts(rule: string, ip: string) {
  const { owners, pops } = await cluster.state();
  const mine = (row: { rule: string; key: string }) => row.rule === rule && row.key === `ip=${ip}`;
  return { owner: owners.find(mine)?.count, pops: pops.map(({ keys }) => keys.find(mine)?.used ?? 0) };
}

const statuses = (seen: readonly Seen[]): ReadonlySet<number> => new Set(seen.map(({ status }) => status));

describe(`${DENIED} requests that one rule denies leave another's count unchanged`, () => {
  it("when that one has an owner, which grants each of them first", async () => {
    const ip = newAddress();
    expect((await send(cluster, "LHR", "/owned", ip)).status).toBe(200);
    const denied = await flood("/owned", ip, DENIED, 64);
    expect(statuses(denied)).toEqual(new Set([429]));
    // It was no mere local denial: owners were asked.
    expect(denied.filter(({ decision }) => decision === "owner").length).toBeGreaterThan(DENIED / 2);
    await until("the owner's count to be one", async () => (await counts("owned", ip)).owner === 1);
    expect((await counts("owned", ip)).pops.reduce((sum, used) => sum + used, 0)).toBe(1);
    expect((await counts("owned-scarce", ip)).owner).toBe(2);
  });

  it("when that one has none", async () => {
    const ip = newAddress();
    expect((await send(cluster, "LHR", "/silent", ip)).status).toBe(200);
    const denied = await flood("/silent", ip, DENIED, 16);
    expect(statuses(denied)).toEqual(new Set([429]));
    expect(await counts("silent", ip)).toEqual({ owner: undefined, pops: [1, 0, 0, 0] });
    expect((await counts("silent-scarce", ip)).owner).toBe(1);
  });

  it("and each of them lists both policies and names the rule that denied", async () => {
    const ip = newAddress();
    await send(cluster, "LHR", "/silent", ip);
    const { headers } = await send(cluster, "CDG", "/silent", ip);
    expect(headers.get("RateLimit-Policy")).toMatch(/^"silent";q=500;w=\d+, "silent-scarce";q=1;w=\d+$/);
    expect(headers.get("RateLimit")).toMatch(/^"silent";r=500;t=\d+, "silent-scarce";r=0;t=\d+$/);
    expect(headers.get("x-onecount")).toMatch(/rule=silent-scarce$/);
  });
});

it("two rules of limit 1 and two POPs: of those who come at once exactly one gets in, for every client", async () => {
  const clients = Array.from({ length: 100 }, newAddress);
  const outcomes: string[] = [];
  const play = async (ip: string): Promise<void> => {
    const seen = await flood("/single", ip, 4, 4, ["LHR", "CDG"]);
    const again = await flood("/single", ip, 2, 2, ["LHR", "CDG"]);
    const admitted = [...seen, ...again].filter(({ status }) => status === 200).length;
    if (admitted !== 1) outcomes.push(`${ip}: ${admitted}`);
  };
  for (let start = 0; start < clients.length; start += 25) {
    await Promise.all(clients.slice(start, start + 25).map(play));
  }
  expect(outcomes).toEqual([]);
});
