import { describe, expect, it } from "vitest";
import { CLOCK_SKEW_MAX } from "../../shared/limits.ts";
import { type Account, ask, expiresAt, openAccount } from "../../shared/owner/account.ts";
import { inspect } from "../../shared/owner/inspect.ts";
import { decodeRow, encodeRow } from "../../shared/owner/row.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { durationMs, epochMs, windowAt } from "../../shared/time.ts";
import { MINUTE, T0 } from "./world.ts";

const GRID = { lengthMs: MINUTE, offsetMs: durationMs(0) };
const NOW = windowAt(GRID, T0);
const at = (ms: number) => epochMs(T0 + ms);
const asks = (said: Partial<Ask> & { limit?: number; algorithm?: Ask["rule"]["algorithm"] } = {}): Ask => {
  const { limit = 10, algorithm = "fixed-window", ...ask } = said;
  return {
    source: "a",
    pop: "LHR",
    rule: { version: "0123456789abcdef", name: "login", algorithm, limit, grid: GRID },
    key: "00112233445566778899aabbccddeeff",
    window: NOW,
    seq: 1,
    epochSeen: 0,
    spent: 0,
    counted: 0,
    previousSpent: 0,
    want: [1],
    ...ask,
  };
};
const opened = (first: Ask = asks()): Account => {
  const account = openAccount(first, T0);
  ask(account, first, T0);
  return account;
};
const restarted = (account: Account): Account => decodeRow(encodeRow(account)) ?? account;

