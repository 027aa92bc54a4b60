/** Clients that are spread thinly: how they are picked, gathered and claimed. */
import { describe, expect, it } from "vitest";
import { homeOf, Spread } from "../../shared/hub/spread.ts";
import { SIGHTED_MAX, SIGHTINGS_MAX, SIGHTINGS_PAUSE } from "../../shared/limits.ts";
import { policyOf } from "../../shared/policy.ts";
import { REGIONS } from "../../shared/region.ts";
import { missProbability, spreadPlan } from "../../shared/spread/plan.ts";
import { Sampler } from "../../shared/spread/sampler.ts";
import {
  decodeSightings,
  encodeSightings,
  type Sighting,
  SightingBox,
} from "../../shared/spread/sightings.ts";
import { durationMs, type EpochMs, epochMs, windowAt } from "../../shared/time.ts";
import { ruleWith, T0 } from "./world.ts";

const at = (ms: number): EpochMs => epochMs(T0 + ms);
const rule = ruleWith({ spread: "auto", limit: 100, threshold: 4 });
const grid = { lengthMs: rule.window, offsetMs: durationMs(0) };
const keyOf = (index: number): string => index.toString(16).padStart(32, "0");
/** Keys whose sightings the first region's hub gathers. */
const KEYS = Array.from({ length: SIGHTED_MAX * 10 }, (_, index) => keyOf(index)).filter(
  (key) => homeOf(key) === REGIONS[0],
);

const sighting = (key: string, more: Partial<Sighting> = {}): Sighting => ({
  rule: policyOf(rule, grid),
  key,
  owner: `owner of ${key}`,
  pop: "LHR",
  window: windowAt(grid, at(0)),
  seen: 1,
  needed: 3,
  ...more,
});

describe("the plan", () => {
  it("finds a client at its limit with the stated probability", () => {
    const plan = spreadPlan(rule);
    expect(plan).toEqual({ reports: 3, probability: 0.12 });
    expect(missProbability({ reports: 3, probability: 0.12 }, 100)).toBeCloseTo(3.0e-4, 5);
    // However large the limit, it is never more than e^−12 (1 + 12 + 72).
    for (const limit of [13, 50, 1_000, 1_000_000]) {
      const other = spreadPlan({ ...rule, limit });
      expect(other && missProbability(other, limit)).toBeLessThan(5.23e-4);
    }
  });

  it("takes every request of a small limit, and none where none is silent or nobody wants to know", () => {
    expect(spreadPlan({ ...rule, limit: 10 })).toEqual({ reports: 3, probability: 1 });
    expect(missProbability({ reports: 3, probability: 1 }, 2)).toBe(1);
    expect(missProbability({ reports: 3, probability: 1 }, 3)).toBe(0);
    expect(spreadPlan({ ...rule, threshold: 1 })).toBeUndefined();
    expect(spreadPlan({ ...rule, spread: "off" })).toBeUndefined();
  });
});

describe("the sampler", () => {
  it("picks a unit of cost with the plan's probability, whatever requests cost", () => {
    const sampler = new Sampler([rule, ruleWith({ spread: "off" })], 7);
    const picked = (cost: number): number => {
      let all = 0;
      for (let request = 0; request < 100_000; request++) all += sampler.picks(0, cost);
      return all / (100_000 * cost);
    };
    // 0.12 ± 4 standard deviations; the seed is fixed.
    expect(Math.abs(picked(1) - 0.12)).toBeLessThan(0.0042);
    // A dear request can be picked more than once: its units are as likely as those of cheap ones.
    expect(Math.abs(picked(3) - 0.12)).toBeLessThan(0.0024);
    expect(Math.abs(picked(40) - 0.12)).toBeLessThan(0.0007);
    for (let request = 0; request < 100_000; request++) expect(sampler.picks(1, 1)).toBe(0);
  });

  it("picks each one where the probability is 1", () => {
    const sampler = new Sampler([{ ...rule, limit: 5 }], 7);
    expect([1, 1, 3, 1].map((cost) => sampler.picks(0, cost))).toEqual([1, 1, 3, 1]);
  });

  it("picks others with another seed", () => {
    const picks = (seed: number) => {
      const sampler = new Sampler([rule], seed);
      return Array.from({ length: 100 }, () => sampler.picks(0, 1));
    };
    expect(picks(1)).toEqual(picks(1));
    expect(picks(1)).not.toEqual(picks(2));
  });
});

describe("an isolate's box", () => {
  it("is handed over at once, and then at most once a second", () => {
    const box = new SightingBox();
    expect(box.put(sighting(keyOf(1)), at(0))).toBe(at(0));
    // Somebody does already.
    expect(box.put(sighting(keyOf(1)), at(0))).toBeUndefined();
    expect(box.put(sighting(keyOf(2)), at(0))).toBeUndefined();
    expect(box.empty(at(0)).map(({ key, seen }) => [key, seen])).toEqual([
      [keyOf(1), 2],
      [keyOf(2), 1],
    ]);
    expect(box.put(sighting(keyOf(1)), at(10))).toBe(at(SIGHTINGS_PAUSE));
    // Its context died: the next one takes over.
    expect(box.put(sighting(keyOf(1)), at(3 * SIGHTINGS_PAUSE))).toBe(at(3 * SIGHTINGS_PAUSE));
  });

  it("takes back what could not be handed over, but nothing of windows that are over", () => {
    const box = new SightingBox();
    const next = windowAt(grid, at(0)) + 1;
    box.put(sighting(keyOf(1)), at(0));
    box.put(sighting(keyOf(2), { window: next }), at(0));
    const lost = box.empty(at(0));
    box.putBack(lost, at(rule.window));
    expect(box.empty(at(rule.window)).map(({ key }) => key)).toEqual([keyOf(2)]);
  });

  it("is bounded, and what it hands over can be read", () => {
    const box = new SightingBox();
    for (let index = 0; index < SIGHTINGS_MAX + 5; index++) box.put(sighting(keyOf(index)), at(0));
    expect(box.size).toBe(SIGHTINGS_MAX);
    const all = box.empty(at(0));
    const read = decodeSightings(encodeSightings(all));
    expect(read.ok && read.value).toEqual(all);
    expect(box.size).toBe(0);
  });
});

