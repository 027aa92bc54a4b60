/** A rule is changed and deployed again over what the objects have stored, while clients go on. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { callApi, keyPath } from "./api-client.ts";
import { newAddress, send, until } from "./client.ts";

const POPS = ["LHR", "CDG"];
const base = { window: "30d", algorithm: "fixed-window", deadline: "10s", threshold: 1 };
const rules = (limit: number) => [
  { ...base, name: "changed", match: { path: "/changed" }, limit },
  { ...base, name: "same", match: { path: "/same" }, limit: 5 },
];

let storage: string;
let cluster: Cluster;
const start = (limit: number): Promise<Cluster> =>
  startCluster({ rules: rules(limit), pops: POPS, distance: 0, storage });

/** A client at each POP and path that does not stop: it connects anew until it is answered, and notes what it hears. */
function traffic() {
  const heard = new Map<string, number[]>();
  let running = true;
  const run = async (pop: string, path: string) => {
    const [ip, statuses] = [newAddress(), [] as number[]];
    heard.set(`${pop} ${path}`, statuses);
    while (running) {
      const seen = await send(cluster, pop, path, ip).catch(() => undefined);
      if (seen !== undefined) statuses.push(seen.status);
      else await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const all = POPS.flatMap((pop) => ["/changed", "/same"].map((path) => run(pop, path)));
  /** Each client has been answered so many times more. */
  const answered = async (more: number) => {
    const before = [...heard.values()].map(({ length }) => length);
    await until("every client to be answered", async () =>
      [...heard.values()].every(({ length }, at) => length >= (before[at] ?? 0) + more),
    );
  };
  const stop = async () => {
    running = false;
    await Promise.all(all);
  };
  return { heard, answered, stop };
}

/** Every client by what has become of it under a rule. */
const clients = (path: string) => ({
  path,
  full: newAddress(),
  barred: newAddress(),
  raised: newAddress(),
  halfway: newAddress(),
});
const [changed, same] = [clients("/changed"), clients("/same")];

/** How many requests a client is let in with, at one POP after the other, before it is denied. */
async function admitted(path: string, ip: string): Promise<number> {
  for (let count = 0; ; count += 1) {
    const { status } = await send(cluster, POPS[count % POPS.length] ?? "LHR", path, ip);
    expect([200, 429]).toContain(status);
    if (status === 429) return count;
  }
}

async function admittedOf({ path, full, barred, raised, halfway }: ReturnType<typeof clients>) {
  const counts: Record<string, number> = {};
  for (const [what, ip] of Object.entries({ full, barred, raised, halfway }))
    counts[what] = await admitted(path, ip);
  return counts;
}

describe("a rule that is deployed again over the same storage", () => {
  let heard: ReadonlyMap<string, readonly number[]>;

  beforeAll(async () => {
    storage = await mkdtemp(join(tmpdir(), "onecount-storage-"));
    cluster = await start(5);
    for (const { path, full, barred, raised, halfway } of [changed, same]) {
      const rule = path.slice(1);
      expect(await admitted(path, full)).toBe(5);
      await callApi(cluster, "PUT", keyPath("blocks", rule, barred), { seconds: 86_400 });
      await callApi(cluster, "PUT", keyPath("overrides", rule, raised), { limit: 9, seconds: 86_400 });
      for (let request = 0; request < 3; request += 1) await send(cluster, "LHR", path, halfway);
    }
    const running = traffic();
    await running.answered(7);
    await cluster.stop();
    cluster = await start(7);
    await running.answered(9);
    await running.stop();
    heard = running.heard;
  });
  afterAll(async () => {
    await cluster.stop();
    await rm(storage, { recursive: true, force: true });
  });

  it("with another limit: nobody is barred by what it was, and every count begins anew", async () => {
    expect(await admittedOf(changed)).toEqual({ full: 7, barred: 7, raised: 7, halfway: 7 });
    const { body } = await callApi(cluster, "GET", "/v1/rules");
    expect(body).toMatchObject({
      rules: [
        { name: "changed", limit: 7 },
        { name: "same", limit: 5 },
      ],
    });
  });

  it("as it was: every count, block and override stands", async () => {
    expect(await admittedOf(same)).toEqual({ full: 0, barred: 0, raised: 9, halfway: 2 });
  });

  it("answers nobody with an error meanwhile", () => {
    expect(heard.size).toBe(4);
    for (const [client, statuses] of heard)
      expect([client, new Set(statuses)]).toEqual([client, new Set([200, 429])]);
    // Whose count began anew was let in again after it had been full.
    expect(heard.get("LHR /changed")?.filter((status) => status === 200).length).toBe(5 + 7);
    expect(heard.get("LHR /same")?.filter((status) => status === 200).length).toBe(5);
  });

  it("that goes back to what it was finds its counts and blocks again", async () => {
    await cluster.stop();
    cluster = await start(5);
    expect(await admittedOf(changed)).toEqual({ full: 0, barred: 0, raised: 9, halfway: 2 });
    expect(await admittedOf(same)).toEqual({ full: 0, barred: 0, raised: 0, halfway: 0 });
  });
});
