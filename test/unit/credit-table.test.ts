/** The credit table under floods of keys, against a Map that never forgets. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex64 } from "../../shared/hash.ts";
import { KeyHasher } from "../../shared/key.ts";
import { SET_SIZE } from "../../shared/limits.ts";
import { CREDIT } from "../../shared/pop/credit-table.ts";
import { Source } from "../../shared/pop/source.ts";
import type { Rule } from "../../shared/rule.ts";
import { durationMs, epochMs, windowAt } from "../../shared/time.ts";
import { MINUTE, ruleWith, SLOW_MS, T0 } from "./world.ts";

const sourceWith = (rules: readonly Rule[], sets: number): Source => {
  const hashers = rules.map((rule) => new KeyHasher(new Uint32Array(8), rule.version));
  return new Source({ isolate: "f".repeat(16), pop: "LHR", seed: 7, rules, hashers, table: { sets } });
};
const tagOf = (key: number) => ({
  hi: Math.imul(key + 1, 0x9e3779b1) | 0,
  lo: Math.imul(key + 1, 0x85ebca6b) | 0,
});
const find = (source: Source, key: number, ms = 0, rule = 0): number =>
  source.lookup(rule, tagOf(key).hi, tagOf(key).lo, epochMs(T0 + ms));
/** Spends one unit of silent credit if there is any. */
const spend = (source: Source, key: number, ms = 0, cost = 1): boolean => {
  const slot = find(source, key, ms);
  if (slot < 0 || source.probe(slot, cost, epochMs(T0 + ms)) !== "fits") return false;
  source.take(source.hold(slot, cost, true));
  return true;
};
const evict = (source: Source, key: number, ms = 0): void =>
  source.table.remove(source.table.find(tagOf(key).hi, tagOf(key).lo), epochMs(T0 + ms));
const claim = (source: Source, key: number, ms: number, until: number, version = 1): void => {
  const { hi, lo } = tagOf(key);
  const news = {
    key: hex64(hi, lo) + "0".repeat(16),
    ruleVersion: source.rules[0]?.version ?? "",
    epoch: 1,
    version,
  };
  source.hear({ ...news, claimedUntil: epochMs(T0 + until) }, epochMs(T0 + ms), 0);
};

type Event =
  | { readonly kind: "spend"; readonly key: number; readonly cost: number }
  | { readonly kind: "hear"; readonly key: number }
  | { readonly kind: "pass"; readonly ms: number };

const flood: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    {
      weight: 20,
      arbitrary: fc.record({
        kind: fc.constant("spend" as const),
        key: fc.oneof(fc.nat(3), fc.nat(40)),
        cost: fc.constantFrom(1, 1, 2),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("hear" as const), key: fc.nat(40) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 700 }) }),
    },
  ),
  { minLength: 20, maxLength: 60 },
);

