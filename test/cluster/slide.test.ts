import { afterAll, beforeAll, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { clientWithTime, ownerOf, send, until } from "./client.ts";

const RULE = { name: "slide", limit: 10, window: "60s", threshold: 4, algorithm: "fixed-window" };
const POPS = ["LHR", "CDG", "CHI", "TYO"];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: [RULE] });
});
afterAll(() => cluster.stop());

/** The slide's three steps, for a client that nobody has seen. */
async function playTheSlide(): Promise<void> {
  const { ip, first } = await clientWithTime(cluster, "LHR", "/", 20);
  const at = async (pop: string): Promise<string> => (await send(cluster, pop, "/", ip)).decision;

  // (1) Spread over two POPs, five requests trigger no threshold and are counted locally.
  expect([first.decision, await at("LHR"), await at("LHR"), await at("CDG"), await at("CDG")]).toEqual(
    Array(5).fill("credit"),
  );
  expect(await ownerOf(cluster, ip)).toBeUndefined();

  // (2) The 4th request to arrive at LHR makes that location claim the client.
  expect(await at("LHR")).toBe("owner");
  expect((await ownerOf(cluster, ip))?.claimedBy).toBe("LHR");

  // (3) Every POP hears of it: CDG hands over its two, TYO has no credit of its own for a client it never saw.
  await until("CDG's two in the owner's count", async () => (await ownerOf(cluster, ip))?.count === 6);
  await until("the claim to reach TYO", async () => {
    const tyo = (await cluster.state()).pops.find((pop) => pop.name === "TYO");
    return tyo?.keys.some((key) => key.key === `ip=${ip}` && key.claimed);
  });
  expect(await at("TYO")).toBe("owner");
  expect((await ownerOf(cluster, ip))?.count).toBe(7);

  // Ten in all; then the block applies everywhere.
  const rest = [];
  for (const pop of [...POPS, "LHR"]) rest.push((await send(cluster, pop, "/", ip)).status);
  expect(rest).toEqual([200, 200, 200, 429, 429]);
  for (const pop of POPS) await until(`${pop} to deny by itself`, async () => (await at(pop)) === "blocked");
  expect((await ownerOf(cluster, ip))?.count).toBe(10);
}

it("plays the slide the same three times in a row", async () => {
  for (let run = 0; run < 3; run += 1) await playTheSlide();
});

it("plays it the same after a minute of quiet", async () => {
  // The quiet is what is tested: watches close and are opened anew, objects go to sleep.
  await new Promise((resolve) => setTimeout(resolve, 60_000));
  await playTheSlide();
});
