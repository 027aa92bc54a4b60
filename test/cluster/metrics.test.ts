/** What was decided, as `/metrics` says it: every request once, though hubs die and links break. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Cluster, LOCAL_TOKEN, startCluster } from "../../loadtest/cluster/cluster.ts";
import { newAddress, send, until } from "./client.ts";

const RULES = [{ name: "api", match: { path: "/api" }, limit: 5, window: "60s", threshold: 3 }];
const POPS = ["LHR", "CDG", "CHI", "TYO"];
const headers = { Authorization: `Bearer ${LOCAL_TOKEN}` };

let cluster: Cluster;
/** Somebody looks: isolates report every second. */
const looking = new AbortController();

beforeAll(async () => {
  cluster = await startCluster({ rules: RULES });
  await fetch(`${cluster.url}/v1/live`, { headers, signal: looking.signal });
});
afterAll(async () => {
  looking.abort();
  await cluster.stop();
});

/** The sum of a metric's samples, by the value of one of its labels. */
async function metric(name: string, label: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${cluster.url}/metrics`, { headers })).text();
  const sums: Record<string, number> = {};
  for (const line of text.split("\n")) {
    if (!line.startsWith(`${name}{`)) continue;
    const value = new RegExp(`${label}="([^"]*)"`).exec(line)?.[1] ?? "";
    sums[value] = (sums[value] ?? 0) + Number(line.slice(line.lastIndexOf(" ")));
  }
  return sums;
}

const total = (sums: Record<string, number>): number => Object.values(sums).reduce((a, b) => a + b, 0);

it("loses no request, and counts none twice", async () => {
  const seen: Record<string, number> = {};
  let sent = 0;
  const burst = async (): Promise<void> => {
    const clients = Array.from({ length: 6 }, newAddress);
    for (const [index, ip] of clients.entries())
      for (let round = 0; round < 8; round++) {
        const path = index === 0 ? "/none" : "/api";
        const { decision } = await send(cluster, POPS[(round + index) % 4] as string, path, ip);
        seen[decision] = (seen[decision] ?? 0) + 1;
        sent += 1;
      }
  };
  await burst();
  await cluster.fault({ kill: "hub", region: "weur" });
  await burst();
  await cluster.fault({ cut: ["CHI", "hub"] });
  await cluster.fault({ kill: "hub", region: "apac" });
  await burst();
  await cluster.fault({ heal: true });
  await cluster.fault({ kill: "hub", region: "enam" });
  await burst();
  const all = async () =>
    total(await metric("onecount_decisions_total", "decision")) +
    total(await metric("onecount_unlimited_total", "region"));
  await until(`${sent} requests in the metrics`, async () => (await all()) === sent);
  const { unlimited, ...decided } = seen;
  expect(await metric("onecount_decisions_total", "decision")).toEqual(decided);
  expect(total(await metric("onecount_unlimited_total", "region"))).toBe(unlimited);
}, 60_000);

it("answers nobody without the token", async () => {
  const response = await fetch(`${cluster.url}/metrics`);
  expect(response.status).toBe(404);
});
