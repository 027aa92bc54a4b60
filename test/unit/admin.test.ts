/** What people do to an account by hand. */
import { describe, expect, it } from "vitest";
import { BLOCK_MAX, BLOCK_TRUST, CLOCK_SKEW_MAX, OVERRIDE_MAX, ROW_KEEP_MAX } from "../../shared/limits.ts";
import { type Account, ask, expiresAt, openAccount } from "../../shared/owner/account.ts";
import { Accounts } from "../../shared/owner/accounts.ts";
import { carryOut } from "../../shared/owner/admin.ts";
import { inspect } from "../../shared/owner/inspect.ts";
import { decodeRow, encodeRow } from "../../shared/owner/row.ts";
import type { Command, CommandAction } from "../../shared/protocol/commands.ts";
import type { Ask, RulePolicy } from "../../shared/protocol/messages.ts";
import { durationMs, type EpochMs, epochMs, windowAt } from "../../shared/time.ts";
import { MINUTE, T0 } from "./world.ts";

const GRID = { lengthMs: MINUTE, offsetMs: durationMs(0) };
const NOW = windowAt(GRID, T0);
const END = T0 + MINUTE;
const at = (ms: number) => epochMs(T0 + ms);
const KEY = "00112233445566778899aabbccddeeff";
const ruleOf = (said: Partial<RulePolicy> = {}): RulePolicy => ({
  version: "0123456789abcdef",
  name: "login",
  algorithm: "fixed-window",
  limit: 4,
  threshold: 2,
  grid: GRID,
  ...said,
});
const asks = (said: Partial<Ask> = {}): Ask => ({
  source: "a",
  pop: "LHR",
  rule: ruleOf(),
  key: KEY,
  window: NOW,
  seq: 1,
  epochSeen: 0,
  spent: 0,
  counted: 0,
  previousSpent: 0,
  want: [],
  ...said,
});
const command = (action: CommandAction, rule = ruleOf()): Command => ({ rule, key: KEY, action });
const opened = (first: Ask): Account => {
  const account = openAccount(first, T0);
  ask(account, first, T0);
  return account;
};
const restarted = (account: Account): Account => decodeRow(encodeRow(account)) ?? account;
/** What an Ask is answered. */
const answered = (account: Account, said: Partial<Ask>, now = T0) => {
  const step = ask(account, asks(said), now);
  return step.kind === "answer" ? step.answer : step;
};
/** What a command makes of an account. */
const done = (account: Account, action: CommandAction, now = T0) => {
  const step = carryOut(account, command(action), now);
  if (step.kind === "refused") throw new Error(step.error);
  return step;
};