describe("the credit table", () => {
  it(
    "never gives a key more silent credit in a window than threshold − 1, however many keys push it out",
    () => {
      fc.assert(
        fc.property(flood, fc.integer({ min: 1, max: 6 }), fc.boolean(), (events, threshold, align) => {
          const window = 1_000 as Rule["window"];
          const rule = ruleWith({ threshold, window, limit: 10, align: align ? "clock" : "key" });
          const source = sourceWith([rule], 2);
          const naive = new Map<string, number>();
          const claimed = new Map<string, boolean>();
          let ms = 0;
          let version = 0;
          for (const event of events) {
            if (event.kind === "pass") {
              ms += event.ms;
              continue;
            }
            const slot = find(source, event.key, ms);
            const grid = source.gridAt(slot);
            const name = `${event.key} in ${windowAt(grid, epochMs(T0 + ms))}`;
            if (event.kind === "hear") {
              const left = grid.lengthMs - ((T0 + ms - grid.offsetMs) % grid.lengthMs);
              claim(source, event.key, ms, ms + left, ++version);
              claimed.set(name, true);
            } else if (spend(source, event.key, ms, event.cost)) {
              naive.set(name, (naive.get(name) ?? 0) + event.cost);
              if ((naive.get(name) ?? 0) >= threshold) throw new Error(`${name} spent ${naive.get(name)}`);
              if (claimed.has(name)) throw new Error(`${name} is claimed`);
            }
          }
          expect([...source.table.slots()].length).toBeLessThanOrEqual(2 * SET_SIZE);
        }),
        { numRuns: 10_000 },
      );
    },
    SLOW_MS,
  );

  it("floor: k0 k0 k1, k1's window rolls, k0 comes back, and is not silent a third time", () => {
    const source = sourceWith([ruleWith({ threshold: 3, align: "key" })], 1);
    const left = (key: number): number => MINUTE - ((T0 - ((tagOf(key).lo >>> 0) % MINUTE)) % MINUTE);
    // Of forty keys, the one whose window ends last and the one whose window ends first.
    const [k1 = 0, ...others] = Array.from({ length: 40 }, (_, key) => key).sort((a, b) => left(a) - left(b));
    const k0 = others.at(-1) ?? 0;
    expect([spend(source, k0), spend(source, k0), spend(source, k1)]).toEqual([true, true, true]);
    evict(source, k0);
    evict(source, k1);
    expect(spend(source, k0, left(k1))).toBe(false);
    evict(source, k0, left(k1));
    expect(spend(source, k0, left(k0) - 1)).toBe(false);
    expect(spend(source, k0, left(k0))).toBe(true);
  });

  it("floor: the largest of several evicted counts stands, whichever came last", () => {
    const source = sourceWith([ruleWith({ threshold: 4 })], 1);
    for (const key of [0, 0, 0, 1]) spend(source, key);
    evict(source, 0);
    evict(source, 1);
    expect(spend(source, 0)).toBe(false);
  });

  it("floor: an entry that was replaced again and again leaves what all its lives spent", () => {
    const source = sourceWith([ruleWith({ threshold: 4 })], 1);
    const lives = Array.from({ length: 5 }, () => {
      const silent = spend(source, 0);
      evict(source, 0);
      return silent;
    });
    expect(lives).toEqual([true, true, true, false, false]);
  });

  it("floor: it ends with its window, and counts of windows that ended raise none", () => {
    const source = sourceWith([ruleWith({ threshold: 3 })], 1);
    for (const key of [0, 0, 1, 1]) spend(source, key);
    evict(source, 0);
    spend(source, 2, MINUTE);
    evict(source, 2, MINUTE);
    evict(source, 1, MINUTE);
    expect([spend(source, 3, MINUTE), spend(source, 3, MINUTE)]).toEqual([true, false]);
  });

  it("floor: an owner that is ahead brings an entry that came back to the window where it was silent before", () => {
    const source = sourceWith([ruleWith({ threshold: 2 })], 1);
    const now = epochMs(T0 + MINUTE - 500);
    const follow = (): boolean => {
      source.roll(
        find(source, 0, MINUTE - 500),
        windowAt({ lengthMs: MINUTE, offsetMs: durationMs(0) }, T0) + 1,
        now,
      );
      return spend(source, 0, MINUTE - 500);
    };
    expect(follow()).toBe(true);
    evict(source, 0, MINUTE - 500);
    expect(follow()).toBe(false);
  });

  it("floor: it only lowers silent credit, and is no spending of anybody", () => {
    const source = sourceWith([ruleWith({ threshold: 3 })], 1);
    for (const key of [0, 0]) spend(source, key);
    evict(source, 0);
    const slot = find(source, 1);
    expect([source.spent(slot), source.table.get(slot, CREDIT)]).toEqual([0, 0]);
    const hot = source.heat(slot, hex64(tagOf(1).hi, tagOf(1).lo), undefined, T0);
    hot?.outbox.enqueue(1, T0);
    const flight = hot === undefined ? undefined : source.depart(hot, T0);
    expect(flight?.ask).toMatchObject({ spent: 0, counted: 0, previousSpent: 0, want: [1] });
  });

  it("does not let last window's busy keys push this window's out", () => {
    const source = sourceWith([ruleWith({ threshold: 9 })], 1);
    for (let key = 0; key < SET_SIZE; key += 1) for (let n = 0; n < 8; n += 1) spend(source, key);
    for (let key = 10; key < 10 + SET_SIZE; key += 1) expect(spend(source, key, MINUTE)).toBe(true);
    for (let key = 10; key < 10 + SET_SIZE; key += 1) expect(source.spent(find(source, key, MINUTE))).toBe(1);
  });

  it("a replaced entry takes its rule, count and claim with it: nothing of it is the new key's", () => {
    const rules = [ruleWith({ threshold: 4 }), ruleWith({ threshold: 10, version: "f".repeat(16) })];
    const source = sourceWith(rules, 1);
    for (let key = 0; key < SET_SIZE; key += 1) claim(source, key, 0, MINUTE);
    const slot = find(source, 50, 0, 1);
    expect(source.table.ruleOf(slot)).toBe(1);
    expect([source.spent(slot), source.table.get(slot, CREDIT)]).toEqual([0, 0]);
    expect(source.hotAt(slot)).toBeUndefined();
  });

  it("keeps the entries that requests wait on, and says so when there is no other place", () => {
    const source = sourceWith([ruleWith({ threshold: 1 })], 1);
    const slots = Array.from({ length: SET_SIZE }, (_, key) => {
      const slot = find(source, key);
      source.heat(slot, hex64(tagOf(key).hi, tagOf(key).lo), undefined, T0)?.outbox.enqueue(1, T0);
      return slot;
    });
    expect(find(source, 99)).toBe(-1);
    expect(slots.map((_, key) => find(source, key))).toEqual(slots);
  });

  it("keeps an entry with cost held for a request, and after two windows keeps it no longer", () => {
    const source = sourceWith([ruleWith({ threshold: 3 })], 1);
    for (let key = 0; key < SET_SIZE; key += 1) source.hold(find(source, key), 1, true);
    expect(find(source, 99)).toBe(-1);
    expect(find(source, 99, MINUTE)).toBe(-1);
    expect(find(source, 99, 2 * MINUTE)).toBeGreaterThanOrEqual(0);
  });

  it("lets each of a set's entries go once before strangers have used up a second unit of its credit", () => {
    const threshold = 4;
    const source = sourceWith([ruleWith({ threshold })], 1);
    const silent = Array.from({ length: 60 }, (_, key) => spend(source, key));
    // Nobody has to ask until every place was replaced as often as there is credit.
    expect(silent.indexOf(false)).toBe(SET_SIZE * (threshold - 1));
  });

  it("replaces the least-used unclaimed entry first, and claimed ones last", () => {
    const source = sourceWith([ruleWith({ threshold: 9 })], 1);
    for (let key = 0; key < SET_SIZE; key += 1) for (let n = 0; n <= key; n += 1) spend(source, key);
    claim(source, 0, 0, MINUTE);
    find(source, 20);
    const standing = (): number[] =>
      Array.from({ length: 30 }, (_, key) => key).filter(
        (key) => source.table.find(tagOf(key).hi, tagOf(key).lo) >= 0,
      );
    expect(standing()).toEqual([0, 2, 3, 4, 5, 6, 7, 20]);
    expect(source.table.replacements).toBe(1);
  });
});
