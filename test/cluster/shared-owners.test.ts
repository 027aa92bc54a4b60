/**
 * A flood of clients that all reach the threshold: with `owners = N` they share N objects, without it the budget
 * of claims holds. ONECOUNT_LONG=1 runs the flood with 50,000 clients instead of 1,500 and looks at the memory.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { bound } from "../../shared/bound.ts";
import { CLAIMS_BURST, CLAIMS_PER_SECOND } from "../../shared/limits.ts";
import { newAddress, send } from "./client.ts";

const LONG = process.env.ONECOUNT_LONG === "1";
const CLIENTS = LONG ? 50_000 : 1_500;
const OWNERS = 64;
/** The object that counts a hundredth of the keys exactly is none of those that are counted here. */
const UNSAMPLED = { SAMPLED_SHARE: 0 };
/** Clients at a time. */
const TOGETHER = 48;
const base = { limit: 2, threshold: 2, window: "30d", algorithm: "fixed-window", deadline: "10s" };

let folder: string;
let cluster: Cluster | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "onecount-flood-"));
});
afterEach(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** How many owner objects have storage: each keeps a database of its own. */
const objects = (): number =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.includes("KeyOwner") && file.endsWith(".sqlite") && !file.endsWith("metadata.sqlite"),
  ).length;

/** Resident memory of workerd, MB; NaN where the system does not say. */
const memory = (pid: number): number => {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
};

/** Lets every client of a flood do the same, a few at a time. */
async function flood(clients: number, each: (ip: string, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < clients) {
      const index = next;
      next += 1;
      await each(newAddress(), index);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, lane));
}

describe("a flood of clients that reach the threshold", () => {
  it(
    `leaves ${OWNERS} objects at most where the rule shares owners, and the bound holds for every client`,
    async () => {
      const running = await startCluster({
        rules: [{ ...base, name: "shared", owners: OWNERS }],
        distance: 0,
        storage: folder,
        limits: UNSAMPLED,
      });
      cluster = running;
      const pops = running.pops.map(({ name }) => name);
      const most = bound({ limit: base.limit, threshold: base.threshold, sources: 2 });
      const wrong: string[] = [];
      const sizes: number[] = [];
      await flood(CLIENTS, async (ip, index) => {
        const [here = "", there = ""] = [pops[index % 4], pops[(index + 1) % 4]];
        let admitted = 0;
        for (const pop of [here, here, there, here]) {
          const { status, decision } = await send(running, pop, "/", ip);
          if (status === 200) admitted += 1;
          if (decision === "degraded" || (status !== 200 && status !== 429))
            wrong.push(`${ip}: ${status} ${decision}`);
        }
        if (admitted < base.limit || admitted > most) wrong.push(`${ip}: ${admitted} admitted`);
        if (index % Math.ceil(CLIENTS / 10) === 0) sizes.push(memory(running.workerdPid));
      });
      expect(wrong).toEqual([]);
      expect(objects()).toBeGreaterThan(0);
      expect(objects()).toBeLessThanOrEqual(OWNERS);
      if (LONG) {
        console.log(
          `memory of workerd at every tenth of ${CLIENTS} clients, MB: ${sizes.map(Math.round).join(" ")}`,
        );
        const [half = 0, last = 0] = [sizes[5], sizes[9]];
        expect(last).toBeLessThan(half * 1.15);
      }
    },
    LONG ? 1_200_000 : 120_000,
  );

  it("creates no more objects than the budget of claims where each key has its own; the rest is degraded", async () => {
    cluster = await startCluster({
      rules: [{ ...base, name: "own" }],
      distance: 0,
      storage: folder,
      limits: UNSAMPLED,
      pops: ["LHR"],
    });
    const running = cluster;
    const since = Date.now();
    const decisions = { owner: 0, degraded: 0 };
    await flood(900, async (ip) => {
      await send(running, "LHR", "/", ip);
      const { status, decision } = await send(running, "LHR", "/", ip);
      // on_failure = local: each is admitted either way, within its limit.
      expect([status, decision]).toEqual([200, expect.stringMatching(/^(owner|degraded)$/)]);
      decisions[decision as "owner" | "degraded"] += 1;
    });
    const budget = CLAIMS_BURST + (CLAIMS_PER_SECOND * (Date.now() - since)) / 1000;
    expect(decisions.owner + decisions.degraded).toBe(900);
    expect(objects()).toBe(decisions.owner);
    expect(objects()).toBeLessThanOrEqual(Math.ceil(budget));
  });
});