describe("reset", () => {
  const full = (): Account => {
    const account = opened(asks({ spent: 3, want: [1, 1] }));
    account.penaltyUntil = at(5_000);
    return account;
  };

  it("begins a new count, ends every block, and tells everyone so under a higher version", () => {
    const account = full();
    expect(inspect(account, T0)).toMatchObject({ count: 4, blockedUntil: END });
    const { result, store, announcement } = done(account, { kind: "reset" });
    expect(store).toBe(true);
    expect(result).toEqual({
      rule: "login",
      key: KEY,
      epoch: 1,
      window: NOW,
      count: 0,
      limit: 4,
      resetAt: END,
      claimed: true,
      claimedBy: "LHR",
      lent: 0,
      reserved: 0,
      busy: false,
      sources: 1,
      blockedUntil: null,
      override: null,
    });
    // The claim stays: the first Ask announced it, under version 1.
    expect(announcement).toEqual({
      key: KEY,
      claimedBy: "LHR",
      ruleVersion: "0123456789abcdef",
      epoch: 1,
      version: 2,
      claimedUntil: END + MINUTE,
      released: true,
    });
  });

  it("charges nothing again: the next cumulative `spent` of a source counts only what is new in it", () => {
    const account = full();
    done(account, { kind: "reset" });
    expect(answered(account, { seq: 2, spent: 4, want: [1] })).toMatchObject({ granted: 5, remaining: 3 });
    expect(answered(account, { seq: 3, spent: 7 })).toMatchObject({ granted: 7, remaining: 1 });
  });

  it("is in the row: a restarted owner charges nothing again either", () => {
    const account = full();
    done(account, { kind: "reset" });
    const back = restarted(account);
    const first = answered(back, { seq: 2, spent: 4, want: [1] });
    expect(first).toMatchObject({ epoch: 2, granted: 5, remaining: 3 });
    answered(back, { source: "b", want: [1, 1] });
    expect(answered(restarted(back), { seq: 3, spent: 2 })).toMatchObject({ granted: 2, remaining: 2 });
  });

  it("what was granted before it and is handed back after it gives no room that others have used since", () => {
    const account = full();
    done(account, { kind: "reset" });
    expect(answered(account, { source: "b", want: [1, 1] })).toMatchObject({ granted: 2, remaining: 2 });
    expect(answered(account, { seq: 2, spent: 3 })).toMatchObject({ granted: 3, remaining: 2 });
    // What it did not spend before the reset it spends after it.
    expect(answered(account, { seq: 3, spent: 4 })).toMatchObject({ granted: 4, remaining: 1 });
  });

  it("forgets the window before, too, and what is told of it late counts no more than is new", () => {
    const rule = ruleOf({ algorithm: "sliding-window" });
    const account = opened(asks({ rule, spent: 4 }));
    ask(account, asks({ rule, source: "b", window: NOW + 1, want: [] }), at(MINUTE));
    expect(inspect(account, at(MINUTE))).toMatchObject({ count: 4 });
    done(account, { kind: "reset" }, at(MINUTE));
    expect(inspect(account, at(MINUTE))).toMatchObject({ count: 0 });
    ask(account, asks({ rule, seq: 2, window: NOW + 1, previousSpent: 5 }), at(MINUTE));
    ask(account, asks({ rule, source: "b", seq: 2, window: NOW + 1, previousSpent: 2 }), at(MINUTE));
    expect(account.meter).toMatchObject({ current: 0, previous: 3 });
    // Of the 5 only one was counted since: no more can be handed back.
    ask(account, asks({ rule, seq: 3, window: NOW + 1, previousSpent: 3 }), at(MINUTE));
    expect(account.meter).toMatchObject({ current: 0, previous: 2 });
  });

  it("fills a bucket", () => {
    const rule = ruleOf({ algorithm: "token-bucket", burst: 6 });
    const account = opened(asks({ rule, want: [5] }));
    done(account, { kind: "reset" });
    expect(answered(account, { rule, seq: 2, spent: 5, want: [6] })).toMatchObject({
      granted: 11,
      remaining: 0,
    });
  });

  it("is announced with whatever comes within the time that a block is believed", () => {
    const account = full();
    done(account, { kind: "reset" });
    const news = (said: Partial<Ask>, ms: number) => {
      const step = ask(account, asks(said), at(ms));
      return step.kind === "answer" ? step.announcement : step;
    };
    expect(news({ seq: 2, spent: 4, want: [5] }, 1)).toBeUndefined();
    expect(news({ seq: 3, spent: 8, want: [1] }, BLOCK_TRUST - 1)).toMatchObject({
      version: 3,
      released: true,
      fullUntil: END,
    });
    expect(news({ seq: 4, spent: 7 }, BLOCK_TRUST)).not.toHaveProperty("released");
  });
});

