/** A ledger of more sources than it lists one by one. */
import { describe, expect, it } from "vitest";
import { MESSAGE_LIFE_MAX, SOURCES_HARD_MAX, SOURCES_MAX } from "../../shared/limits.ts";
import { type Account, ask, openAccount } from "../../shared/owner/account.ts";
import { decodeRow, encodeRow } from "../../shared/owner/row.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { epochMs, windowAt } from "../../shared/time.ts";
import { asks, type Naive, newSource, policyOf } from "./naive-source.ts";
import { T0 } from "./world.ts";

describe("a ledger of many sources", () => {
  const policy = policyOf(1_000_000, 600_000);
  const window = windowAt(policy.grid, T0);
  const fill = (count: number): { account: Account; first: Naive } => {
    const first = newSource("first", 0, window);
    first.spent = 3;
    const opening = asks(first, policy, []);
    const account = openAccount(opening, T0);
    ask(account, opening, T0);
    first.counted = 3;
    for (let other = 1; other < count; other += 1) {
      const source = newSource(`other ${other}`, 0, window);
      source.spent = 1;
      ask(account, asks(source, policy, []), T0);
    }
    return { account, first };
  };
  const later = epochMs(T0 + MESSAGE_LIFE_MAX + 1);
  const newcomer = (): Ask => asks(newSource("newcomer", 0, window), policy, [1]);

  it("counted: a folded source that comes back is not counted twice", () => {
    const { account, first } = fill(SOURCES_MAX);
    ask(account, newcomer(), later);
    expect(account.ledger.sources.size).toBe(1);
    expect(account.meter.current).toBe(3 + SOURCES_MAX - 1 + 1);
    first.spent = 5;
    ask(account, asks(first, policy, []), later);
    expect(account.meter.current).toBe(5 + SOURCES_MAX - 1 + 1);
    expect(account.ledger.base).toBe(SOURCES_MAX - 1);
  });

  it("folds nobody whose last Ask could still be repeated", () => {
    const { account } = fill(SOURCES_MAX);
    ask(account, newcomer(), epochMs(T0 + MESSAGE_LIFE_MAX));
    expect(account.ledger.sources.size).toBe(SOURCES_MAX + 1);
    expect(account.ledger.base).toBe(0);
  });

  it("is bounded: one source too many is refused and changes nothing, until others may be folded", () => {
    const { account } = fill(SOURCES_HARD_MAX);
    const message = newcomer();
    const step = ask(account, message, T0);
    expect(step).toMatchObject({ kind: "answer", answer: { kind: "refused", window } });
    expect(account.meter.current).toBe(3 + SOURCES_HARD_MAX - 1);
    expect(ask(account, message, later)).toMatchObject({ answer: { kind: "granted", granted: 1 } });
  });

  it("fits a storage row of 2 MB when it is full, and comes back from it as it was", () => {
    const { account } = fill(SOURCES_HARD_MAX);
    const row = encodeRow(account);
    expect(row.byteLength).toBeLessThan(2_000_000);
    const { ledger, meter } = decodeRow(row) ?? {};
    expect(ledger).toEqual(account.ledger);
    expect(meter).toEqual(account.meter);
  });
});
