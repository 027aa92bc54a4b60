/** A client that reaches the threshold nowhere is found all the same, where the rule says so. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { newAddress, ownerOf, send, until } from "./client.ts";

// With a limit of 12 each request that is admitted silently is reported, and three reports claim.
const RULE = { limit: 12, window: "30d", threshold: 4, algorithm: "fixed-window" };
const RULES = [
  { ...RULE, name: "found", match: { path: "/found" }, spread: "auto" },
  { ...RULE, name: "missed", match: { path: "/missed" } },
];
const POPS = ["LHR", "CDG", "CHI", "TYO"];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: RULES });
});
afterAll(() => cluster.stop());

/** One request to each POP. */
const round = async (path: string, ip: string): Promise<readonly string[]> =>
  Promise.all(POPS.map(async (pop) => (await send(cluster, pop, path, ip)).decision));

describe("spread", () => {
  it("claims a client by three reports, on everyone's behalf", async () => {
    const ip = newAddress();
    expect(await round("/found", ip)).toEqual(Array(4).fill("credit"));
    const owner = await until("all four in the owner's count", async () => {
      const found = await ownerOf(cluster, ip);
      return found?.count === 4 && found;
    });
    // The hub that asked is a source, too: it has spent nothing.
    expect(owner).toMatchObject({ claimed: true, sources: 5, limit: 12 });
    // No silent credit is left anywhere.
    expect(await round("/found", ip)).toEqual(Array(4).fill("owner"));
    expect((await ownerOf(cluster, ip))?.count).toBe(8);
  });

  it("leaves a quiet client alone", async () => {
    const ip = newAddress();
    for (const pop of ["LHR", "TYO"]) await send(cluster, pop, "/found", ip);
    const busy = newAddress();
    await round("/found", busy);
    // What came later has been through hub and owner by now.
    await until("the busy one's owner", async () => ownerOf(cluster, busy));
    expect(await ownerOf(cluster, ip)).toBeUndefined();
    // The third is counted silently as well, and claims.
    expect((await send(cluster, "LHR", "/found", ip)).decision).toBe("credit");
    await until("its owner", async () => (await ownerOf(cluster, ip))?.count === 3);
  });

  it("looks for nobody where the rule does not say so", async () => {
    const ip = newAddress();
    for (let sent = 0; sent < 3; sent++) expect(await round("/missed", ip)).toEqual(Array(4).fill("credit"));
    expect(await ownerOf(cluster, ip)).toBeUndefined();
  });
});