describe("block and unblock", () => {
  it("bars a key that nobody asked for: its account is opened, written, and announced without a claim", () => {
    const accounts = new Accounts();
    const { reply, rows, alarmAt, news } = accounts.command(
      command({ kind: "block", until: at(90_000) }),
      T0,
    );
    expect(reply).toEqual({
      result: {
        rule: "login",
        key: KEY,
        epoch: 1,
        window: NOW,
        count: 0,
        limit: 4,
        resetAt: at(90_000),
        claimed: false,
        claimedBy: "",
        lent: 0,
        reserved: 0,
        busy: false,
        sources: 0,
        blockedUntil: at(90_000),
        override: null,
      },
    });
    expect([...rows.keys()]).toEqual([`0123456789abcdef.${KEY}`]);
    // One idle window after the one in which the block ends.
    expect(alarmAt).toBe(T0 + 3 * MINUTE + 2 * CLOCK_SKEW_MAX);
    const verdicts = { epoch: 1, version: 1, penaltyUntil: at(90_000) };
    expect(news).toEqual([{ key: KEY, ruleVersion: "0123456789abcdef", ...verdicts }]);
    const [row] = rows.values();
    const account = decodeRow(row);
    expect(account && answered(account, { want: [1] })).toMatchObject({
      epoch: 2,
      granted: 0,
      penaltyUntil: at(90_000),
    });
    expect(account).toMatchObject({ claimedBy: "LHR" });
  });

  it("replaces a penalty that stands, by a longer block or a shorter one, and is not extended by denials", () => {
    const rule = ruleOf({ blockForMs: durationMs(20_000) });
    const account = opened(asks({ rule, want: [4, 1] }));
    expect(account.penaltyUntil).toBe(at(20_000));
    expect(done(account, { kind: "block", until: at(50_000) }).result.blockedUntil).toBe(END);
    expect(done(account, { kind: "block", until: at(10_000) }).announcement).toMatchObject({
      version: 3,
      penaltyUntil: at(10_000),
    });
    answered(account, { seq: 2, spent: 4, want: [1] }, at(5_000));
    expect(account.penaltyUntil).toBe(at(10_000));
  });

  it("unblock lets in whom the count lets in", () => {
    const account = opened(asks({ want: [1] }));
    done(account, { kind: "block", until: at(50_000) });
    const { result, store, announcement } = done(account, { kind: "unblock" });
    expect([store, result.count, result.blockedUntil]).toEqual([true, 1, null]);
    expect(announcement).toEqual({
      key: KEY,
      claimedBy: "LHR",
      ruleVersion: "0123456789abcdef",
      epoch: 1,
      version: 3,
      claimedUntil: END,
      released: true,
    });
    expect(answered(account, { seq: 2, spent: 1, want: [1] })).toMatchObject({ granted: 2 });
  });

  it("unblock leaves a full key full", () => {
    const account = opened(asks({ want: [4, 1] }));
    done(account, { kind: "block", until: at(90_000) });
    const { result, announcement } = done(account, { kind: "unblock" });
    expect(result).toMatchObject({ count: 4, blockedUntil: END });
    expect(announcement).toMatchObject({ released: true, fullUntil: END });
    expect(announcement).not.toHaveProperty("penaltyUntil");
  });

  it("a block is announced as no release, though one was a moment ago", () => {
    const account = opened(asks({ want: [1] }));
    done(account, { kind: "unblock" });
    expect(done(account, { kind: "block", until: at(1) }).announcement).not.toHaveProperty("released");
  });

  it("outlives a restart", () => {
    const account = opened(asks({ want: [1] }));
    done(account, { kind: "block", until: at(5_000) });
    expect(answered(restarted(account), { seq: 2, spent: 1, want: [1] }, at(4_999))).toMatchObject({
      granted: 1,
      penaltyUntil: at(5_000),
    });
  });
});

describe("override", () => {
  it("is what the account meters by, is told in answers, and claims the key for as long as it lasts", () => {
    const account = opened(asks({ want: [1, 1, 1, 1, 1] }));
    const { result, announcement } = done(account, { kind: "override", limit: 6, until: at(90_000) });
    const shown = { limit: 6, count: 4, blockedUntil: null, override: { limit: 6, until: at(90_000) } };
    expect(result).toMatchObject(shown);
    // It was full, and is no more.
    expect(announcement).toMatchObject({ version: 2, claimedUntil: END + MINUTE, released: true });
    expect(announcement).not.toHaveProperty("fullUntil");
    expect(answered(account, { seq: 2, spent: 4, want: [1, 1, 1] })).toMatchObject({
      granted: 6,
      remaining: 0,
      limit: 6,
      fullUntil: END,
    });
  });

  it("below the count leaves no room, and until it ends no longer than that", () => {
    const account = opened(asks({ want: [3] }));
    done(account, { kind: "override", limit: 2, until: at(9_000) });
    expect(answered(account, { seq: 2, spent: 3, want: [1] })).toMatchObject({
      granted: 3,
      remaining: 0,
      limit: 2,
      fullUntil: at(9_000),
      claimedUntil: END + MINUTE,
    });
    expect(answered(account, { seq: 3, spent: 3, want: [1] }, at(9_000))).toMatchObject({
      granted: 4,
      remaining: 0,
    });
    expect(answered(account, { seq: 4, spent: 4 }, at(9_000))).not.toHaveProperty("limit");
  });

  it("is taken back with null: the claim lasts to the window's end, as any, and nothing is done if there is none", () => {
    const account = opened(asks({ want: [1] }));
    const before = structuredClone(account);
    expect(done(account, { kind: "override", limit: null })).toMatchObject({
      store: false,
      announcement: undefined,
    });
    expect(account).toEqual(before);
    done(account, { kind: "override", limit: 9, until: at(600_000) });
    expect(account.claimedUntil).toBe(at(600_000));
    const { result, store, announcement } = done(account, { kind: "override", limit: null });
    expect([store, result.limit, result.override]).toEqual([true, 4, null]);
    expect(announcement).toMatchObject({ version: 3, claimedUntil: END });
  });

  it("outlives a restart, and the row is kept until it has ended", () => {
    const account = opened(asks({ want: [1] }));
    done(account, { kind: "override", limit: 9, until: at(10 * MINUTE) });
    expect(expiresAt(account)).toBe(T0 + 12 * MINUTE + 2 * CLOCK_SKEW_MAX);
    const back = restarted(account);
    expect(answered(back, { seq: 2, window: NOW + 5, want: [] }, at(5 * MINUTE))).toMatchObject({
      limit: 9,
      remaining: 9,
      claimedUntil: at(10 * MINUTE),
    });
    expect(inspect(back, at(10 * MINUTE))).toMatchObject({ limit: 4, override: null });
  });

  it("of a bucket is its burst, too; it fills at the override's rate while that lasts, and at its own then", () => {
    const rule = ruleOf({ algorithm: "token-bucket", limit: 60, burst: 60 });
    const account = opened(asks({ rule, want: [60] }));
    // Half full, from then on it gets 6 a minute and holds 6: what is missing beyond one window of debt is forgiven.
    done(account, { kind: "override", limit: 6, until: at(50_000) }, at(30_000));
    expect(inspect(account, at(30_000))).toMatchObject({ limit: 6, count: 12 });
    expect(inspect(account, at(40_000))).toMatchObject({ count: 11 });
    expect(inspect(account, at(49_999))).toMatchObject({ count: 11 });
    // 20 s at 6 a minute took 2 off; at 60 a minute each second takes 1 off.
    expect(inspect(account, at(50_000))).toMatchObject({ limit: 60, count: 10 });
    expect(inspect(account, at(55_000))).toMatchObject({ count: 5 });
    expect(answered(account, { rule, seq: 2, spent: 60, want: [56] }, at(56_000))).toMatchObject({
      granted: 116,
      remaining: 0,
    });
  });
});

