import { afterAll, beforeAll, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { drawBelow, seededRandom } from "../../loadtest/tools/random.ts";
import { bound } from "../../shared/bound.ts";
import { newAddress, send } from "./client.ts";

const POPS = ["LHR", "CDG", "CHI", "TYO"];
const RUNS = 200;
/** Runs at a time: the four POPs and their owners share two cores. */
const TOGETHER = 20;
const random = seededRandom(20_251_217);
const whole = (from: number, to: number): number => from + drawBelow(random, to - from + 1);

/** One rule each, told apart by their paths. The deadline is long: no run may depend on how fast this machine is. */
const rules = Array.from({ length: 50 }, (_, index) => {
  const limit = whole(5, 60);
  return {
    name: `r${index}`,
    match: { path: `/${index}` },
    limit,
    // Every fifth rule asks the owner always: then the limit is exact.
    threshold: index % 5 === 0 ? 1 : whole(2, Math.min(8, limit)),
    window: "30d",
    algorithm: index % 2 === 0 ? "fixed-window" : "sliding-window",
    deadline: "10s",
  };
});

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules, distance: 0.5 });
});
afterAll(() => cluster.stop());

interface Run {
  readonly index: number;
  readonly pops: readonly string[];
  readonly requests: number;
  readonly clients: number;
}

/** Fires a run's requests from several concurrent senders and counts what was admitted, and where. */
async function fire({ index, pops, requests, clients }: Run): Promise<{ admitted: number; seenBy: number }> {
  const ip = newAddress();
  const plan = Array.from({ length: requests }, () => pops[whole(0, pops.length - 1)] as string);
  let admitted = 0;
  const seenBy = new Set(plan).size;
  const sender = async (): Promise<void> => {
    for (let pop = plan.pop(); pop !== undefined; pop = plan.pop()) {
      const { status } = await send(cluster, pop, `/${index}`, ip);
      expect([200, 429]).toContain(status);
      if (status === 200) admitted += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, sender));
  return { admitted, seenBy };
}

it(`admits no more than the bound and no less than the limit in ${RUNS} random runs`, async () => {
  const runs = Array.from({ length: RUNS }, (_, run): Run => {
    const index = run % rules.length;
    const limit = rules[index]?.limit ?? 0;
    return { index, pops: POPS.slice(0, whole(1, 4)), requests: whole(1, 3 * limit), clients: whole(1, 8) };
  });
  const outcomes: string[] = [];
  for (let start = 0; start < runs.length; start += TOGETHER) {
    await Promise.all(
      runs.slice(start, start + TOGETHER).map(async (run) => {
        const { limit, threshold } = rules[run.index] ?? { limit: 0, threshold: 0 };
        const { admitted, seenBy } = await fire(run);
        const most = Math.min(run.requests, bound({ limit, threshold, sources: seenBy }));
        const least = Math.min(run.requests, limit);
        if (admitted > most || admitted < least) {
          outcomes.push(
            `${JSON.stringify({ ...run, limit, threshold })}: ${admitted} not in ${least}–${most}`,
          );
        }
      }),
    );
  }
  expect(outcomes).toEqual([]);
});
