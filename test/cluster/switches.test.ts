/** What leases, strict rules, automatic thresholds and spread do is seen in `/api/state`, the metrics, the rules and the stories. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Cluster, LOCAL_TOKEN, startCluster } from "../../loadtest/cluster/cluster.ts";
import { newAddress, ownerOf, send, until } from "./client.ts";

const RULE = { window: "30d", algorithm: "fixed-window" };
const RULES = [
  { ...RULE, name: "leased", match: { path: "/leased" }, limit: 1_000, threshold: 1, lease: "auto" },
  { ...RULE, name: "exact", match: { path: "/exact" }, limit: 20, threshold: 4, strict: 3 },
  { ...RULE, name: "auto", match: { path: "/auto" }, limit: 300, threshold: "auto", grace: 1 },
  // Each request that is admitted silently is reported, and three reports claim.
  { ...RULE, name: "found", match: { path: "/found" }, limit: 12, threshold: 4, spread: "auto" },
];
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

const times = async (many: number, pop: string, path: string, ip: string): Promise<readonly string[]> => {
  const seen: string[] = [];
  for (let sent = 0; sent < many; sent += 1) seen.push((await send(cluster, pop, path, ip)).decision);
  return seen;
};
const entryOf = async (pop: string, ip: string) =>
  (await cluster.state()).pops.find(({ name }) => name === pop)?.keys.find(({ key }) => key === `ip=${ip}`);
/** The sample of a metric under a rule, of whichever region. */
async function metric(name: string, rule: string): Promise<number> {
  const text = await (await fetch(`${cluster.url}/metrics`, { headers })).text();
  const line = text.split("\n").find((sample) => sample.startsWith(`${name}{rule="${rule}"`));
  return Number(line?.slice(line.lastIndexOf(" ")) ?? 0);
}

it("what an owner lent, and what of it a POP holds", async () => {
  const ip = newAddress();
  expect(await times(1, "LHR", "/leased", ip)).toEqual(["owner"]);
  expect(await ownerOf(cluster, ip)).toMatchObject({ count: 9, lent: 8, reserved: 0, busy: false });
  expect(await entryOf("LHR", ip)).toMatchObject({ used: 1, credit: 9, ahead: 8, threshold: 1 });
  expect(await times(3, "LHR", "/leased", ip)).toEqual(["credit", "credit", "credit"]);
  await until(
    "those three in the metrics",
    async () => (await metric("onecount_ahead_total", "leased")) === 3,
  );
});

it("what a strict owner keeps back, and that it denies for it", async () => {
  const ip = newAddress();
  for (const pop of ["CDG", "CHI", "TYO"]) await cluster.fault({ cut: [pop, "hub"] });
  // Of two more isolates that may have admitted three each nothing is heard.
  const seen = await times(14, "LHR", "/exact", ip);
  expect(seen).toEqual([...Array<string>(3).fill("credit"), ...Array<string>(11).fill("owner")]);
  expect(await ownerOf(cluster, ip)).toMatchObject({ count: 14, reserved: 6, blockedUntil: null });
  const { status } = await send(cluster, "LHR", "/exact", ip);
  expect(status).toBe(429);
  await until("that in the metrics", async () => (await metric("onecount_kept_back_total", "exact")) === 1);
  await cluster.fault({ heal: true });
});

it("the automatic threshold in force", async () => {
  const ip = newAddress();
  await times(1, "LHR", "/auto", ip);
  expect(await entryOf("LHR", ip)).toMatchObject({ used: 1, ahead: 0, threshold: 4 });
  await until("it in the metrics", async () => (await metric("onecount_threshold", "auto")) === 4);
});

it("who was found, and that it was", async () => {
  const ip = newAddress();
  for (const pop of ["LHR", "CDG", "CHI"]) await times(1, pop, "/found", ip);
  await until("it in the metrics", async () => (await metric("onecount_found_total", "found")) === 1);
  const query = new URLSearchParams({ rule: "found", key: `ip=${ip}` });
  const page = new AbortController();
  const { body } = await fetch(`${cluster.url}/v1/live?${query}`, { headers, signal: page.signal });
  let text = "";
  for await (const chunk of (body ?? new ReadableStream<Uint8Array>()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes('"what":"found"')) break;
  }
  page.abort();
  expect(text).toContain('"what":"found"');
  expect(text).not.toContain('"what":"claimed"');
});

it("which switches are on", async () => {
  const { rules } = (await (await fetch(`${cluster.url}/v1/rules`, { headers })).json()) as {
    readonly rules: readonly object[];
  };
  expect(rules).toMatchObject([
    { name: "leased", lease: "auto" },
    { name: "exact", strict: 3, lease: 0, grace: 0, spread: "off" },
    { name: "auto", threshold: 4, excessMax: 0.05, grace: 1 },
    { name: "found", spread: "auto" },
  ]);
  expect(rules[1]).not.toHaveProperty("excessMax");
});
