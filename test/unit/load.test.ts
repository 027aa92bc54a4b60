/** An owner that has much to do: it says so, and where a rule leases it grants more at a time. */
import { describe, expect, it } from "vitest";
import { LEASE_WIDEN, OWNER_ASKS_HIGH } from "../../shared/limits.ts";
import { Accounts } from "../../shared/owner/accounts.ts";
import { Load } from "../../shared/owner/load.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { durationMs, epochMs, windowAt } from "../../shared/time.ts";
import { MINUTE, T0 } from "./world.ts";

const START = Math.floor(T0 / 1_000) * 1_000;
const at = (ms: number) => epochMs(START + ms);
const GRID = { lengthMs: MINUTE, offsetMs: durationMs(0) };

describe("the load of an owner", () => {
  it("is high when more came within a second than an object takes", () => {
    const load = new Load();
    load.note(OWNER_ASKS_HIGH, at(0));
    expect(load.isHigh(at(0))).toBe(false);
    load.note(1, at(500));
    expect(load.isHigh(at(999))).toBe(true);
    // What came in the second before fades out.
    load.note(OWNER_ASKS_HIGH / 2, at(1_000));
    expect(load.isHigh(at(1_000))).toBe(true);
    expect(load.isHigh(at(1_900))).toBe(false);
    expect(load.isHigh(at(3_000))).toBe(false);
    // A clock that is put back counts where it was.
    load.note(OWNER_ASKS_HIGH + 1, at(0));
    expect(load.isHigh(at(3_000))).toBe(true);
  });
});

const asks = (seq: number, lease: number | undefined, said: Partial<Ask> = {}): Ask => ({
  source: "a.1",
  pop: "LHR",
  rule: {
    version: "0123456789abcdef",
    name: "busy",
    algorithm: "fixed-window",
    limit: 100_000,
    grid: GRID,
    ...(lease !== undefined && { lease }),
  },
  key: "00112233445566778899aabbccddeeff",
  window: windowAt(GRID, at(0)),
  seq,
  epochSeen: 0,
  spent: seq - 1,
  counted: 0,
  previousSpent: 0,
  want: [1],
  ...(lease !== undefined && { ahead: 10 }),
  ...said,
});

/** What an owner grants beyond what is wanted, before and after so many Asks came within a second, and what it says. */
function granted(lease: number | undefined) {
  const accounts = new Accounts();
  const take = (seq: number, said: Partial<Ask> = {}) => {
    const taken = accounts.take([asks(seq, lease, said)], at(0));
    const answer = taken.kind === "taken" ? taken.answers[0] : undefined;
    if (answer?.kind !== "granted") throw new Error(JSON.stringify(taken));
    return [answer.granted - (said.spent ?? seq - 1) - 1, answer.busy];
  };
  const quiet = take(1);
  for (let seq = 2; seq <= OWNER_ASKS_HIGH; seq++) take(seq, { ahead: 0 });
  return { quiet, busy: take(OWNER_ASKS_HIGH + 1) };
}

describe("a busy owner", () => {
  it("grants more ahead than it was asked for, and says that it is busy", () => {
    expect(granted(0.5)).toEqual({ quiet: [10, undefined], busy: [LEASE_WIDEN * 10, true] });
  });

  it("grants nothing ahead where the rule does not lease", () => {
    expect(granted(undefined)).toEqual({ quiet: [0, undefined], busy: [0, true] });
  });

  it("grants no more than the share that is everybody's", () => {
    const accounts = new Accounts();
    const limit = 20;
    const first = asks(1, 0.5);
    const take = (seq: number, ahead: number) =>
      accounts.take([asks(seq, 0.5, { rule: { ...first.rule, limit }, spent: 0, want: [], ahead })], at(0));
    for (let seq = 1; seq <= OWNER_ASKS_HIGH; seq++) take(seq, 0);
    const taken = take(OWNER_ASKS_HIGH + 1, 10);
    // Half of what is left: it is the only source.
    expect(taken).toMatchObject({ answers: [{ granted: 10, busy: true, remaining: 10 }] });
  });
});
