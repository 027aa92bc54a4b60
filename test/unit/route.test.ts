/** What waits for an owner object that keys share: one call at a time, and nothing that nobody waits for. */
import { describe, expect, it } from "vitest";
import { BATCH_MAX, LEADER_MS_MAX } from "../../shared/limits.ts";
import { type Parcel, Route } from "../../shared/pop/route.ts";
import { durationMs, type EpochMs, epochMs } from "../../shared/time.ts";
import { T0 } from "./world.ts";

const at = (ms: number): EpochMs => epochMs(T0 + ms);
const PATIENCE = durationMs(500);
const until = (ms: number): Parcel => ({ giveUpAt: at(ms) });

describe("a route", () => {
  it("has one call out at a time; what comes meanwhile goes in the next, in order", () => {
    const route = new Route<Parcel>();
    const [first, second, third] = [until(1_000), until(1_000), until(1_000)];
    expect(route.put(first, T0)).toBe(true);
    const load = route.load(T0, T0, PATIENCE);
    expect(load?.parcels).toEqual([first]);
    expect([route.put(second, at(1)), route.put(third, at(2))]).toEqual([false, false]);
    expect(route.load(T0, at(100), PATIENCE, load?.ticket)?.parcels).toEqual([second, third]);
  });

  it("carries BATCH_MAX Asks at most in a call", () => {
    const route = new Route<Parcel>();
    for (let n = 0; n < BATCH_MAX + 1; n += 1) route.put(until(1_000), T0);
    const load = route.load(T0, T0, PATIENCE);
    expect(load?.parcels.length).toBe(BATCH_MAX);
    expect(route.load(T0, T0, PATIENCE, load?.ticket)?.parcels.length).toBe(1);
  });

  it("lets another carry once a call is out for too long; the first one stops when it comes back", () => {
    const route = new Route<Parcel>();
    route.put(until(1_000), T0);
    const hangs = route.load(T0, T0, PATIENCE);
    expect([route.put(until(1_000), at(499)), route.put(until(1_500), at(500))]).toEqual([false, true]);
    expect(route.load(at(500), at(500), PATIENCE)?.parcels.length).toBe(2);
    route.put(until(1_600), at(600));
    expect(route.load(T0, at(600), PATIENCE, hangs?.ticket)).toBeUndefined();
    expect(route.isEmpty).toBe(false);
  });

  it("lets another carry once a context has carried for LEADER_MS_MAX", () => {
    const route = new Route<Parcel>();
    route.put(until(LEADER_MS_MAX + 1_000), T0);
    expect(route.load(T0, at(LEADER_MS_MAX), PATIENCE)).toBeUndefined();
    expect(route.put(until(LEADER_MS_MAX + 1_000), at(LEADER_MS_MAX))).toBe(true);
  });

  it("takes out what was given up, and nothing else", () => {
    const route = new Route<Parcel>();
    const [early, late] = [until(1_000), until(1_001)];
    for (const parcel of [late, early]) route.put(parcel, T0);
    expect(route.expire(at(999))).toEqual([]);
    expect(route.expire(at(1_000))).toEqual([early]);
    expect(route.load(at(1_000), at(1_000), PATIENCE)?.parcels).toEqual([late]);
  });

  it("holds no more while calls hang than keys have Asks in a deadline, sent twice, for however long", () => {
    const route = new Route<Parcel>();
    const keys = 1_000;
    // Each key sends an Ask a second, twice, and gives it up after that second. No call ever comes back.
    for (let ms = 0; ms < 60_000; ms += 500) {
      for (let key = 0; key < keys; key += 1) {
        if (!route.put(until(ms - (ms % 1_000) + 1_000), at(ms))) continue;
        route.expire(at(ms));
        route.load(at(ms), at(ms), PATIENCE);
      }
    }
    let held = 0;
    while (!route.isEmpty) held += route.load(at(60_000), at(60_000), PATIENCE)?.parcels.length ?? 0;
    expect(held).toBeLessThanOrEqual(2 * keys);
    expect(held).toBeGreaterThan(keys);
  });
});
