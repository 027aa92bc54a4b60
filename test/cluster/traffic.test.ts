/** `GET /api/traffic`: how many calls reached owners, and how many of them only said again what was said before. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { newAddress, send } from "./client.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({
    rules: [{ name: "all", limit: 1_000, window: "1h", threshold: 1, deadline: "2s" }],
    pops: ["LHR", "CDG"],
    distance: 0,
  });
});
afterAll(() => cluster?.stop());

/** Calls and repetitions by POP since `before`. */
async function since(before: Awaited<ReturnType<Cluster["traffic"]>>) {
  const { pops } = await cluster.traffic();
  return pops.map(({ name, calls, repeated }, at) => [
    name,
    calls - (before.pops[at]?.calls ?? 0),
    repeated - (before.pops[at]?.repeated ?? 0),
  ]);
}

describe("the traffic of owners", () => {
  it("is a call for each request that has to ask, by the POP it came in at", async () => {
    const before = await cluster.traffic();
    const ip = newAddress();
    for (const pop of ["LHR", "CDG", "LHR", "LHR"]) await send(cluster, pop, "/", ip);
    expect(await since(before)).toEqual([
      ["LHR", 3, 0],
      ["CDG", 1, 0],
    ]);
    expect((await cluster.traffic()).running).toBe(0);
  });

  it("tells an Ask that is sent again because its answer was lost", async () => {
    const ip = newAddress();
    await send(cluster, "LHR", "/", ip);
    const before = await cluster.traffic();
    await cluster.fault({ next: "lost", link: ["LHR", "owner"] });
    expect((await send(cluster, "LHR", "/", ip)).decision).toBe("owner");
    expect((await since(before))[0]).toEqual(["LHR", 2, 1]);
  });
});