describe("hubs", () => {
  const [key = "", other = ""] = KEYS;

  it("claim a client when there are enough sightings of one window, and once", () => {
    const hub = new Spread(REGIONS[0]);
    expect(hub.take([sighting(key, { seen: 2 })], at(0)).claims).toEqual([]);
    expect(hub.take([sighting(other)], at(0)).claims).toEqual([]);
    const { claims } = hub.take([sighting(key, { pop: "TYO", label: "ip=1.2.3.4" })], at(1));
    expect(claims).toMatchObject([
      { owner: `owner of ${key}`, ask: { key, pop: "TYO", label: "ip=1.2.3.4", spent: 0, want: [], seq: 1 } },
    ]);
    expect(hub.take([sighting(key, { seen: 5 })], at(2)).claims).toEqual([]);
    const next = windowAt(grid, at(0)) + 1;
    expect(hub.take([sighting(key, { seen: 2, window: next })], at(3)).claims).toEqual([]);
    expect(hub.take([sighting(key, { window: next })], at(3)).claims).toHaveLength(1);
  });

  it("pass on what is another's, and forget what is over", () => {
    const stranger = keyOf(1);
    expect(homeOf(stranger)).not.toBe(REGIONS[0]);
    const hub = new Spread(REGIONS[0]);
    const { claims, forward } = hub.take([sighting(stranger, { seen: 9 }), sighting(key)], at(0));
    expect(claims).toEqual([]);
    expect([...forward]).toEqual([[homeOf(stranger), [sighting(stranger, { seen: 9 })]]]);
    const home = new Spread(homeOf(stranger));
    expect(home.take([sighting(stranger, { seen: 9 })], at(0)).claims).toHaveLength(1);
    // Of a window that has ended nobody has to be claimed.
    const old = new Spread(REGIONS[0]);
    expect(old.take([sighting(key, { seen: 9 })], at(2 * rule.window)).claims).toEqual([]);
    expect(old.size).toBe(0);
  });

  it("count what was passed on to them, whoever they think it is", () => {
    // Hubs of two releases that divide keys up differently would pass a sighting to and fro.
    const hub = new Spread(REGIONS[0]);
    const { claims, forward } = hub.take([sighting(keyOf(1), { seen: 9 })], at(0), true);
    expect([claims.length, forward.size]).toEqual([1, 0]);
  });

  it("claim a client with its next sighting when the Ask was lost", () => {
    const hub = new Spread(REGIONS[0]);
    const [claim] = hub.take([sighting(key, { seen: 9 })], at(0)).claims;
    expect(hub.take([sighting(key)], at(1)).claims).toEqual([]);
    if (claim !== undefined) hub.failed(claim);
    expect(hub.take([sighting(key)], at(2)).claims).toHaveLength(1);
    expect(hub.take([sighting(key)], at(3)).claims).toEqual([]);
  });

  it("count whom they had claimed by the rule's name, and go on where they were after a restart", () => {
    const hub = new Spread(REGIONS[0], new Map([["other", 2]]));
    const { claims } = hub.take([sighting(KEYS[0] ?? "", { seen: 3 })], at(0));
    expect([...hub.found]).toEqual([["other", 2]]);
    for (const claim of claims) hub.claimed(claim);
    expect([...hub.found]).toEqual([
      ["other", 2],
      [rule.name, 1],
    ]);
  });

  it("look for what is over at most once a second, however many clients come", () => {
    const hub = new Spread(REGIONS[0]);
    const many = KEYS.map((one) => sighting(one));
    const began = performance.now();
    hub.take(many.slice(0, SIGHTED_MAX), at(0));
    const filled = performance.now();
    hub.take(many.slice(SIGHTED_MAX), at(0));
    // A tenth as many. A look at all for each of them would take a hundred times as long.
    expect(performance.now() - filled).toBeLessThan(5 * (filled - began) + 20);
    expect(hub.size).toBe(SIGHTED_MAX);
    // What is over goes first, and makes room for what is not.
    const next = windowAt(grid, at(0)) + 1;
    hub.take([sighting(key, { window: next })], at(rule.window));
    expect(hub.size).toBe(1);
  });

  it("are bounded", () => {
    const hub = new Spread(REGIONS[0]);
    for (const one of KEYS) hub.take([sighting(one)], at(0));
    expect(KEYS.length).toBeGreaterThan(SIGHTED_MAX);
    expect(hub.size).toBe(SIGHTED_MAX);
  });
});
