/** Lines of the log: their shape, how many of them, and what makes one. */
import { describe, expect, it } from "vitest";
import { DEGRADED_QUIET, LOG_BURST, LOG_PER_SECOND } from "../../shared/limits.ts";
import { openAccount } from "../../shared/owner/account.ts";
import { Accounts } from "../../shared/owner/accounts.ts";
import { changesSince } from "../../shared/owner/changes.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { Degraded } from "../../shared/telemetry/degraded.ts";
import { EventLog, type LogEvent } from "../../shared/telemetry/log.ts";
import { durationMs, epochMs } from "../../shared/time.ts";

const T0 = epochMs(1_800_000_000_000);
const at = (ms: number) => epochMs(T0 + ms);
const KEY = "0123456789abcdef0123456789abcdef";
const newLog = () => new EventLog((time) => new Date(time).toISOString());
const claim: LogEvent = { event: "claim", rule: "login", pop: "LHR", key: KEY, until: at(60_000) };

describe("a line of the log", () => {
  it("says what, when, under which rule, where and of which key", () => {
    expect(JSON.parse(newLog().line(() => claim, T0) ?? "")).toEqual({
      event: "claim",
      at: "2027-01-15T08:00:00.000Z",
      rule: "login",
      pop: "LHR",
      key: KEY,
      until: "2027-01-15T08:01:00.000Z",
    });
  });
});

describe("a flood of events", () => {
  it("writes LOG_BURST lines at once and LOG_PER_SECOND after, and the next line says how many it left out", () => {
    const log = newLog();
    const write = (now: number) => log.line(() => claim, at(now));
    const burst = Array.from({ length: LOG_BURST + 7 }, () => write(0)).filter((line) => line !== undefined);
    expect(burst.length).toBe(LOG_BURST);
    expect(burst.some((line) => line.includes("suppressed"))).toBe(false);
    const later = Array.from({ length: 50 }, () => write(1_000)).filter((line) => line !== undefined);
    expect(later.map((line) => (JSON.parse(line) as { suppressed?: number }).suppressed)).toEqual([
      7,
      ...Array.from({ length: LOG_PER_SECOND - 1 }, () => undefined),
    ]);
    expect(JSON.parse(write(2_000) ?? "")).toMatchObject({ suppressed: 50 - LOG_PER_SECOND });
  });

  it("makes no event that it does not write", () => {
    const log = newLog();
    let made = 0;
    for (let line = 0; line < 1_000; line += 1)
      log.line(() => {
        made += 1;
        return claim;
      }, T0);
    expect(made).toBe(LOG_BURST);
  });
});

describe("a rule whose owners are out of reach", () => {
  it("begins with the first degraded decision and ends with the first one by its owner", () => {
    const degraded = new Degraded();
    expect(degraded.decided(0, "owner", at(0))).toEqual([]);
    expect(degraded.decided(0, "degraded", at(1))).toEqual([{ kind: "start", ruleIndex: 0 }]);
    expect(degraded.decided(0, "degraded", at(2))).toEqual([]);
    expect(degraded.decided(0, "credit", at(3))).toEqual([]);
    expect(degraded.decided(1, "owner", at(4))).toEqual([]);
    expect(degraded.isOn).toBe(true);
    expect(degraded.decided(0, "owner", at(5))).toEqual([{ kind: "end", ruleIndex: 0, decisions: 2 }]);
    expect(degraded.isOn).toBe(false);
  });

  it("ends DEGRADED_QUIET after its last one, at the next request whatever its rule", () => {
    const degraded = new Degraded();
    degraded.decided(0, "degraded", T0);
    degraded.decided(0, "degraded", at(500));
    const end = at(500 + DEGRADED_QUIET);
    expect(degraded.decided(1, "credit", epochMs(end - 1))).toEqual([]);
    expect(degraded.decided(1, "credit", end)).toEqual([{ kind: "end", ruleIndex: 0, decisions: 2 }]);
  });

  it("is degraded anew after that, and each rule for itself", () => {
    const degraded = new Degraded();
    degraded.decided(0, "degraded", T0);
    expect(degraded.decided(1, "degraded", at(1))).toEqual([{ kind: "start", ruleIndex: 1 }]);
    expect(degraded.decided(0, "degraded", at(1 + DEGRADED_QUIET))).toEqual([
      { kind: "end", ruleIndex: 0, decisions: 1 },
      { kind: "end", ruleIndex: 1, decisions: 1 },
      { kind: "start", ruleIndex: 0 },
    ]);
  });
});

describe("an owner's log", () => {
  const MINUTE = durationMs(60_000);
  const policy = {
    version: "00112233445566aa",
    name: "login",
    algorithm: "fixed-window" as const,
    limit: 3,
    threshold: 2,
    grid: { lengthMs: MINUTE, offsetMs: durationMs(0) },
  };
  const asking = (part: Partial<Ask>): Ask => ({
    source: "a.1",
    pop: "LHR",
    rule: policy,
    key: KEY,
    window: Math.floor(T0 / MINUTE),
    seq: 1,
    epochSeen: 0,
    spent: 0,
    counted: 0,
    previousSpent: 0,
    want: [],
    ...part,
  });
  const changes = (accounts: Accounts, part: Partial<Ask>, now = T0) => {
    const taken = accounts.take([asking(part)], now);
    if (taken.kind === "stale") throw new Error("stale");
    return taken.changes.map(({ event, pop, until }) => ({ event, pop, until }));
  };

  it("has a claim, a block and a release once each, with the data centre whose request led to it", () => {
    const accounts = new Accounts();
    const end = at(60_000);
    expect(changes(accounts, { want: [1] })).toEqual([{ event: "claim", pop: "LHR", until: end }]);
    // The claim is prolonged: announced, and no news.
    expect(changes(accounts, { seq: 2, spent: 1, want: [1, 1] })).toEqual([]);
    const cdg = { source: "b.1", pop: "CDG", want: [1] };
    expect(changes(accounts, cdg)).toEqual([{ event: "block", pop: "CDG", until: end }]);
    expect(changes(accounts, { ...cdg, seq: 2 })).toEqual([]);
    // What LHR hands back makes room.
    expect(changes(accounts, { seq: 3, spent: 1 })).toEqual([{ event: "release", pop: "LHR", until: 0 }]);
  });

  it("has a block once while it is prolonged", () => {
    const account = openAccount(asking({}), T0);
    const before = { claimed: true, blocked: true };
    account.claimedUntil = at(60_000);
    account.fullUntil = at(50_000);
    expect(changesSince(before, account, "LHR", T0)).toEqual([]);
    expect(changesSince({ ...before, blocked: false }, account, "LHR", T0)).toMatchObject([
      { event: "block", until: at(50_000) },
    ]);
  });

  it("has what is done by hand, without a data centre", () => {
    const accounts = new Accounts();
    const command = (action: { kind: "block"; until: typeof T0 } | { kind: "unblock" }) =>
      accounts.command({ rule: policy, key: KEY, action }, T0).changes.map(({ event, pop }) => [event, pop]);
    expect(command({ kind: "unblock" })).toEqual([]);
    expect(command({ kind: "block", until: at(5_000) })).toEqual([["block", undefined]]);
    expect(command({ kind: "unblock" })).toEqual([["release", undefined]]);
  });
});
