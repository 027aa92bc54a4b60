/** The ledger: whatever happens to cumulative messages, the owner's count is what the sources spent. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Account, ask, openAccount } from "../../shared/owner/account.ts";
import { decodeRow, encodeRow } from "../../shared/owner/row.ts";
import type { Ask, RulePolicy } from "../../shared/protocol/messages.ts";
import { epochMs, windowAt, windowStart } from "../../shared/time.ts";
import { asks, type Naive, newSource, policyOf, rollTo } from "./naive-source.ts";
import { SLOW_MS, T0 } from "./world.ts";

type Event =
  | { readonly kind: "spend" | "handBack" | "ask" | "report"; readonly who: number; readonly cost: number }
  | { readonly kind: "arrive"; readonly which: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "die" };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: spends() },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("arrive" as const), which: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(1_500) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "die" as const }) },
);

function spends(): fc.Arbitrary<Event> {
  return fc.record({
    kind: fc.constantFrom("spend", "spend", "handBack", "ask", "ask", "report"),
    who: fc.nat(2),
    cost: fc.integer({ min: 1, max: 4 }),
  });
}

/** Plays events against one owner; every message stays around and may arrive any number of times, at any time. */
function play(events: readonly Event[], policy: RulePolicy): void {
  let now = T0;
  const sources = [0, 300, -700].map((skew, at) => newSource(`s${at}`, skew, windowAt(policy.grid, T0)));
  const sent: { by: Naive; message: Ask }[] = [];
  let account: Account | undefined;
  let row: Uint8Array | undefined;
  const arrive = ({ by, message }: { by: Naive; message: Ask }): void => {
    account ??= (row === undefined ? undefined : decodeRow(row)) ?? openAccount(message, now);
    const step = ask(account, message, now);
    if (step.kind === "stale") {
      account = undefined;
      return;
    }
    if (step.store) row = encodeRow(account);
    holds(account);
    const { answer } = step;
    if (answer.seq !== by.seq || by.landed || answer.kind === "dropped") return;
    by.landed = true;
    if (answer.kind === "refused") rollTo(by, answer.window);
    else if (answer.window === by.window) {
      by.epoch = answer.epoch;
      by.spent += answer.granted - message.spent;
      by.counted = answer.granted;
    }
  };
  const clock = (source: Naive): void => rollTo(source, windowAt(policy.grid, epochMs(now + source.skewMs)));
  for (const happened of events) {
    if (happened.kind === "pass") now = epochMs(now + happened.ms);
    else if (happened.kind === "die") account = undefined;
    else if (happened.kind === "arrive") {
      const message = sent[sent.length - 1 - (happened.which % Math.max(1, sent.length))];
      if (message !== undefined) arrive(message);
    } else {
      const source = sources[happened.who];
      if (source === undefined) continue;
      clock(source);
      if (happened.kind === "spend") source.spent += happened.cost;
      else if (happened.kind === "handBack") source.spent = Math.max(0, source.spent - happened.cost);
      else
        sent.push({
          by: source,
          message: asks(source, policy, happened.kind === "ask" ? [happened.cost] : []),
        });
    }
  }
  // Links heal: once everyone is in the same window, each source reports once more.
  const latest = Math.max(
    windowAt(policy.grid, now),
    ...sources.map((s) => s.window),
    account?.meter.window ?? 0,
  );
  now = epochMs(Math.max(now, windowStart(policy.grid, latest)));
  for (const source of sources) {
    rollTo(source, latest);
    arrive({ by: source, message: asks(source, policy, []) });
  }
  const total = (pick: (source: Naive) => number): number => sources.reduce((sum, s) => sum + pick(s), 0);
  account ??= row === undefined ? undefined : decodeRow(row);
  expect(account?.meter.current).toBe(total((source) => source.spent));
  expect(account?.meter.previous).toBe(total((source) => source.previous));
}

/** The meter holds exactly what the ledger lists. */
function holds({ ledger, meter }: Account): void {
  let current = ledger.base;
  let previous = 0;
  for (const source of ledger.sources.values()) {
    current += source.granted;
    previous += source.previous;
  }
  expect([meter.current, meter.previous]).toEqual([current, previous]);
}

describe("the ledger", () => {
  it(
    "counts what the sources spent, whatever was lost, repeated, reordered or late, and whenever the owner died",
    () => {
      fc.assert(
        fc.property(fc.array(event, { maxLength: 30 }), fc.nat(30), (events, limit) => {
          play(events, policyOf(limit + 1, 1_000_000));
        }),
        { numRuns: 10_000 },
      );
    },
    SLOW_MS,
  );

  it(
    "does so across windows too, for this one and the one before",
    () => {
      fc.assert(
        fc.property(fc.array(event, { maxLength: 30 }), fc.nat(30), (events, limit) => {
          play(events, policyOf(limit + 1, 1_000));
        }),
        { numRuns: 10_000 },
      );
    },
    SLOW_MS,
  );
});
