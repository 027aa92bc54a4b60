/** Many requests wait on one Ask; clients hang up, links break. Nobody may wait for ever, no slot may stay taken. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { newAddress, ownerOf, send, until } from "./client.ts";

const REQUESTS = 10_000;
const TOGETHER = 100;
const RULE = {
  name: "shared",
  limit: 800_000,
  threshold: 1,
  window: "30d",
  algorithm: "fixed-window",
  on_failure: "open",
  deadline: "1s",
};

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: [RULE], distance: 0.2 });
});
afterAll(() => cluster.stop());

it("survives leaders that disconnect, with a third of 10,000 requests aborted", async () => {
  const ip = newAddress();
  const ends = { answered: 0, aborted: 0 };
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < REQUESTS) {
      next += 1;
      // The first request of every hundred leads an Ask more often than not; it is among those that hang up.
      const hangsUp = next % 3 === 1;
      const signal = hangsUp ? AbortSignal.timeout(1 + (next % 7)) : AbortSignal.timeout(20_000);
      const pop = cluster.pops[next % cluster.pops.length]?.name ?? "LHR";
      try {
        const { status } = await send(cluster, pop, "/", ip, { signal });
        expect(status).toBe(200);
        ends.answered += 1;
      } catch (error) {
        expect([hangsUp, (error as Error).name]).toEqual([true, "TimeoutError"]);
        ends.aborted += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, client));
  expect(ends.answered + ends.aborted).toBe(REQUESTS);
  expect(ends.aborted).toBeGreaterThan(0);
  // Every slot is free again: one more request at each POP is answered by the owner.
  for (const { name } of cluster.pops) expect((await send(cluster, name, "/", ip)).decision).toBe("owner");
  // Nothing that was admitted is missing from the owner's count, not even what nobody waited for.
  await until(
    "the owner's count",
    async () => ((await ownerOf(cluster, ip))?.count ?? 0) >= ends.answered + 4,
  );
});

it("asks again as soon as a cut link is mended", async () => {
  const ip = newAddress();
  await send(cluster, "LHR", "/", ip);
  await cluster.fault({ cut: ["LHR", "owner"] });
  const during: Promise<string>[] = [];
  const cutFor = Date.now() + 3_000;
  while (Date.now() < cutFor) {
    during.push(send(cluster, "LHR", "/", ip).then(({ decision }) => decision));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await cluster.fault({ heal: true });
  const decisions = await Promise.all(during);
  expect(decisions.length).toBeGreaterThan(10);
  expect(new Set(decisions).has("degraded")).toBe(true);
  await until(
    "an answer of the owner",
    async () => (await send(cluster, "LHR", "/", ip)).decision === "owner",
  );
  await until(
    "the owner's count",
    async () => ((await ownerOf(cluster, ip))?.count ?? 0) >= decisions.length + 2,
  );
});
