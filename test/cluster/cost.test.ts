/** Requests that cost more than 1: each is granted whole or not at all. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { bound } from "../../shared/bound.ts";
import { newAddress, ownerOf, type Seen, send, until } from "./client.ts";

const POPS = ["LHR", "CDG", "CHI", "TYO"];
const base = { window: "30d", algorithm: "fixed-window", deadline: "10s" };
const RULES = [
  { ...base, name: "dear", match: { path: "/dear" }, limit: 10, cost: 3, threshold: 1 },
  { ...base, name: "silent", match: { path: "/silent" }, limit: 20, cost: 3, threshold: 7 },
  { ...base, name: "whole", match: { path: "/whole" }, limit: 7, cost: 7, threshold: 7 },
  { ...base, name: "cheap-of-two", match: { path: "/two" }, limit: 10, threshold: 1 },
  { ...base, name: "dear-of-two", match: { path: "/two" }, limit: 10, cost: 3, threshold: 1 },
];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: RULES, distance: 0.1 });
});
afterAll(() => cluster.stop());

const remaining = ({ headers }: Seen): string | null => headers.get("RateLimit");
const volley = (path: string, ip: string, each: number): Promise<Seen[]> =>
  Promise.all(
    POPS.flatMap((pop) => Array.from({ length: each }, () => pop)).map((pop) => send(cluster, pop, path, ip)),
  );
const admittedOf = (seen: readonly Seen[]): number => seen.filter(({ status }) => status === 200).length;

describe("a rule by which each request costs 3 of 10", () => {
  it("admits three in order of arrival and charges nothing for the rest, though 1 is left", async () => {
    const ip = newAddress();
    const seen: Seen[] = [];
    for (const pop of [...POPS, "LHR"]) seen.push(await send(cluster, pop, "/dear", ip));
    expect(seen.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    expect(seen.map((each) => /;r=(\d+)/.exec(remaining(each) ?? "")?.[1])).toEqual([
      "7",
      "4",
      "1",
      "0",
      "0",
    ]);
    expect(await ownerOf(cluster, ip)).toMatchObject({ count: 9, limit: 10 });
  });

  it("admits exactly three of many that come at once at every POP", async () => {
    for (const ip of Array.from({ length: 10 }, newAddress)) {
      expect(admittedOf(await volley("/dear", ip, 5))).toBe(3);
      expect(await ownerOf(cluster, ip)).toMatchObject({ count: 9 });
    }
  });
});

it("silent credit too is spent whole: of threshold 7 two requests of 3, and the third asks", async () => {
  const ip = newAddress();
  const seen: string[] = [];
  for (let number = 0; number < 3; number += 1)
    seen.push((await send(cluster, "LHR", "/silent", ip)).decision);
  expect(seen).toEqual(["credit", "credit", "owner"]);
  expect(await ownerOf(cluster, ip)).toMatchObject({ count: 9 });
});

it("at once and everywhere, costs of 3 keep the bound, and all that was admitted is in the owner's count", async () => {
  for (const ip of Array.from({ length: 10 }, newAddress)) {
    const admitted = 3 * admittedOf(await volley("/silent", ip, 6));
    expect(admitted).toBeLessThanOrEqual(bound({ limit: 20, threshold: 7, sources: POPS.length }));
    expect(admitted).toBeGreaterThanOrEqual(18);
    await until(
      "all of it in the owner's count",
      async () => (await ownerOf(cluster, ip))?.count === admitted,
    );
  }
});

it("a cost of the whole limit fits exactly once", async () => {
  const ip = newAddress();
  const seen = await volley("/whole", ip, 2);
  expect(admittedOf(seen)).toBe(1);
  expect(await ownerOf(cluster, ip)).toMatchObject({ count: 7 });
});

it("a cheap and a dear rule on the same requests: the dear one decides, and the cheap one counts what was admitted", async () => {
  for (const ip of Array.from({ length: 10 }, newAddress)) {
    expect(admittedOf(await volley("/two", ip, 4))).toBe(3);
    await until("the cheap rule's count", async () => {
      const rows = (await cluster.state()).owners.filter((row) => row.key === `ip=${ip}`);
      const counts = rows.map((row) => [row.rule, row.count]);
      return (
        JSON.stringify(counts) ===
        JSON.stringify([
          ["cheap-of-two", 3],
          ["dear-of-two", 9],
        ])
      );
    });
  }
});
