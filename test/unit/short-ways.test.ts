/** The short ways of requests that credit or a block decides, against the long way that decides them all. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { KeyHasher } from "../../shared/key.ts";
import { ByBlock } from "../../shared/pop/by-block.ts";
import { ByCredit } from "../../shared/pop/by-credit.ts";
import { Admission, type Decision, type Waiting } from "../../shared/pop/decide.ts";
import { Source } from "../../shared/pop/source.ts";
import type { Charged } from "../../shared/requested.ts";
import type { Rule } from "../../shared/rule.ts";
import { RuleSet } from "../../shared/rule-set.ts";
import { durationMs, epochMs, windowEnd } from "../../shared/time.ts";
import { ruleWith, SLOW_MS, T0 } from "./world.ts";

const SECRET = Uint32Array.from([1, 2, 3, 4, 5, 6, 7, 8]);

/** A request of `key` that counts as `cost` requests under each of `rules`. */
const costing = (key: string, rules: readonly Rule[], cost = 1): Charged => ({
  keyOf: () => key,
  costOf: (index) => (rules[index]?.cost ?? 1) * cost,
});

/** A source, and how it decides a request; what waits is left waiting. `due`: keys whose reports denials let leave. */
function sourceOf(rules: readonly Rule[], sets: number) {
  const hashers = rules.map((rule) => new KeyHasher(SECRET, rule.version));
  const source = new Source({
    isolate: "f".repeat(16),
    pop: "LHR",
    seed: 7,
    rules,
    hashers,
    table: { sets },
  });
  const due: string[] = [];
  const long = (set: RuleSet, key: string, cost: number, ms: number): Decision | Waiting => {
    const requested = set.indexes.map((ruleIndex) => ({
      ruleIndex,
      key,
      cost: costing(key, rules, cost).costOf(ruleIndex),
    }));
    const admission = new Admission(source, requested, { enforce: true, label: undefined });
    const outcome = admission.step(epochMs(T0 + ms));
    if (outcome.kind === "decided" && !outcome.admitted)
      due.push(...admission.due.map(({ key: one }) => one));
    return outcome;
  };
  const byCredit = new ByCredit(source);
  const byBlock = new ByBlock(source);
  const short = (set: RuleSet, key: string, cost: number, ms: number): Decision | Waiting => {
    const charged = costing(key, rules, cost);
    const now = epochMs(T0 + ms);
    const decision = byCredit.decide(set, charged, now) ?? byBlock.decide(set, charged, now);
    due.push(...byBlock.due.splice(0).map(({ key: one }) => one));
    return decision ?? long(set, key, cost, ms);
  };
  return { source, long, short, due };
}

/** What the client is told, and what is kept; when to try again says nothing of an admitted request. */
const told = (outcome: Decision | Waiting): unknown =>
  outcome.kind === "waiting"
    ? outcome.until
    : { ...outcome, retryAt: outcome.admitted ? 0 : outcome.retryAt };
const kept = (source: Source, ms: number): unknown => [...source.entries(epochMs(T0 + ms))];

const RULES = [
  ruleWith({ name: "a", limit: 9, threshold: 4, window: durationMs(1_000) }),
  ruleWith({ name: "b", version: "b".repeat(16), limit: 7, threshold: 3, window: durationMs(700), cost: 2 }),
  ruleWith({ name: "c", version: "c".repeat(16), limit: 5, threshold: 2, mode: "shadow", align: "clock" }),
];
/** The same, where credit is held ahead. */
const AHEAD = RULES.map((rule): Rule => ({ ...rule, lease: "auto", grace: 1 }));
const SETS = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]];

/** What is due leaves, and is answered with all that it wants and so much ahead. */
function answerAll(source: Source, ahead: number, ms: number): void {
  const now = epochMs(T0 + ms);
  for (const hot of source.hotKeys()) {
    const ask = source.depart(hot, now)?.ask;
    if (ask === undefined) continue;
    const granted = ask.spent + ask.want.reduce((sum, cost) => sum + cost, 0) + ahead;
    const { window, seq } = ask;
    const resetAt = epochMs(now + 500);
    source.answered(
      hot,
      { kind: "granted", window, seq, epoch: 1, version: ms, granted, remaining: 2, resetAt },
      now,
    );
  }
}

const steps = fc.array(
  fc.record({
    set: fc.constantFrom(...SETS),
    client: fc.nat(5).map((number) => `ip=${number}`),
    cost: fc.constantFrom(1, 1, 1, 2, 9),
    ms: fc.constantFrom(0, 0, 0, 0, 30, 400, 3_000, -200),
    heard: fc.constantFrom("nothing", "nothing", "a claim", "a claim", "no room", "a penalty"),
    answered: fc.constantFrom(0, 0, 1, 3, 9),
  }),
  { minLength: 5, maxLength: 40 },
);

