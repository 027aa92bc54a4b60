/** A busy client of an API, 5,000 requests a minute, over four POPs at their distances: what leases change. */
import { expect, test } from "vitest";
import type { Rule } from "../../shared/rule.ts";
import { durationMs } from "../../shared/time.ts";
import { busyClient } from "./lease-figures.ts";
import { ruleWith } from "./world.ts";

const api = (more: Partial<Rule> = {}): Rule =>
  ruleWith({
    limit: 5_000,
    window: durationMs(60_000),
    threshold: 4,
    onFailure: "local",
    deadline: "auto",
    lease: "auto",
    grace: 2,
    ...more,
  });
/** Two windows: the first one begins with a claim, the second one claimed. */
const play = (rule: Rule, pace: number) => busyClient({ rule, pace, windows: 2 });
const percent = (share: number): number => Math.round(10_000 * share) / 100;

test("without leases every request of a client below its limit waits, and each Ask carries hardly more than one", () => {
  const { requests, admitted, waited, asks } = play(api({ lease: 0, grace: 0 }), 4_000);
  expect({ requests, admitted, waited: percent(waited), asks }).toEqual({
    requests: 8_000,
    admitted: 8_000,
    waited: 99.89,
    asks: 5_681,
  });
});

test("with leases hardly one does, none for longer than a round trip, and owners hear a thirtieth", () => {
  const { requests, admitted, waited, asks, p99Ms, roundTripMs } = play(api(), 4_000);
  expect(p99Ms).toBeLessThanOrEqual(roundTripMs);
  expect({ requests, admitted, waited: percent(waited), asks }).toEqual({
    requests: 8_000,
    admitted: 8_000,
    waited: 0.25,
    asks: 166,
  });
});

test("a client at exactly its limit gets all of it but a five-hundredth, also where the window slides", () => {
  for (const algorithm of ["fixed-window", "sliding-window"] as const) {
    const { admittedLeast } = play(api({ algorithm }), 5_000);
    expect(admittedLeast).toBeGreaterThanOrEqual(4_990);
  }
});

test("a client above its limit gets no more than that and what was silent", () => {
  for (const algorithm of ["fixed-window", "sliding-window"] as const) {
    const { admittedMost, admittedLeast } = play(api({ algorithm }), 7_500);
    expect(admittedMost).toBeLessThanOrEqual(5_000 + 3 * (4 - 1 + 2));
    expect(admittedLeast).toBeGreaterThanOrEqual(4_900);
  }
});

test("a share of a tenth brings as much with fewer Asks still, as it is not measured by use", () => {
  const { admitted, waited, asks } = play(api({ lease: 0.1, grace: 0 }), 4_000);
  expect({ admitted, waited: percent(waited), asks }).toEqual({ admitted: 8_000, waited: 0.29, asks: 89 });
});
