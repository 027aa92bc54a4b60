/** Strict rules: what isolates may have admitted silently is kept back until they have reported. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explainBound } from "../../shared/bound.ts";
import { RESERVE_RETRY } from "../../shared/limits.ts";
import { type Account, ask, openAccount } from "../../shared/owner/account.ts";
import { reserveOf } from "../../shared/owner/reserve.ts";
import { policyOf } from "../../shared/policy.ts";
import { type Ask, HUB_SOURCE } from "../../shared/protocol/messages.ts";
import { formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import { durationMs, epochMs, windowAt, windowEnd } from "../../shared/time.ts";
import { MINUTE, T0 } from "./world.ts";

const GRID = { lengthMs: MINUTE, offsetMs: durationMs(0) };
const NOW = windowAt(GRID, T0);
const at = (ms: number) => epochMs(T0 + ms);

function ruleOf(fields: object): Rule {
  const parsed = parseRules([
    { name: "s", limit: 20, window: "1m", threshold: 4, algorithm: "fixed-window", ...fields },
  ]);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join("; "));
  return parsed.rules[0] as Rule;
}
const STRICT = ruleOf({ strict: 3 });

const asks = (source: string, said: Partial<Ask> = {}): Ask => ({
  source: `${source}.1`,
  pop: "LHR",
  rule: policyOf(STRICT, GRID),
  key: "00112233445566778899aabbccddeeff",
  window: NOW,
  seq: 1,
  epochSeen: 0,
  spent: 0,
  counted: 0,
  previousSpent: 0,
  want: [],
  ...said,
});

/** What an owner answers, which grants something or nothing. */
function answerTo(account: Account, message: Ask, now = T0) {
  const step = ask(account, message, now);
  if (step.kind !== "answer" || step.answer.kind !== "granted") throw new Error(JSON.stringify(step));
  return step.answer;
}

describe("a strict owner", () => {
  it("keeps back what two others may have admitted, says that it will not be long, and blocks nobody for it", () => {
    const first = asks("a", { spent: 3, want: [11, 1] });
    const account = openAccount(first, T0);
    // 20 − 3 − 2 × 3 = 11.
    expect(answerTo(account, first)).toMatchObject({
      granted: 14,
      remaining: 0,
      resetAt: at(RESERVE_RETRY),
    });
    expect(account.fullUntil).toBe(0);
    // One of them admitted all that it may, the other nothing.
    expect(answerTo(account, asks("b", { spent: 3, want: [1] }))).toMatchObject({ granted: 3, remaining: 0 });
    expect(answerTo(account, asks("c", { want: [3, 1] }))).toMatchObject({
      granted: 3,
      remaining: 0,
      fullUntil: windowEnd(GRID, NOW),
    });
    expect(account.meter.current).toBe(20);
  });

  it("keeps nothing back in a window that began claimed, for who is known to know", () => {
    const first = asks("a", { want: [1] });
    const account = openAccount(first, T0);
    answerTo(account, first);
    const next = { window: NOW + 1, seq: 2 };
    const claimed = windowEnd(GRID, NOW + 1);
    answerTo(account, asks("a", { seq: 2, spent: 1, claimSeen: claimed }));
    answerTo(account, asks("b", { spent: 1, claimSeen: claimed }));
    // Of c nothing is known.
    answerTo(account, asks("a", { ...next, previousSpent: 1, claimSeen: claimed }), at(MINUTE));
    expect(reserveOf(account)).toBe(3);
    answerTo(account, asks("c", { ...next }), at(MINUTE));
    expect(reserveOf(account)).toBe(0);
    // In the window after that the claim is over.
    answerTo(account, asks("a", { window: NOW + 2, seq: 3, claimSeen: claimed }), at(2 * MINUTE));
    expect(reserveOf(account)).toBe(6);
  });

  it("takes an entry that came back for the same isolate, and hubs for none", () => {
    const account = openAccount(asks("a"), T0);
    answerTo(account, asks("a"));
    answerTo(account, { ...asks("a"), source: "a.2" });
    answerTo(account, { ...asks("a"), source: `${HUB_SOURCE}.weur-1-1` });
    expect(reserveOf(account)).toBe(6);
  });

  it("never has more admitted than the limit, in whatever order isolates report and ask", () => {
    const isolate = fc.record({
      silent: fc.nat(3),
      wants: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 8 }),
    });
    fc.assert(
      fc.property(
        fc.tuple(isolate, isolate, isolate),
        fc.array(fc.nat(2), { maxLength: 40 }),
        (isolates, order) => {
          const account = openAccount(asks("a"), T0);
          const state = isolates.map(({ silent, wants }) => ({ spent: silent, wants: [...wants], seq: 0 }));
          for (const index of order) {
            const one = state[index] as (typeof state)[number];
            const want = one.wants.splice(0, 1);
            one.seq += 1;
            one.spent = answerTo(
              account,
              asks(`i${index}`, { seq: one.seq, spent: one.spent, want }),
            ).granted;
          }
          expect(state.reduce((sum, { spent }) => sum + spent, 0)).toBeLessThanOrEqual(STRICT.limit);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("a strict rule", () => {
  it("says how many isolates it is exact for", () => {
    expect(STRICT.strict).toBe(3);
    expect(ruleOf({ strict: true, limit: 100 }).strict).toBe(8);
    expect(ruleOf({ strict: false }).strict).toBe(0);
    expect(policyOf(STRICT, GRID).reserve).toEqual({ sources: 3, each: 3, claimed: 0 });
    expect(policyOf(ruleOf({ strict: 3, threshold: 1 }), GRID).reserve).toBeUndefined();
    expect(policyOf(ruleOf({ strict: 3, grace: 2 }), GRID).reserve).toEqual({
      sources: 3,
      each: 5,
      claimed: 2,
    });
    expect(explainBound(STRICT)).toContain(
      "at most 20 in every window of 1m worldwide, as long as no more than 3 isolates",
    );
  });

  it.each([
    [{ strict: 7 }, "found 7; allowed is a whole number from 1 to 6: isolates times the 3"],
    [{ strict: true }, "found 8; allowed is a whole number from 1 to 6"],
    [{ strict: 3, grace: 4 }, "found 3; allowed is a whole number from 1 to 2: isolates times the 7"],
    [{ strict: 2, algorithm: "token-bucket" }, 'nothing with algorithm = "token-bucket"'],
    [{ strict: 0 }, "found 0; allowed is true"],
    [{ strict: "yes" }, 'found "yes"; allowed is true'],
  ])("refuses %j", (fields, words) => {
    expect(() => ruleOf(fields)).toThrow(words);
  });
});
