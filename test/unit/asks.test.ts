/** What an owner bears under fire: the bound, the goals, and in virtual time the claims themselves, counted exactly. */
import { describe, expect, test } from "vitest";
import { asksFigures } from "../../loadtest/bench/asks.ts";
import { asksMax, asksPerSecondMax, roundTripsMs } from "../../loadtest/bench/asks-bound.ts";
import { parseAnswer } from "../../loadtest/bench/asks-client.ts";
import type { ClusterFigures } from "../../loadtest/bench/asks-cluster.ts";
import { formatAsks } from "../../loadtest/bench/asks-format.ts";
import { type LoadKind, type NamedFigures, POPS } from "../../loadtest/bench/asks-loads.ts";
import { playVirtual, type VirtualFigures, type VirtualLoad } from "../../loadtest/bench/asks-virtual.ts";
import { BLOCK_TRUST, WAITERS_MAX, WAITERS_MAX_ALL, WANT_MAX } from "../../shared/limits.ts";

describe("the bound", () => {
  test("is 1/RTT for each source: one Ask is out at a time, and takes a round trip at least", () => {
    expect(asksPerSecondMax([5])).toBe(200);
    expect(asksPerSecondMax([5, 10, 100])).toBe(310);
  });

  test("of a count is one more for each source: that which was on its way in the beginning", () => {
    expect(asksMax([5, 100], 1)).toBe(201 + 11);
    expect(asksMax([300], 1)).toBe(4);
  });

  test("has 5 ms to the owner for the POP next to it, and a distance for every other", () => {
    expect(roundTripsMs(["LHR"])).toEqual([5]);
    const [near = 0, ...far] = roundTripsMs(POPS);
    expect(near).toBe(5);
    expect(far.every((tripMs) => tripMs > 5)).toBe(true);
  });
});

describe("an answer", () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nx-onecount: decision=owner; pop=LHR\r\n\r\n";

  test("is read once all of it is there", () => {
    for (let length = 0; length < head.length + 4; length += 1)
      expect(parseAnswer(`${head}body`.slice(0, length))).toBeUndefined();
    expect(parseAnswer(`${head}body`)).toEqual({ decision: "owner" });
  });

  test("that no Worker gave has no decision", () => {
    expect(parseAnswer("HTTP/1.1 503 Service Unavailable\r\n\r\n")).toEqual({ decision: "none" });
  });
});

const RULE = { name: "r", limit: 500_000_000, window: "1h", align: "clock", algorithm: "fixed-window" };
const play = (load: Partial<VirtualLoad> & Pick<VirtualLoad, "rate" | "spanMs">, more: object = {}) =>
  playVirtual({ pops: POPS, rule: { ...RULE, ...more }, clients: 1, settleMs: 1_000, ...load });
/** Every request was decided, one way or another. */
const decided = ({ credit, owner, blocked, degradedAtOnce, timedOut }: VirtualFigures): number =>
  credit + owner + blocked + degradedAtOnce + timedOut;

describe("one client under its limit", () => {
  const trips = roundTripsMs(POPS);
  const slow = play({ rate: 1_000, spanMs: 1_000 });
  const fast = play({ rate: 100_000, spanMs: 1_000 });

  test("costs its owner no more Asks than distance allows, nor more at a hundred times the rate", () => {
    for (const { asks, calls } of [slow, fast]) {
      expect(asks).toBeLessThanOrEqual(asksMax(trips, 1));
      expect(calls).toBeLessThanOrEqual(asksMax(trips, 1));
    }
    // Both are as fast as the owner answers; only where the last one falls may differ, and how long writes took.
    expect(Math.abs(fast.asks - slow.asks) / slow.asks).toBeLessThan(0.05);
  });

  test("waits for its owner with every request while that can keep up", () => {
    expect(slow).toMatchObject({ requests: 1_000, owner: 1_000, degradedAtOnce: 0, timedOut: 0 });
  });

  test("has the rest decided at once when it cannot: nobody waits until his time is up", () => {
    expect(fast.degradedAtOnce).toBeGreaterThan(0);
    expect(fast.timedOut).toBe(0);
    expect(fast.owner).toBeLessThanOrEqual(fast.asks * WANT_MAX + WAITERS_MAX * POPS.length);
    expect(decided(fast)).toBe(fast.requests);
  });

  test("fills one isolate with WAITERS_MAX requests that wait, and no more", () => {
    expect(fast.waitingMost).toBe(WAITERS_MAX);
  });

  test("costs a row for each Ask that is granted, however many requests it carries, and announces nothing new", () => {
    expect(Math.abs(fast.rowsWritten - fast.asks)).toBeLessThanOrEqual(POPS.length);
    expect(fast.announcements).toBe(0);
  });

  test("gives the same figures again", () => {
    expect(play({ rate: 1_000, spanMs: 1_000 })).toEqual(slow);
  });
});

describe("an owner that is farther away than it was", () => {
  /** 100 requests a second. From the fifth second on every answer takes 260 ms longer, past the deadline of 200. */
  const later = (settleMs: number): VirtualFigures =>
    play({ pops: ["LHR"], rate: 100, settleMs, spanMs: 3_000, detour: { atMs: 5_000, ms: 260 } });

  test("is waited for as long as it takes within two seconds; requests do not time out for good", () => {
    expect(later(7_000)).toMatchObject({ requests: 300, owner: 300, timedOut: 0 });
  });

  test("gets each Ask once again, as soon as that is what a round trip is taken to be", () => {
    expect(later(12_000).asks).toBeLessThanOrEqual(asksMax([265], 3));
  });
});

