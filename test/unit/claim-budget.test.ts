/** An isolate's budget of first claims, alone and in a source. */
import { describe, expect, it } from "vitest";
import { CLAIMS_BURST, CLAIMS_PER_SECOND } from "../../shared/limits.ts";
import { ClaimBudget } from "../../shared/pop/claim-budget.ts";
import { epochMs } from "../../shared/time.ts";
import { ruleWith, T0, World } from "./world.ts";

/** Takes claims at one moment until none is left. */
function drain(budget: ClaimBudget, at: number): number {
  let taken = 0;
  while (taken <= CLAIMS_BURST && budget.take(epochMs(at))) taken += 1;
  return taken;
}

describe("the budget of claims", () => {
  it("gives CLAIMS_BURST at once and then CLAIMS_PER_SECOND, however the time between is cut", () => {
    const budget = new ClaimBudget();
    expect(drain(budget, T0)).toBe(CLAIMS_BURST);
    let taken = 0;
    for (let ms = 1; ms <= 10_000; ms += 1) taken += drain(budget, T0 + ms);
    // Sums of fractions may be a hair short at the last moment.
    expect(taken).toBeGreaterThanOrEqual(10 * CLAIMS_PER_SECOND - 1);
    expect(taken).toBeLessThanOrEqual(10 * CLAIMS_PER_SECOND);
  });

  it("saves up no more than CLAIMS_BURST", () => {
    const budget = new ClaimBudget();
    drain(budget, T0);
    expect(drain(budget, T0 + 86_400_000)).toBe(CLAIMS_BURST);
  });

  it("refills nothing for a clock that steps back", () => {
    const budget = new ClaimBudget();
    drain(budget, T0);
    expect(drain(budget, T0 - 5_000)).toBe(0);
    expect(drain(budget, T0)).toBe(0);
    expect(drain(budget, T0 + 1_000)).toBe(CLAIMS_PER_SECOND);
  });
});

describe("a source under a flood of keys", () => {
  const flood = { sources: 2, rules: [ruleWith({ threshold: 1 })], sets: 512 };
  /** Sends one request each of `count` new clients; the clients that were decided without their owner. */
  function floodOf(world: World, count: number, prefix = "c"): string[] {
    const refused: string[] = [];
    for (let client = 0; client < count; client += 1) {
      const { decision } = world.request(0, { client: `${prefix}${client}` });
      if (decision?.how === "degraded") refused.push(`${prefix}${client}`);
      world.settle();
    }
    return refused;
  }

  it("claims as many as its budget holds; the rest is decided by on_failure and says so", () => {
    const world = new World(flood);
    expect(floodOf(world, CLAIMS_BURST + 50)).toHaveLength(50);
    expect(world.owners.size).toBe(CLAIMS_BURST);
    world.tick(1_000);
    expect(floodOf(world, 60, "d")).toHaveLength(60 - CLAIMS_PER_SECOND);
    expect(world.owners.size).toBe(CLAIMS_BURST + CLAIMS_PER_SECOND);
  });

  it("claims later, when there is budget again, and then tells the owner what on_failure admitted", () => {
    const world = new World({ ...flood, rules: [ruleWith({ threshold: 1, onFailure: "local" })] });
    const [refused] = floodOf(world, CLAIMS_BURST + 1);
    expect(refused).toBe(`c${CLAIMS_BURST}`);
    world.tick(1_000);
    const request = world.request(0, { client: refused ?? "" });
    world.settle();
    expect(request.decision).toMatchObject({ admitted: true, how: "owner" });
    expect([...world.owners.values()].at(-1)?.account?.meter.current).toBe(2);
  });

  it("keeps asking for the keys that it claimed, or that others did", () => {
    const world = new World(flood);
    world.request(1, { client: "elsewhere" });
    world.settle();
    floodOf(world, CLAIMS_BURST + 1);
    for (const client of ["c0", "c1", "elsewhere"]) {
      const request = world.request(0, { client });
      world.settle();
      expect(request.decision).toMatchObject({ admitted: true, how: "owner" });
    }
  });

  it("lets several requests of one new key ask for the price of one claim", () => {
    const world = new World(flood);
    for (let client = 0; client < CLAIMS_BURST; client += 1) {
      world.request(0, { client: `c${client}` });
      world.request(0, { client: `c${client}` });
    }
    expect(world.nodes[0]?.waiting.size).toBe(2 * CLAIMS_BURST);
    world.settle();
    expect(world.owners.size).toBe(CLAIMS_BURST);
  });

  it("has no budget for keys that share their owners: they create no objects", () => {
    const world = new World({ ...flood, rules: [ruleWith({ threshold: 1, owners: 64 })] });
    expect(floodOf(world, 3 * CLAIMS_BURST)).toEqual([]);
  });

  it("stays within it when 50,000 clients reach the threshold within a minute, at four sources", () => {
    const world = new World({
      sources: 4,
      rules: [ruleWith({ threshold: 2 })],
      sets: 4_096,
      announces: false,
    });
    const decided = { owner: 0, degraded: 0 };
    const clients = 50_000;
    for (let client = 0; client < clients; client += 1) {
      world.request(client % 4, { client: `c${client}` });
      const second = world.request(client % 4, { client: `c${client}` });
      world.settle();
      // Nothing of this client is left to send; the world would look through all of them at every step.
      for (const node of world.nodes) node.hot.clear();
      const { how } = second.decision ?? {};
      if (how === "owner" || how === "degraded") decided[how] += 1;
      // Five clients in 6 ms.
      if (client % 5 === 4) world.tick(6);
    }
    expect(decided.owner + decided.degraded).toBe(clients);
    expect(world.owners.size).toBe(decided.owner);
    // Each source claims its burst and 50 a second for 60 s; there are four. The last moment may be a claim short.
    const budget = 4 * (CLAIMS_BURST + 60 * CLAIMS_PER_SECOND);
    expect(decided.owner).toBeLessThanOrEqual(budget);
    expect(decided.owner).toBeGreaterThan(budget - 8);
  });
});