it(
  "decides as the long way does, and leaves the same counts, whatever came before",
  () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(1, 16), fc.constantFrom(RULES, AHEAD), (sequence, sets, rules) => {
        const [one, other] = [sourceOf(rules, sets), sourceOf(rules, sets)];
        const none = RuleSet.none(rules);
        let ms = 0;
        for (const step of sequence) {
          ms += step.ms;
          const set = step.set.reduce((smaller, index) => smaller.and(index), none);
          const [short, long] = [
            one.short(set, step.client, step.cost, ms),
            other.long(set, step.client, step.cost, ms),
          ];
          expect(told(short)).toEqual(told(long));
          expect(kept(one.source, ms)).toEqual(kept(other.source, ms));
          expect(one.due).toEqual(other.due);
          expect(one.source.paidAhead).toEqual(other.source.paidAhead);
          for (const { source } of [one, other]) if (step.answered > 0) answerAll(source, step.answered, ms);
          if (step.heard === "nothing") continue;
          for (const { source } of [one, other]) {
            const about = step.set[0] ?? 0;
            const key = source.hashers[about]?.hash(step.client) ?? "";
            const claimedUntil = epochMs(T0 + ms + 1_500);
            const until = epochMs(T0 + ms + 600);
            const news = {
              ...{ key, ruleVersion: rules[about]?.version ?? "", epoch: 1, version: ms, claimedUntil },
              ...(step.heard === "no room" && { fullUntil: until }),
              ...(step.heard === "a penalty" && { penaltyUntil: epochMs(until + 9_000) }),
            };
            source.hear(news, epochMs(T0 + ms), 0);
          }
        }
      }),
      { numRuns: 3_000 },
    );
  },
  SLOW_MS,
);

it("counts nothing when one of several rules has no credit", () => {
  const { source, short } = sourceOf(RULES, 16);
  const none = RuleSet.none(RULES);
  short(none.and(1), "ip=1", 1, 0);
  const byCredit = new ByCredit(source);
  expect(byCredit.decide(none.and(0).and(1), costing("ip=1", RULES), T0)).toBeUndefined();
  expect([...source.entries(T0)].map(({ rule, used }) => [rule, used])).toEqual(
    expect.arrayContaining([
      ["a", 0],
      ["b", 2],
    ]),
  );
});

it("counts nothing on an entry that made place for another rule's of the same request", () => {
  const rules = Array.from({ length: 9 }, (_, index) =>
    ruleWith({ name: `r${index}`, version: `${index}`.repeat(16), limit: 9, threshold: 5 }),
  );
  const { source } = sourceOf(rules, 1);
  // Nine entries in a set of eight: the last one pushes one of the others out.
  const all = rules.reduce((set, _, index) => set.and(index), RuleSet.none(rules));
  expect(new ByCredit(source).decide(all, costing("ip=1", rules), T0)).toBeUndefined();
  expect([...source.entries(T0)].map(({ used }) => used)).toEqual(Array(8).fill(0));
});

it("tells a new client the end of its own window, also in the place of the one that was looked up last", () => {
  const rule = ruleWith({ limit: 9, threshold: 9, align: "key" });
  const { source } = sourceOf([rule], 1);
  const byCredit = new ByCredit(source);
  const set = RuleSet.none([rule]).and(0);
  for (let client = 0; client < 7; client += 1)
    for (let turn = 0; turn < 3; turn += 1) byCredit.decide(set, costing(`ip=${client}`, [rule]), T0);
  const hasher = source.hashers[0] as KeyHasher;
  const slotOf = (key: string): number => {
    hasher.tag(key);
    return source.lookup(0, hasher.hi, hasher.lo, T0);
  };
  for (let client = 7; client < 27; client += 1) {
    const key = `ip=${client}`;
    // The eighth place is the least used one: whoever is new takes it from the one before, found again just now.
    const quota = byCredit.decide(set, costing(key, [rule]), T0)?.quotas[0];
    hasher.tag(key);
    const slot = source.table.find(hasher.hi, hasher.lo);
    expect(quota?.resetAt).toBe(windowEnd(source.gridAt(slot), source.window(slot)));
    expect(slotOf(key)).toBe(slot);
  }
});

it("tells quotas of the rules that are enforced, and of none when none is", () => {
  const { source } = sourceOf(RULES, 16);
  const byCredit = new ByCredit(source);
  const quotasOf = (set: RuleSet) =>
    byCredit
      .decide(set, costing("ip=1", RULES), T0)
      ?.quotas.map(({ rule, remaining }) => [rule.name, remaining]);
  expect(quotasOf(RuleSet.none(RULES).and(0).and(2))).toEqual([["a", 8]]);
  expect(quotasOf(RuleSet.none(RULES, false).and(0))).toEqual([]);
});