describe("an owner", () => {
  it("opens above any epoch the asker has heard of, and stores before it answers", () => {
    const first = asks({ epochSeen: 7 });
    const account = openAccount(first, T0);
    expect(ask(account, first, T0)).toMatchObject({
      store: true,
      answer: { kind: "granted", epoch: 8, granted: 1 },
    });
  });

  it("is not kept for longer because somebody watches it, nor does it tell its sources anything else", () => {
    const [watched, alone] = [opened(), opened()];
    for (const windows of [0, 1, 3]) {
      const shown = inspect(watched, at(windows * MINUTE));
      expect(shown).toMatchObject({ window: NOW + windows, count: windows === 0 ? 1 : 0 });
    }
    expect(watched).toEqual(alone);
    expect(expiresAt(watched)).toBe(expiresAt(alone));
  });

  it("comes back from its row one epoch higher, writes that before its first answer, and knows its count", () => {
    const account = restarted(opened());
    const step = ask(account, asks({ seq: 2, spent: 1, want: [] }), T0);
    expect(step).toMatchObject({ store: true, answer: { epoch: 2, granted: 1, remaining: 9 } });
    expect(ask(account, asks({ seq: 3, spent: 1, want: [] }), T0)).toMatchObject({ store: false });
  });

  it("ends itself when somebody has heard of a newer incarnation and it has already written", () => {
    expect(ask(opened(), asks({ source: "b", epochSeen: 2 }), T0)).toEqual({ kind: "stale" });
  });

  it("freshly loaded it takes a higher epoch instead: to end would only load the same low one again", () => {
    const account = restarted(opened());
    const step = ask(account, asks({ source: "b", epochSeen: 40 }), T0);
    expect(step).toMatchObject({ store: true, answer: { kind: "granted", epoch: 41 } });
  });

  it("a repeated Ask gets the same grant after a restart too", () => {
    const account = restarted(opened());
    expect(ask(account, asks(), T0)).toMatchObject({ answer: { granted: 1, remaining: 9 } });
    expect(account.meter.current).toBe(1);
  });

  it("drops an Ask that is older than the last one of its source", () => {
    const account = opened();
    ask(account, asks({ seq: 3, spent: 2, want: [] }), T0);
    expect(ask(account, asks({ seq: 2, spent: 9 }), T0)).toMatchObject({
      store: false,
      answer: { kind: "dropped" },
    });
    expect(account.meter.current).toBe(2);
  });

  it("follows a source that is at most CLOCK_SKEW_MAX ahead, and refuses one that is further", () => {
    const account = opened();
    const ahead = asks({ seq: 2, window: NOW + 1 });
    expect(ask(account, ahead, at(MINUTE - CLOCK_SKEW_MAX - 1))).toMatchObject({
      store: false,
      answer: { kind: "refused", window: NOW },
    });
    expect(ask(account, ahead, at(MINUTE - CLOCK_SKEW_MAX))).toMatchObject({
      answer: { kind: "granted", window: NOW + 1, granted: 1 },
    });
  });

  it("repeats what it granted in the window before, and grants nothing new in it", () => {
    const account = opened();
    ask(account, asks({ source: "b", window: NOW + 1 }), at(MINUTE));
    expect(ask(account, asks(), at(MINUTE))).toMatchObject({
      answer: { kind: "granted", window: NOW, granted: 1 },
    });
    expect(ask(account, asks({ seq: 2, spent: 1 }), at(MINUTE))).toMatchObject({
      answer: { kind: "refused", window: NOW + 1 },
    });
    expect(account.meter).toMatchObject({ window: NOW + 1, current: 1, previous: 1 });
  });

  it("refuses an Ask that comes after its window ended, and its repetition too, but counts what it says", () => {
    const account = opened(asks({ source: "b" }));
    const late = asks({ spent: 3, want: [2] });
    const refused = { kind: "answer", answer: { kind: "refused", window: NOW + 1 } };
    expect(ask(account, late, at(MINUTE))).toMatchObject({ ...refused, store: true });
    expect(ask(account, late, at(MINUTE))).toMatchObject({ ...refused, store: false });
    expect(account.meter).toMatchObject({ window: NOW + 1, current: 0, previous: 4 });
  });

  it("counts nothing of an older Ask that comes a window late, from a source that has handed everything back", () => {
    const account = opened(asks({ spent: 2 }));
    ask(account, asks({ seq: 2, spent: 0, want: [] }), T0);
    ask(account, asks({ source: "b", window: NOW + 1 }), at(MINUTE));
    expect(ask(account, asks({ spent: 2 }), at(MINUTE))).toMatchObject({ answer: { kind: "dropped" } });
    expect(account.meter).toMatchObject({ window: NOW + 1, current: 1, previous: 0 });
  });

  it("repeats its grant though the room it came from is gone meanwhile", () => {
    const account = opened(asks({ limit: 3 }));
    ask(account, asks({ limit: 3, source: "b", spent: 3, want: [] }), T0);
    expect(ask(account, asks({ limit: 3 }), T0)).toMatchObject({ answer: { kind: "granted", granted: 1 } });
    expect(account.meter.current).toBe(4);
  });

  it("counts nothing of an Ask that is two windows old", () => {
    const account = opened();
    expect(ask(account, asks({ source: "b", spent: 3 }), at(2 * MINUTE))).toMatchObject({
      store: false,
      answer: { kind: "refused", window: NOW + 2 },
    });
    expect(account.meter).toMatchObject({ window: NOW + 2, current: 0, previous: 0 });
  });

  it("announces the claim once a window, then full once, then that room came back", () => {
    const account = openAccount(asks({ limit: 1 }), T0);
    const news = (message: Ask, ms = 0) => {
      const step = ask(account, message, at(ms));
      return step.kind === "answer" ? step.announcement : step;
    };
    const end = T0 + MINUTE;
    expect(news(asks({ limit: 1 }))).toMatchObject({ epoch: 1, version: 1, claimedUntil: end });
    expect(news(asks({ limit: 1, source: "b" }))).toMatchObject({
      version: 2,
      // Full, the window is busy: the claim goes on through the next.
      claimedUntil: end + MINUTE,
      fullUntil: end,
    });
    expect(news(asks({ limit: 1, source: "c" }))).toBeUndefined();
    const lifted = news(asks({ limit: 1, seq: 2, spent: 0, want: [] }));
    expect(lifted).toMatchObject({ version: 3, claimedUntil: end + MINUTE });
    expect(lifted).not.toHaveProperty("fullUntil");
    expect(news(asks({ limit: 1, source: "d", window: NOW + 2 }), 2 * MINUTE)).toMatchObject({
      version: 4,
      claimedUntil: end + 2 * MINUTE,
    });
  });

  it("is kept until its bucket is full again, or a forgotten one would be given away full", () => {
    const message = asks({ want: [10], algorithm: "token-bucket", limit: 1 });
    const bucket = { ...message, rule: { ...message.rule, burst: 10 } };
    const account = openAccount(bucket, T0);
    ask(account, bucket, T0);
    expect(expiresAt(account)).toBe(T0 + 10 * MINUTE + 2 * CLOCK_SKEW_MAX);
  });

  it("is full only when nothing fits: a cost that is too large for the room left blocks nobody", () => {
    const account = opened(asks({ want: [8] }));
    const step = ask(account, asks({ source: "b", want: [3] }), T0);
    expect(step).toMatchObject({ store: true, answer: { granted: 0, remaining: 2, resetAt: T0 + MINUTE } });
    expect(step).not.toHaveProperty("answer.fullUntil");
  });

  it("under a penalty grants nothing, though there is room, and says until when", () => {
    const account = opened();
    account.penaltyUntil = at(5_000);
    const barred = ask(account, asks({ seq: 2, spent: 1 }), at(4_999));
    expect(barred).toMatchObject({ answer: { granted: 1, remaining: 9, penaltyUntil: T0 + 5_000 } });
    expect(ask(account, asks({ seq: 3, spent: 1 }), at(5_000))).toMatchObject({ answer: { granted: 2 } });
  });

  it("is kept one idle window and two clock differences, counted from the end of a penalty's window if it has one", () => {
    const account = opened();
    expect(expiresAt(account)).toBe(T0 + 2 * MINUTE + 2 * CLOCK_SKEW_MAX);
    account.penaltyUntil = at(9.5 * MINUTE);
    expect(expiresAt(account)).toBe(T0 + 11 * MINUTE + 2 * CLOCK_SKEW_MAX);
  });

  it("shows its key only by the name it was given, and its count in the running window", () => {
    const account = opened(asks({ label: "ip=203.0.113.9", want: [4] }));
    const shown = {
      rule: "login",
      key: "ip=203.0.113.9",
      epoch: 1,
      limit: 10,
      claimedBy: "LHR",
      lent: 0,
      reserved: 0,
      busy: false,
      sources: 1,
      blockedUntil: null,
      override: null,
    };
    const first = { window: NOW, count: 4, claimed: true, resetAt: T0 + MINUTE };
    expect(inspect(account, T0)).toEqual({ ...shown, ...first });
    // A restarted owner knows by whom it was asked that it is claimed.
    expect(inspect(restarted(account), T0)).toEqual({ ...shown, ...first, epoch: 2 });
    const second = { window: NOW + 1, count: 0, claimed: false, resetAt: T0 + 2 * MINUTE };
    expect(inspect(account, at(MINUTE))).toEqual({ ...shown, ...second });
  });
});
