/** `threshold = "auto"`: owners say how many isolates see a key, and isolates set their silent credit by it. */
import { describe, expect, it, test } from "vitest";
import { FAULT_NAMES } from "../../loadtest/planet/faults.ts";
import { runTrial } from "../../loadtest/planet/trial.ts";
import { bound, explainBound } from "../../shared/bound.ts";
import { type Account, announcementOf, ask, openAccount } from "../../shared/owner/account.ts";
import { isolatesIn } from "../../shared/owner/ledger.ts";
import { policyOf } from "../../shared/policy.ts";
import { CurrentThreshold, SourceEstimate } from "../../shared/pop/source-estimate.ts";
import {
  decodeAsks,
  decodeNews,
  decodeReply,
  encodeAsks,
  encodeNews,
  encodeReply,
} from "../../shared/protocol/codec.ts";
import { type Announcement, type Ask, HUB_SOURCE } from "../../shared/protocol/messages.ts";
import { formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import { thresholdFor } from "../../shared/threshold.ts";
import { durationMs, epochMs, windowAt } from "../../shared/time.ts";
import { MINUTE, ruleWith, SLOW_MS, T0, World } from "./world.ts";

const GRID = { lengthMs: MINUTE, offsetMs: durationMs(0) };
const at = (ms: number) => epochMs(T0 + ms);

function parsed(fields: object): Rule {
  const read = parseRules([{ name: "auto", limit: 400, window: "1m", threshold: "auto", ...fields }]);
  if (!read.ok) throw new Error(read.problems.map(formatProblem).join("; "));
  return read.rules[0] as Rule;
}
const problems = (fields: object): string => {
  const read = parseRules([{ name: "auto", limit: 400, window: "1m", threshold: "auto", ...fields }]);
  return read.ok ? "" : read.problems.map(formatProblem).join("; ");
};

describe("the threshold for so many sources", () => {
  it("keeps what they may admit silently within the excess, for one source more than are known of", () => {
    for (const limit of [1, 7, 20, 300, 5_000])
      for (const excess of [0.01, 0.05, 0.3, 1])
        for (let known = 1; known <= 40; known += 1) {
          const threshold = thresholdFor(limit, excess, known);
          expect(threshold).toBeGreaterThanOrEqual(1);
          expect(threshold).toBeLessThanOrEqual(limit);
          for (let sources = 1; sources <= known + 1; sources += 1)
            expect(bound({ limit, threshold, sources })).toBeLessThanOrEqual(limit + excess * limit + 1e-9);
        }
  });

  it("is as high as that allows", () => {
    expect([1, 2, 4, 5, 20, 21].map((sources) => thresholdFor(400, 0.05, sources))).toEqual([
      21, 11, 6, 5, 2, 1,
    ]);
    expect(thresholdFor(2, 1, 1)).toBe(2);
  });
});

describe("the estimate of sources", () => {
  it("begins at the floor, rises at once, and never falls below the floor", () => {
    const estimate = new SourceEstimate(MINUTE);
    expect(estimate.at(T0)).toBe(4);
    estimate.observe(3, T0);
    expect(estimate.at(T0)).toBe(4);
    estimate.observe(20, T0);
    expect(estimate.at(T0)).toBe(20);
    estimate.observe(5, T0);
    expect(estimate.at(T0)).toBe(20);
    expect(estimate.at(at(1_000 * MINUTE))).toBe(4);
  });

  it("loses an eighth with each window in which nobody says as many", () => {
    const estimate = new SourceEstimate(MINUTE);
    estimate.observe(16, T0);
    expect(estimate.at(at(MINUTE - 1))).toBe(16);
    expect(estimate.at(at(MINUTE))).toBe(14);
    expect(estimate.at(at(2 * MINUTE - 1))).toBe(14);
    expect(estimate.at(at(2 * MINUTE))).toBe(12.25);
    // A clock that steps back changes nothing.
    expect(estimate.at(T0)).toBe(12.25);
  });

  it("is believed for a window more when as many are said again", () => {
    const estimate = new SourceEstimate(MINUTE);
    estimate.observe(16, T0);
    estimate.observe(16, at(30_000));
    expect(estimate.at(at(MINUTE))).toBe(16);
    expect(estimate.at(at(30_000 + MINUTE))).toBe(14);
    estimate.observe(14, at(40_000 + MINUTE));
    expect(estimate.at(at(30_000 + 2 * MINUTE))).toBe(14);
  });

  it("makes no threshold higher than the rule's, and changes none that is fixed", () => {
    const auto = new CurrentThreshold(parsed({}));
    expect(auto.at(T0)).toBe(6);
    auto.observe(1, T0);
    expect(auto.at(T0)).toBe(6);
    auto.observe(10, T0);
    expect(auto.at(T0)).toBe(3);
    const bucket = new CurrentThreshold(parsed({ algorithm: "token-bucket", burst: 3 }));
    expect(bucket.at(T0)).toBe(3);
    const fixed = new CurrentThreshold(parsed({ threshold: 5 }));
    fixed.observe(100, T0);
    expect(fixed.at(T0)).toBe(5);
  });
});

describe("an owner", () => {
  const NOW = windowAt(GRID, T0);
  const asks = (source: string, said: Partial<Ask> = {}): Ask => ({
    source,
    pop: "LHR",
    rule: policyOf(parsed({ algorithm: "fixed-window" }), GRID),
    key: "00112233445566778899aabbccddeeff",
    window: NOW,
    seq: 1,
    epochSeen: 0,
    spent: 1,
    counted: 0,
    previousSpent: 0,
    want: [],
    ...said,
  });
  function sourcesTold(account: Account, message: Ask, now = T0): number | undefined {
    const step = ask(account, message, now);
    if (step.kind !== "answer" || step.answer.kind !== "granted") throw new Error(JSON.stringify(step));
    return step.answer.sources;
  }

  it("says how many isolates asked or reported, each once, hubs left out", () => {
    const account = openAccount(asks("a.1"), T0);
    expect(sourcesTold(account, asks("a.1"))).toBe(1);
    expect(sourcesTold(account, asks("a.2"))).toBe(1);
    expect(sourcesTold(account, asks(`${HUB_SOURCE}.weur`, { spent: 0 }))).toBe(1);
    expect(sourcesTold(account, asks("b.1", { spent: 0, want: [1] }))).toBe(2);
    expect(sourcesTold(account, asks("c.7", { spent: 0 }))).toBe(3);
    expect(announcementOf(account, T0).sources).toBe(3);
  });

  it("says in a window that began as many as in the one before, and forgets them with it", () => {
    const account = openAccount(asks("a.1"), T0);
    for (const isolate of ["a", "b", "c"]) sourcesTold(account, asks(`${isolate}.1`));
    const next = { seq: 2, window: NOW + 1, epochSeen: 1, previousSpent: 1 };
    expect(sourcesTold(account, asks("a.1", next), at(MINUTE))).toBe(3);
    const later = { ...next, seq: 3, window: NOW + 2 };
    expect(sourcesTold(account, asks("a.1", later), at(2 * MINUTE))).toBe(1);
    expect(isolatesIn(account.ledger)).toBe(1);
  });

  it("says nothing of it under a rule whose threshold is fixed, or that admits nothing silently", () => {
    for (const fields of [{ threshold: 6 }, { excess_max: 0.001 }]) {
      const rule = policyOf(parsed(fields), GRID);
      expect(rule.tellSources).toBeUndefined();
      const account = openAccount(asks("a.1", { rule }), T0);
      const step = ask(account, asks("a.1", { rule }), T0);
      expect(step.kind === "answer" && "sources" in step.answer).toBe(false);
      expect(announcementOf(account, T0)).not.toHaveProperty("sources");
    }
  });

  it("is understood: what is told goes over the wire", () => {
    const message = asks("a.1");
    const account = openAccount(message, T0);
    const step = ask(account, message, T0);
    if (step.kind !== "answer" || step.announcement === undefined) throw new Error("a claim is announced");
    expect(decodeAsks(encodeAsks([message]))).toMatchObject({ value: [{ rule: { tellSources: true } }] });
    const reply = decodeReply(encodeReply({ answers: [step.answer] }));
    expect(reply).toMatchObject({ value: { answers: [{ sources: 1 }] } });
    expect(decodeNews(encodeNews([step.announcement]))).toMatchObject({ value: [{ sources: 1 }] });
  });
});

describe("a source", () => {
  const AUTO = ruleWith({ limit: 400, burst: 400, threshold: 6, excessMax: 0.05 });
  /** How many requests of a client are admitted at a node before its owner is asked. */
  function silent(world: World, node: number, client: string): number {
    for (let count = 0; ; count += 1) {
      const { decision } = world.request(node, { client });
      if (decision === undefined || decision.kind !== "decided" || decision.how !== "credit") return count;
    }
  }
  const news = (world: World, client: string, sources: number): Announcement => {
    const source = world.node(0).source;
    const key = source.hashers[0]?.hash(`ip=${client}`) ?? "";
    const { version } = source.rules[0] as Rule;
    return { key, ruleVersion: version, epoch: 1, version: 1, claimedUntil: at(MINUTE), sources };
  };

  it("that learns from answers that twenty see a key gives new entries less, and new windows", () => {
    const world = new World({ sources: 20, rules: [AUTO] });
    // It begins with the rule's own.
    expect(silent(world, 0, "quiet")).toBe(5);
    world.network = [];
    world.request(0, { client: "early" });
    for (let node = 0; node < 20; node += 1) silent(world, node, "busy");
    world.settle();
    expect(silent(world, 19, "new")).toBe(1);
    // An entry keeps what it began with until its window ends.
    expect(silent(world, 0, "early")).toBe(4);
    world.network = [];
    world.tick(MINUTE);
    expect(silent(world, 19, "early")).toBe(1);
  });

  it("hears it through the hubs, too, and goes back when it is long past", () => {
    const world = new World({ sources: 1, rules: [AUTO] });
    const { source } = world.node(0);
    source.hear(news(world, "elsewhere", 20), world.now, 0.5);
    expect(silent(world, 0, "a")).toBe(1);
    world.tick(13 * MINUTE);
    expect(silent(world, 0, "b")).toBe(5);
  });

  it("decides in a crowded table as a source whose rule has the lower threshold for good", () => {
    const decisions = (rule: Rule): readonly boolean[] => {
      const world = new World({ sources: 1, rules: [rule], sets: 1 });
      world.node(0).source.hear(news(world, "elsewhere", 10), world.now, 0.5);
      const decided: boolean[] = [];
      // Each is pushed out by those that come after it, and its floor stays.
      for (let client = 0; client < 30; client += 1)
        decided.push(world.request(0, { client: `c${client % 12}` }).decision !== undefined);
      expect(world.node(0).source.table.replacements).toBeGreaterThan(0);
      return decided;
    };
    const { excessMax: _, ...fixed } = AUTO;
    const lowered = decisions({ ...fixed, threshold: 3 });
    expect(new Set(lowered).size).toBe(2);
    expect(decisions(AUTO)).toEqual(lowered);
    expect(decisions({ ...fixed, threshold: 6 })).not.toEqual(lowered);
  });

  it("keeps to the excess with twenty isolates, once it knows of them", () => {
    const world = new World({ sources: 20, rules: [AUTO], announces: false });
    for (let node = 0; node < 20; node += 1) silent(world, node, "first");
    world.settle();
    // All have heard of twenty but those that were answered early: they hear it with the next answer.
    for (let node = 0; node < 20; node += 1) world.request(node, { client: "first" });
    world.settle();
    let admitted = 0;
    for (let node = 0; node < 20; node += 1) admitted += silent(world, node, "second");
    expect(admitted).toBe(20);
  });
});

describe("a rule", () => {
  test("with an automatic threshold has the highest, for four isolates, and says the excess", () => {
    expect(parsed({})).toMatchObject({ threshold: 6, excessMax: 0.05, grace: 0 });
    expect(parsed({ excess_max: 0.5, grace: "auto" })).toMatchObject({ threshold: 51, grace: 25 });
    expect(parsed({ limit: 20 })).toMatchObject({ threshold: 1, excessMax: 0.05 });
    expect(parsed({ threshold: 6 })).not.toHaveProperty("excessMax");
  });

  test("has a version of its own, and each of its plans its own threshold", () => {
    const versions = [parsed({}), parsed({ threshold: 6 }), parsed({ excess_max: 0.051 })];
    expect(new Set(versions.map(({ version }) => version)).size).toBe(3);
    expect(parsed({ excess_max: 0.05 }).version).toBe(parsed({}).version);
    const read = parseRules([
      { name: "a", limit: 400, window: "1m", threshold: "auto", limits: { by: "header:p", pro: 4_000 } },
    ]);
    expect(read.ok && read.rules.map(({ threshold }) => threshold)).toEqual([6, 51]);
  });

  test.each([
    [{ threshold: "automatic" }, 'threshold: found "automatic"; allowed is "auto", or a whole number from 1'],
    [{ excess_max: 0 }, "excess_max: found 0; allowed is a share of the limit above 0 and up to 1"],
    [{ excess_max: 1.01 }, "excess_max: found 1.01; allowed is a share"],
    [{ excess_max: "0.05" }, 'excess_max: found "0.05"; allowed is a share'],
    [
      { threshold: 4, excess_max: 0.1 },
      'excess_max: found 0.1; allowed is nothing without threshold = "auto"',
    ],
    [{ threshold: undefined, excess_max: 0.1 }, "excess_max: found 0.1; allowed is nothing without"],
    [{ strict: 2 }, 'strict: found 2; allowed is nothing with threshold = "auto"'],
    [{ limit: 20, strict: true }, 'strict: found 8; allowed is nothing with threshold = "auto"'],
    [{ grace: 396 }, "grace: found 396; allowed is a whole number from 0 to limit - threshold + 1, 395"],
  ])("%j is refused", (fields, text) => {
    expect(problems(fields)).toContain(text);
  });

  test("tells its guarantee: the excess it keeps to, and the worst case", () => {
    expect(explainBound(parsed({ algorithm: "fixed-window", on_failure: "closed" }))).toContain(
      "at most 400 in every window of 1m worldwide, plus 20 as long as no more isolates see the client than the estimate says; at worst plus 5 for each further isolate that sees the client (and 5 if an isolate had to forget it);",
    );
    expect(explainBound(parsed({ grace: 2 }))).toContain(
      "plus 20 and 2 for each further isolate as long as no more isolates see the client than the estimate says; at worst plus 7 for",
    );
    expect(explainBound(parsed({ algorithm: "token-bucket", burst: 50 }))).toContain(
      "in any time τ at most 50 + 400·τ/1m worldwide, plus 20 as long as no more isolates see the client than the estimate says, for each window of 1m that τ touches; at worst plus 5 for each isolate and each window",
    );
    expect(explainBound(parsed({ limit: 20 }))).toContain("whatever number of isolates sees the client");
  });
});

describe("trials of the simulator", () => {
  it(
    "draw automatic thresholds only when they are asked for, keep all else, and find nothing wrong",
    () => {
      let drawn = 0;
      for (let seed = 1; seed <= 60; seed += 1) {
        const options = { seed, faults: FAULT_NAMES, strict: "drawn" } as const;
        const auto = runTrial({ ...options, auto: "drawn" });
        expect(auto.violation).toBeUndefined();
        const automatic = auto.plan.rules.filter(({ excessMax }) => excessMax !== undefined);
        drawn += automatic.length;
        expect(automatic.every(({ strict }) => strict === 0)).toBe(true);
        const plain = seed > 6 ? undefined : runTrial(options).plan;
        if (plain === undefined) continue;
        expect(plain.rules.every(({ excessMax }) => excessMax === undefined)).toBe(true);
        expect({ ...auto.plan, rules: plain.rules }).toEqual(plain);
        if (automatic.length === 0) expect(auto.plan).toEqual(plain);
      }
      expect(drawn).toBeGreaterThan(5);
      expect(drawn).toBeLessThan(25);
    },
    SLOW_MS,
  );
});
