/** Live accuracy against what clients saw: a flood of clients past their limit, at several data centres at once. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Cluster, LOCAL_TOKEN, startCluster } from "../../loadtest/cluster/cluster.ts";
import { KeySample } from "../../shared/accuracy/key-sample.ts";
import { ClientAddress } from "../../shared/address.ts";
import { gridOf } from "../../shared/grid.ts";
import { KeyHasher } from "../../shared/key.ts";
import { parseRules, type Rule } from "../../shared/rule.ts";
import { epochMs, windowAt, windowEnd } from "../../shared/time.ts";
import { newAddress, send, until } from "./client.ts";

const SECRET = "the secret of this cluster";
/** A tenth instead of a hundredth: the rest is as it is in production, only sooner. */
const SHARE = 0.1;
const POPS = ["LHR", "CDG", "CHI"];
const CLIENTS = 500;
const LIMIT = 4;
const WINDOW_MS = 6_000;
/** What a client's requests take at most, on a busy machine. */
const BURST_MS = 3_000;
/** Clients at a time. */
const TOGETHER = 40;
const rules = [
  {
    name: "flood",
    match: { path: "/**" },
    limit: LIMIT,
    threshold: 3,
    window: `${WINDOW_MS}ms`,
    algorithm: "fixed-window",
    deadline: "10s",
    owners: 16,
  },
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({
    rules,
    pops: POPS,
    distance: 0.1,
    vars: { KEY_SECRET: SECRET },
    limits: { SAMPLED_SHARE: SHARE, OBSERVE_PAUSE: 200, OBSERVED_LIFE: 2_000, AUDIT_WAIT: 4_000 },
  });
});
afterAll(() => cluster.stop());

const words = (purpose: string): Uint32Array => {
  const digest = createHash("sha256").update(`${purpose}:${SECRET}`).digest();
  return new Uint32Array(new Uint8Array(digest).buffer);
};

const parsed = parseRules(rules);
const rule = (parsed.ok ? parsed.rules[0] : undefined) as Rule;
const hasher = new KeyHasher(words("keys"), rule.version);
const sample = new KeySample(words("sample"), SHARE);

/** Whether an address is in the sample, and when the window ends that it is in. */
function lookUp(ip: string): { readonly sampled: boolean; readonly endsAt: number } {
  hasher.tag(new ClientAddress().read(ip).under(rule.ipv6Prefix));
  const grid = gridOf(rule, hasher.lo);
  return {
    sampled: sample.has(hasher.hi, hasher.lo),
    endsAt: windowEnd(grid, windowAt(grid, epochMs(Date.now()))),
  };
}

const untilTime = (time: number) =>
  until(`the clock to be there in ${time - Date.now()} ms`, async () => Date.now() > time);

/** A client at all data centres at once, twice its limit at each, within one of its windows. Returns what was admitted. */
async function burst(ip: string): Promise<number> {
  const { endsAt } = lookUp(ip);
  if (endsAt - Date.now() < BURST_MS) await untilTime(endsAt);
  const lanes = POPS.map(async (pop) => {
    let admitted = 0;
    for (let sent = 0; sent < 2 * LIMIT; sent += 1)
      if ((await send(cluster, pop, "/", ip)).status === 200) admitted += 1;
    return admitted;
  });
  return (await Promise.all(lanes)).reduce((sum, admitted) => sum + admitted, 0);
}

it("has the sampled clients of that secret and no others, and is over by what they were admitted too much", async () => {
  // The first report opens the book; windows that were under way then do not count.
  let first = newAddress();
  while (!lookUp(first).sampled) first = newAddress();
  await send(cluster, "LHR", "/", first);
  await until("the first report", async () => (await cluster.accuracy()).length > 0);
  await untilTime(Date.now() + WINDOW_MS);

  const seen = { clients: 0, admitted: 0, over: 0, under: 0, worst: 0 };
  const lane = async (): Promise<void> => {
    while (seen.clients < CLIENTS) {
      seen.clients += 1;
      const ip = newAddress();
      const admitted = await burst(ip);
      if (!lookUp(ip).sampled) continue;
      seen.admitted += admitted;
      seen.over += Math.max(0, admitted - LIMIT);
      seen.under += Math.max(0, LIMIT - admitted);
      seen.worst = Math.max(seen.worst, admitted - LIMIT);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, lane));
  expect(seen.admitted).toBeGreaterThan(CLIENTS * SHARE * LIMIT * 0.5);

  const figures = await until("all windows to be judged", async () => {
    const [found] = await cluster.accuracy();
    return found !== undefined && found.admitted >= seen.admitted && found;
  });
  const { admitted, over, under, worst } = seen;
  expect(figures).toMatchObject({ rule: "flood", admitted, over, under, worst });
  expect(figures.worst).toBeLessThanOrEqual(figures.bound);

  // And so they are scraped.
  const headers = { Authorization: `Bearer ${LOCAL_TOKEN}` };
  const text = await (await fetch(`${cluster.url}/metrics`, { headers })).text();
  const scraped = (name: string) =>
    Number(new RegExp(`^onecount_accuracy_${name}{rule="flood"} (\\d+)$`, "m").exec(text)?.[1]);
  expect(["admitted_total", "over_total", "under_total", "worst"].map(scraped)).toEqual([
    admitted,
    over,
    under,
    worst,
  ]);
});