describe("a blocked client", () => {
  const figures = [100, 20_000].map((rate) =>
    play({ rate, settleMs: 2_000, spanMs: 2 * BLOCK_TRUST }, { limit: 20 }),
  );

  test("is denied without I/O, every time", () => {
    for (const { requests, blocked, waitedMostMs } of figures) {
      expect(blocked).toBe(requests);
      expect(waitedMostMs).toBe(0);
    }
  });

  test("has its block confirmed once in half the trust by each source, at any rate, and nothing written", () => {
    for (const { asks, rowsWritten } of figures) {
      expect(asks).toBeLessThanOrEqual(4 * POPS.length);
      expect(asks).toBeGreaterThanOrEqual(3 * POPS.length);
      expect(rowsWritten).toBe(0);
    }
  });
});

describe("many clients of one owner object", () => {
  test("share calls: no more of them than Asks of a single client", () => {
    const { asks, calls, owner, requests } = play(
      { clients: 200, rate: 20_000, spanMs: 1_000 },
      { owners: 1 },
    );
    expect(calls).toBeLessThanOrEqual(asksMax(roundTripsMs(POPS), 1));
    expect(asks).toBeGreaterThan(10 * calls);
    expect(owner).toBe(requests);
  });

  test("of which none reaches it fill an isolate up to one client's share of WAITERS_MAX_ALL, and no more", () => {
    const clients = 500;
    const flood = play({ clients, rate: 100_000, settleMs: 500, spanMs: 600, cutOff: true }, { owners: 1 });
    expect(flood.waitingMost).toBeLessThanOrEqual(WAITERS_MAX_ALL);
    expect(flood.waitingMost).toBeGreaterThanOrEqual(WAITERS_MAX_ALL * (1 - 1 / (clients + 1)));
    expect(flood.degradedAtOnce).toBeGreaterThan(0);
    expect(decided(flood)).toBe(flood.requests);
  });
});

const VIRTUAL: VirtualFigures = {
  rate: 1,
  seconds: 1,
  requests: 10,
  credit: 0,
  owner: 10,
  blocked: 0,
  degradedAtOnce: 0,
  timedOut: 0,
  waitedMostMs: 0,
  asks: 1,
  calls: 1,
  rowsWritten: 1,
  announcements: 0,
  waitingMost: 1,
};
const NO_ASK = { owner: 0, asks: 0, calls: 0, rowsWritten: 0 };
const virtual = (changed: Partial<VirtualFigures> = {}): readonly NamedFigures[] => {
  const of = (kind: LoadKind, own: Partial<VirtualFigures> = {}): NamedFigures => ({
    kind,
    ...VIRTUAL,
    ...own,
    ...changed,
  });
  return [
    of("busy"),
    of("blocked", { ...NO_ASK, blocked: 10 }),
    of("shared"),
    of("leased", { credit: 10, owner: 0 }),
    of("cut off", { ...NO_ASK, timedOut: 10 }),
  ];
};
const HTTP = { rate: undefined, seconds: 5, requests: 10, failed: 0, asks: 4, asksBy: [], repeated: 0 };
const cluster = (changed: Partial<ClusterFigures> = {}): readonly ClusterFigures[] => [
  { kind: "busy", ...HTTP, decisions: { owner: 10 }, ...changed },
  { kind: "blocked", ...HTTP, decisions: { blocked: 10 }, ...changed },
];
const missed = (...figures: Parameters<typeof asksFigures>): readonly string[] =>
  asksFigures(...figures)
    .goals.filter(({ met }) => !met)
    .map(({ text }) => text);

describe("goals", () => {
  test("are met by figures within the bounds", () => {
    expect(missed(cluster(), virtual())).toEqual([]);
  });

  test("are missed where nothing was measured", () => {
    expect(missed([], [])).toEqual(asksFigures([], []).goals.map(({ text }) => text));
  });

  test.each([
    ["more Asks than distance allows", cluster({ asks: 1_900 }), virtual(), 2],
    ["more than one Ask a second for a blocked client", cluster({ asks: 6 }), virtual(), 1],
    ["a request without an answer", cluster({ failed: 1 }), virtual(), 1],
    ["a blocked client that waited", cluster({ decisions: { owner: 10 } }), virtual(), 1],
    ["more Asks in virtual time", cluster(), virtual({ asks: 400 }), 2],
    ["more calls to a shared owner", cluster(), virtual({ calls: 400 }), 1],
    ["a row for a denial, and two for an Ask", cluster(), virtual({ rowsWritten: 2 }), 2],
    ["a lease that did not last", cluster(), virtual({ credit: 9 }), 1],
    ["a request that waited in vain", cluster(), virtual({ timedOut: 1 }), 1],
    ["a client that fills an isolate", cluster(), virtual({ waitingMost: WAITERS_MAX + 1 }), 1],
    ["clients that fill an isolate", cluster(), virtual({ waitingMost: WAITERS_MAX_ALL + 1 }), 2],
  ])("are missed by %s", (_, http, simulated, goals) => {
    expect(missed(http, simulated).length).toBe(goals);
  });

  test("stand in the text with every load", () => {
    const text = formatAsks(asksFigures(cluster({ asks: 6 }), virtual()));
    for (const line of ["busy, flat out", "blocked, flat out", "shared, 1/s", "leased, 1/s", "cut off, 1/s"])
      expect(text).toContain(`\n${line}`);
    expect(text).toContain(
      "missed cluster, a blocked client: at most 1 Ask a second in all, at any rate: 1.20",
    );
  });
});
