/**
 * A block that outlasts its window, over HTTP: everywhere, through the deaths of its owner, and no longer than it
 * was meant to. Nothing is measured by the clock of this test alone: the owner says until when the block lasts, and an
 * answer is judged by whether it was sent or received before or after that moment.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { newAddress, ownerOf, type Seen, send, until } from "./client.ts";

const POPS = ["LHR", "CDG", "CHI", "TYO"];
/** With ONECOUNT_LONG=1 the block outlasts BLOCK_TRUST, so that every POP has to confirm it; else it is over sooner. */
const BLOCK_MS = process.env.ONECOUNT_LONG === "1" ? 30_000 : 6_000;
const base = { window: "2s", algorithm: "fixed-window", deadline: "10s" };
const RULES = [
  { ...base, name: "long", match: { path: "/long" }, limit: 1, threshold: 1, block_for: "30d" },
  { ...base, name: "penalty", match: { path: "/" }, limit: 10, threshold: 4, block_for: `${BLOCK_MS}ms` },
];
/** The clock of one process may be read a little late. */
const GUARD_MS = 20;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: RULES, distance: 0.2 });
});
afterAll(() => cluster.stop());

/** Fires round the POPs until one of them denies. */
async function untilDenied(ip: string): Promise<Seen> {
  for (let number = 0; ; number += 1) {
    const seen = await send(cluster, POPS[number % POPS.length] ?? "LHR", "/", ip);
    if (seen.status === 429) return seen;
  }
}

const kill = (ip: string): Promise<void> =>
  cluster.fault({ kill: "owner", rule: "penalty", key: `ip=${ip}` });

it(`bars a client for ${BLOCK_MS / 1000} s at every POP through two deaths of its owner, then admits it`, async () => {
  const ip = newAddress();
  const startedAt = Date.now();
  const first = await untilDenied(ip);
  expect(first.decision).toBe("owner");
  const { blockedUntil } = (await ownerOf(cluster, ip)) ?? {};
  const end = blockedUntil ?? 0;
  // It began between the client's first request and the denial that was heard.
  expect(end).toBeGreaterThanOrEqual(startedAt + BLOCK_MS);
  expect(end).toBeLessThanOrEqual(Date.now() + BLOCK_MS);
  expect(Number(first.headers.get("Retry-After"))).toBeGreaterThan((BLOCK_MS - 2_000) / 1_000);
  for (const pop of POPS) {
    await until(`${pop} to hear of the block`, async () => {
      const state = (await cluster.state()).pops.find((known) => known.name === pop);
      return state?.keys.some((key) => key.blockedUntil === end);
    });
  }

  let deaths = 0;
  const admittedEarly: string[] = [];
  let rounds = 0;
  while (Date.now() < end) {
    if (deaths < 2 && Date.now() > end - BLOCK_MS + ((deaths + 1) * BLOCK_MS) / 3) {
      await kill(ip);
      deaths += 1;
      expect(await ownerOf(cluster, ip)).toMatchObject({ blockedUntil: end });
    }
    const seen = await Promise.all(POPS.map((pop) => send(cluster, pop, "/", ip)));
    if (Date.now() >= end) break;
    rounds += 1;
    seen.forEach(({ status, decision }, at) => {
      if (status !== 429) admittedEarly.push(`${POPS[at]} ${status} ${decision}`);
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(admittedEarly).toEqual([]);
  expect([deaths, rounds > 0]).toEqual([2, true]);

  while (Date.now() < end + GUARD_MS) await new Promise((resolve) => setTimeout(resolve, GUARD_MS));
  for (const pop of POPS) expect([pop, (await send(cluster, pop, "/", ip)).status]).toEqual([pop, 200]);
});

it("is known to an owner that has just come back, and so to a POP that asks it for the first time", async () => {
  const ip = newAddress();
  await cluster.fault({ cut: ["TYO", "hub"] });
  for (let number = 0; number < 2; number += 1) await send(cluster, "LHR", "/long", ip);
  await cluster.fault({ kill: "owner", rule: "long", key: `ip=${ip}` });
  const { status, decision, headers } = await send(cluster, "TYO", "/long", ip);
  await cluster.fault({ heal: true });
  expect([status, decision]).toEqual([429, "owner"]);
  expect(Number(headers.get("Retry-After"))).toBeGreaterThan(86_400);
});