describe("a command", () => {
  it("peek tells, and changes nothing, not even of a key that no account is kept of", () => {
    const account = opened(asks({ want: [1] }));
    const before = structuredClone(account);
    const peeked = done(account, { kind: "peek" }, at(2 * MINUTE));
    expect(peeked).toMatchObject({ store: false, announcement: undefined, result: { count: 0 } });
    expect(account).toEqual(before);
    const accounts = new Accounts();
    for (const action of [{ kind: "peek" }, { kind: "override", limit: null }] as const) {
      const { reply, rows, alarmAt, news } = accounts.command(command(action), T0);
      expect(reply).toMatchObject({ result: { epoch: 0, count: 0, limit: 4, sources: 0, claimed: false } });
      expect([rows.size, alarmAt, news, accounts.size]).toEqual([0, undefined, [], 0]);
    }
  });

  it.each<[string, CommandAction, string]>([
    ["a block that is over", { kind: "block", until: T0 }, "until-passed"],
    ["an override that is over", { kind: "override", limit: 1, until: T0 }, "until-passed"],
    [
      "a block for longer than BLOCK_MAX",
      { kind: "block", until: epochMs(T0 + BLOCK_MAX + 1) },
      "until-too-far",
    ],
    [
      "an override for longer than OVERRIDE_MAX",
      { kind: "override", limit: 1, until: epochMs(T0 + OVERRIDE_MAX + 1) },
      "until-too-far",
    ],
    [
      "a limit that no meter can count with",
      { kind: "override", limit: Math.floor(2 ** 51 / MINUTE) + 1, until: at(1) },
      "limit-too-large",
    ],
  ])("refuses %s, and leaves everything as it was", (_what, action, error) => {
    const account = opened(asks({ want: [1] }));
    const before = structuredClone(account);
    expect(carryOut(account, command(action), T0)).toEqual({ kind: "refused", error });
    expect(account).toEqual(before);
    const accounts = new Accounts();
    expect(accounts.command(command(action), T0)).toEqual({
      rows: new Map(),
      changes: [],
      alarmAt: undefined,
      news: [],
      reply: { error },
    });
    expect(accounts.size).toBe(0);
  });

  it("keeps no row for longer than an alarm is set ahead, whatever it says until", () => {
    const rule = ruleOf({
      algorithm: "token-bucket",
      grid: { lengthMs: durationMs(30 * 86_400_000), offsetMs: durationMs(0) },
    });
    const account = openAccount(asks({ rule }), T0);
    const [overridden, blocked] = [T0 + OVERRIDE_MAX, T0 + BLOCK_MAX].map(epochMs);
    done(account, { kind: "override", limit: 1, until: overridden as EpochMs });
    done(account, { kind: "block", until: blocked as EpochMs });
    ask(account, asks({ rule, window: windowAt(rule.grid, T0), spent: 99 }), T0);
    expect(expiresAt(account)).toBeGreaterThan(T0 + OVERRIDE_MAX);
    expect(expiresAt(account)).toBeLessThan(T0 + ROW_KEEP_MAX);
  });
});
