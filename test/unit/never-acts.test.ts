/** A rule that is said never to act never does: the meters of owners are the judges. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { neverActs } from "../../loadtest/check-rules/never-acts.ts";
import { gridOf } from "../../shared/grid.ts";
import { charge, emptyMeter, rollMeter, room } from "../../shared/owner/meter/meter.ts";
import { policyOf } from "../../shared/policy.ts";
import { parseRules, type Rule } from "../../shared/rule.ts";
import { epochMs, windowAt, windowEnd } from "../../shared/time.ts";

const START = 1_000_000_000_000;

function ruleOf(fields: Record<string, unknown>): Rule {
  const parsed = parseRules([{ name: "a", limit: 20, window: "1m", threshold: 1, ...fields }]);
  const [rule] = parsed.ok ? parsed.rules : [];
  if (rule === undefined) throw new Error(JSON.stringify(parsed));
  return rule;
}

const never = (rule: Record<string, unknown>, other: Record<string, unknown>): boolean =>
  neverActs(ruleOf(rule), ruleOf(other));

describe("is decided", () => {
  const CLOCK = { align: "clock" };
  const FIXED = { algorithm: "fixed-window" };
  const BUCKET = { algorithm: "token-bucket" };

  test.each([
    ["twice the limit, fixed windows", { ...FIXED, limit: 40 }, FIXED, 40],
    ["the same limit, fixed windows on the clock", { ...FIXED, ...CLOCK }, { ...FIXED, ...CLOCK }, 20],
    [
      "a window within the other's, on the clock",
      { ...FIXED, ...CLOCK, window: "10s" },
      { ...FIXED, ...CLOCK },
      20,
    ],
    ["a longer window", { ...FIXED, window: "10m" }, FIXED, 220],
    ["a longer window on the clock", { ...FIXED, ...CLOCK, window: "10m" }, { ...FIXED, ...CLOCK }, 200],
    ["a window that no other divides", { ...FIXED, ...CLOCK, window: "90s" }, { ...FIXED, ...CLOCK }, 60],
    ["sliding windows", {}, {}, 40],
    ["a sliding window after a fixed one", {}, FIXED, 60],
    ["sliding windows on the clock", CLOCK, CLOCK, 20],
    ["a short sliding window", { window: "30s" }, {}, 40],
    ["buckets", { ...BUCKET, burst: 20 }, BUCKET, 20],
    ["a window after a bucket", FIXED, { ...BUCKET, burst: 30 }, 50],
    ["a sliding window after a bucket", {}, { ...BUCKET, burst: 30 }, 70],
  ])("%s", (_, rule, other, least) => {
    expect(never({ ...rule, limit: least }, other)).toBe(true);
    expect(never({ ...rule, limit: least - 1 }, other)).toBe(false);
  });

  test.each([
    ["another key", { key: ["country"] }, {}],
    ["another IPv6 prefix", { ipv6_prefix: 56 }, {}],
    ["another path", { match: { path: "/a" } }, { match: { path: "/b" } }],
    ["a wider path", {}, { match: { path: "/a" } }],
    ["a path that only looks as if it were below", { match: { path: "/ab" } }, { match: { path: "/a/**" } }],
    ["a path next to the folder", { match: { path: "/a" } }, { match: { path: "/a/b/*" } }],
    ["a wildcard in the folder", { match: { path: "/a/*/b" } }, { match: { path: "/*/**" } }],
    ["more methods", { match: { methods: ["GET", "PUT"] } }, { match: { methods: ["GET"] } }],
    ["more hosts", {}, { match: { hosts: ["a.example"] } }],
    ["other headers", { match: { headers: { x: ["a", "b"] } } }, { match: { headers: { x: "a" } } }],
    ["what the other leaves out", {}, { match: { not: { country: ["DE"] } } }],
    ["what the other lets through", {}, { allow: ["192.0.2.1"] }],
    ["another plan", {}, { limits: { by: "country", DE: 30 } }],
    ["lower costs", { cost: 2 }, { cost: 1 }],
    ["costs by a header", { cost: { by: "header:x", max: 2 } }, {}],
    ["a list of its own", { deny: ["192.0.2.1"] }, {}],
    [
      "denying what lacks a part",
      { key: ["country"], missing: "deny" },
      { key: ["country"], missing: "deny" },
    ],
    ["counting what the other skips", { key: ["country"] }, { key: ["country"], missing: "skip" }],
    ["a claim that comes sooner", { threshold: 1 }, { threshold: 4 }],
    [
      "an automatic threshold that may come down",
      { threshold: "auto", excess_max: 1 },
      { threshold: "auto", excess_max: 1 },
    ],
    ["an owner that is out of reach", { on_failure: "closed" }, { on_failure: "open" }],
    ["the other as shadow", {}, { mode: "shadow" }],
    ["the other as tag", {}, { action: { kind: "tag" } }],
    ["shadow", { mode: "shadow" }, {}],
    ["a bucket that fills more slowly", { ...BUCKET, window: "1h" }, BUCKET],
    ["a bucket after windows", BUCKET, FIXED],
  ])("not with %s", (_, rule, other) => {
    const limits = "algorithm" in rule && "window" in rule ? { limit: 60 } : { limit: 1000 };
    expect(never({ ...rule, ...limits }, other)).toBe(false);
  });

  test.each([
    ["a path below", { match: { path: ["/a/b", "/A", "/a/*/c"] } }, { match: { path: "/a/**" } }],
    [
      "a path below, and the folder itself",
      { match: { path: ["/a/:b/c", "/a"] } },
      { match: { path: "/a/*" } },
    ],
    ["any characters", { match: { path: "/a{/b}?" } }, { match: { path: "*" } }],
    ["any path", { match: { path: "/a" } }, {}],
    ["one of several paths", { match: { path: "/a" } }, { match: { path: ["/b", "/a"] } }],
    ["fewer methods", { match: { methods: ["GET"] } }, { match: { methods: ["PUT", "GET"] } }],
    [
      "fewer values",
      { match: { headers: { x: "a" }, asn: [1] } },
      { match: { headers: { x: "*" }, asn: [2, 1] } },
    ],
    [
      "the same exception",
      { match: { not: { path: "/a", asn: [1] } } },
      { match: { not: { asn: [1], path: "/a" } } },
    ],
    ["more that is let through", { allow: ["192.0.2.1", "192.0.2.2"] }, { allow: ["192.0.2.2"] }],
    ["skipping what the other counts", { key: ["country"], missing: "skip" }, { key: ["country"] }],
    ["a tag", { action: { kind: "tag" } }, {}],
    ["a later claim", { threshold: 9 }, { threshold: 4 }],
    ["more grace", { threshold: 4, grace: 9 }, { threshold: 4 }],
  ])("also with %s", (_, rule, other) => {
    expect(never({ ...rule, limit: 1000 }, other)).toBe(true);
  });
});

describe("is true", () => {
  const limits = fc.record({
    algorithm: fc.constantFrom("fixed-window", "sliding-window", "token-bucket"),
    window: fc.constantFrom("1s", "2s", "3s", "5s"),
    align: fc.constantFrom("key", "clock"),
    cost: fc.integer({ min: 1, max: 2 }),
    limit: fc.integer({ min: 2, max: 9 }),
    burst: fc.integer({ min: 2, max: 9 }),
  });
  const written = ({ burst, ...fields }: { algorithm: string; burst: number }) =>
    fields.algorithm === "token-bucket" ? { ...fields, burst } : fields;

  test("of the lowest limit of which it is said, whenever requests come", () => {
    let decided = 0;
    fc.assert(
      fc.property(
        limits,
        limits,
        fc.array(
          fc.record({
            toEdge: fc.boolean(),
            waitMs: fc.constantFrom(0, 0, 0, 0, 1, 333, 999, 1000, 1001, 2000),
            count: fc.integer({ min: 1, max: 9 }),
          }),
          { minLength: 1, maxLength: 30 },
        ),
        fc.nat(4999),
        fc.nat(4999),
        (mine, theirs, arrivals, myOffset, theirOffset) => {
          const other = ruleOf(written(theirs));
          const rule = lowestDecided(written(mine), other);
          if (rule === undefined) return;
          decided += 1;
          const meters = [meterOf(rule, myOffset), meterOf(other, theirOffset)] as const;
          let now = START;
          for (const { toEdge, waitMs, count } of arrivals) {
            now += waitMs;
            // The last moment of one of the other's windows: what comes then weighs longest.
            if (toEdge)
              now =
                windowEnd(gridOf(other, theirOffset), windowAt(gridOf(other, theirOffset), epochMs(now))) - 1;
            for (let i = 0; i < count; i++) {
              const [own, first] = meters.map((meter) => meter(now)) as [Room, Room];
              if (first.room < other.cost) continue;
              expect(own.room).toBeGreaterThanOrEqual(rule.cost);
              own.charge();
              first.charge();
            }
          }
        },
      ),
      { numRuns: 10_000 },
    );
    expect(decided).toBeGreaterThan(1_000);
  });

  function lowestDecided(fields: Record<string, unknown>, other: Rule): Rule | undefined {
    const rule = ruleOf({ ...fields, limit: 150 });
    for (let limit = rule.cost; limit <= 150; limit++)
      if (neverActs({ ...rule, limit }, other)) return { ...rule, limit };
    return undefined;
  }

  interface Room {
    readonly room: number;
    charge(): void;
  }

  /** A meter as an owner keeps it, without its messages. */
  function meterOf(rule: Rule, offset: number): (now: number) => Room {
    const policy = policyOf(rule, gridOf(rule, offset));
    const state = emptyMeter(windowAt(policy.grid, epochMs(START)));
    return (at) => {
      const now = epochMs(at);
      rollMeter(state, windowAt(policy.grid, now));
      return { room: room(policy, state, now), charge: () => charge(policy, state, rule.cost, now) };
    };
  }
});
