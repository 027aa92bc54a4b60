/** What the live page makes of what it is told. */
import { describe, expect, it } from "vitest";
import type { Counts, KeyCount, Keys, LiveNews, LiveRule } from "../../shared/telemetry/live.ts";
import { EventStreamReader } from "../../worker/page/event-stream.ts";
import { type Chosen, overview } from "../../worker/page/overview.ts";
import { spreadOut } from "../../worker/page/placement.ts";
import { SECONDS_KEPT } from "../../worker/page/series.ts";
import { emptyState, fold, type State } from "../../worker/page/state.ts";

const NOW = 1_700_000_000_000;
const HASH = "0123456789abcdef0123456789abcdef";
const rule = (name: string, version: string): LiveRule => ({
  name,
  version,
  limit: 10,
  windowMs: 60_000,
  threshold: 4,
  algorithm: "fixed-window",
  mode: "enforce",
  guarantee: "at most 10",
});
const news = (part: Partial<LiveNews> = {}): LiveNews => ({
  rule: "v1",
  key: "ip=203.0.113.9",
  hash: HASH,
  epoch: 1,
  version: 1,
  claimedBy: "LHR",
  claimedUntil: NOW + 60_000,
  blockedUntil: null,
  released: false,
  ...part,
});
const count = (pop: string, part: Partial<KeyCount> = {}): KeyCount => ({
  pop,
  source: pop,
  rule: "v1",
  key: "ip=203.0.113.9",
  hash: null,
  window: 7,
  used: 1,
  claimed: false,
  blockedUntil: null,
  blockedSince: null,
  ...part,
});
const keys = (region: Keys["region"], ...all: KeyCount[]): Keys => ({
  kind: "keys",
  at: NOW,
  region,
  keys: all,
});
const counts = (at: number, pops: Readonly<Record<string, readonly number[]>>): Counts => ({
  kind: "counts",
  at,
  region: "weur",
  pops: Object.entries(pops).map(([pop, numbers]) => ({
    pop,
    isolates: 1,
    rules: { v1: numbers },
    unlimited: 0,
  })),
});

function stateOf(): State {
  const state = emptyState();
  fold(state, { kind: "hello", now: NOW, pop: "LHR", rules: [rule("slide", "v1"), rule("site", "v2")] });
  return state;
}
const tell = (state: State, standing: boolean, ...all: LiveNews[]): readonly LiveNews[] =>
  fold(state, { kind: "news", at: NOW, standing, news: all });

describe("announcements", () => {
  it("are news once, however many regions tell of them, and never when they stood before", () => {
    const state = stateOf();
    expect(tell(state, true, news())).toEqual([]);
    expect(tell(state, false, news({ version: 2 }))).toHaveLength(1);
    expect(tell(state, false, news({ version: 2 }))).toEqual([]);
    expect(tell(state, false, news({ version: 1 }))).toEqual([]);
    expect(state.announcements).toBe(1);
  });

  it("of a higher epoch replace those of a higher version", () => {
    const state = stateOf();
    tell(state, true, news({ version: 9 }));
    expect(tell(state, false, news({ epoch: 2, version: 1 }))).toHaveLength(1);
    expect(tell(state, false, news({ epoch: 1, version: 10 }))).toEqual([]);
  });

  it("are forgotten when they are over, and the oldest when there are too many", () => {
    const state = stateOf();
    const many = Array.from({ length: 6_000 }, (_, index) => news({ hash: String(index).padStart(32, "0") }));
    tell(state, true, ...many);
    expect(state.claims.size).toBe(5_000);
    expect(state.claims.has(`v1 ${"5999".padStart(32, "0")}`)).toBe(true);
    fold(state, { kind: "beat", at: NOW + 60_000 });
    tell(state, true, news({ claimedUntil: NOW + 90_000 }));
    expect(state.claims.size).toBe(1);
  });

  it("come all anew with a new stream", () => {
    const state = stateOf();
    tell(state, true, news());
    fold(state, { kind: "hello", now: NOW, pop: "CDG", rules: [] });
    expect([state.claims.size, state.pop]).toEqual([0, "CDG"]);
  });
});

describe("a region", () => {
  it("is silent until something comes from it", () => {
    const state = stateOf();
    fold(state, { kind: "silent", at: NOW, region: "weur" });
    expect([...state.silent]).toEqual(["weur"]);
    fold(state, counts(NOW, {}));
    expect(state.silent.size).toBe(0);
  });
});

describe("requests a second", () => {
  const seconds = (state: State, decision: number): readonly number[] =>
    (state.series.columns().byDecision[decision] ?? []).filter((value) => value > 0);

  it("are the growth of counts, shared out over the time in between", () => {
    const state = stateOf();
    fold(state, counts(NOW, { LHR: [0, 100, 0, 0, 0, 0, 0, 0] }));
    fold(state, counts(NOW + 2_000, { LHR: [0, 120, 0, 0, 6, 0, 0, 0] }));
    fold(state, { ...counts(NOW + 3_000, {}), region: "apac" });
    expect(seconds(state, 0)).toEqual([10, 10]);
    expect(seconds(state, 2)).toEqual([3, 3]);
    expect(state.series.totals(5)).toMatchObject({
      all: 26,
      denied: 6,
      byDecision: { credit: 20, blocked: 6 },
    });
    expect(state.series.rates.get("LHR")).toBe(13);
  });

  it("are those of all regions where a data centre's isolates report to several hubs", () => {
    const state = stateOf();
    // An isolate's hub is that of its first client.
    const there = (at: number, all: number): Counts => ({ ...counts(at, { LHR: [0, all] }), region: "afr" });
    for (const message of [counts(NOW, { LHR: [0, 0] }), there(NOW, 0)]) fold(state, message);
    fold(state, counts(NOW + 1_000, { LHR: [0, 100] }));
    fold(state, there(NOW + 1_000, 3));
    expect(state.series.rates.get("LHR")).toBe(103);
    fold(state, counts(NOW + 2_000, { LHR: [0, 150] }));
    expect(state.series.rates.get("LHR")).toBe(53);
  });

  it("are none for what a data centre counted before it was heard of, and none when its counts fall", () => {
    const state = stateOf();
    fold(state, counts(NOW, { LHR: [0, 100, 0, 0, 0, 0, 0, 0] }));
    fold(state, counts(NOW + 1_000, { LHR: [0, 40, 0, 0, 0, 0, 0, 0], CDG: [0, 500, 0, 0, 0, 0, 0, 0] }));
    expect(state.series.totals(60).all).toBe(0);
  });

  it("are kept for two minutes, also after a pause of an hour", () => {
    const state = stateOf();
    fold(state, counts(NOW, { LHR: [0, 0, 0, 0, 0, 0, 0, 0] }));
    fold(state, counts(NOW + 3_600_000, { LHR: [0, 3_600, 0, 0, 0, 0, 0, 0] }));
    const column = state.series.columns().byDecision[0] ?? [];
    expect(column).toHaveLength(SECONDS_KEPT);
    expect(column.at(-1)).toBeCloseTo(1);
  });
});

describe("clients", () => {
  const see = (state: State, chosen?: Chosen, now = NOW) => overview(state, chosen, now);

  it("are one over all POPs, before and after the claim", () => {
    const state = stateOf();
    fold(
      state,
      keys("weur", count("LHR", { used: 3, hash: HASH, claimed: true }), count("CDG", { used: 2 })),
    );
    tell(state, true, news());
    const { clients, claimed, flows } = see(state);
    expect(clients).toMatchObject([{ key: "ip=203.0.113.9", used: 5, claimed: true, claimedBy: "LHR" }]);
    expect([claimed, flows]).toEqual([1, [{ from: "CDG", to: "LHR", clients: 1 }]]);
  });

  it("that are shown alike, but have different hashes, are not one", () => {
    const state = stateOf();
    const other = "f".repeat(32);
    const masked = { key: "ip=203.0.113.*" };
    fold(
      state,
      keys("weur", count("LHR", { ...masked, hash: HASH }), count("CDG", { ...masked, hash: other })),
    );
    // Of which of them this is the count, nobody can tell.
    fold(state, keys("apac", count("NRT", masked)));
    expect(see(state).clients).toHaveLength(3);
  });

  it("that are shown by their hash are known by its beginning before the claim", () => {
    const state = stateOf();
    fold(state, keys("weur", count("LHR", { key: HASH.slice(0, 16) })));
    fold(state, keys("apac", count("NRT", { key: HASH, hash: HASH })));
    expect(see(state).clients).toMatchObject([{ used: 2, hash: HASH }]);
  });

  it("are counted in their newest window", () => {
    const state = stateOf();
    fold(state, keys("weur", count("LHR", { used: 9, window: 6 }), count("CDG", { used: 2, window: 7 })));
    expect(see(state).clients).toMatchObject([{ used: 2 }]);
  });

  it("are found when they are chosen, and blocked where an isolate says so", () => {
    const state = stateOf();
    const blocked = { hash: HASH, claimed: true, blockedUntil: NOW + 5_000 };
    fold(
      state,
      keys("weur", count("LHR", { ...blocked, blockedSince: NOW - 80 }), count("CDG", { hash: HASH })),
    );
    fold(state, keys("apac", count("NRT", { ...blocked, blockedSince: NOW - 30 })));
    const chosen = { rule: "slide", key: "ip=203.0.113.9", hash: null };
    const seen = see(state, chosen);
    const blocks = [...(seen.chosen?.pops ?? [])]
      .filter(([, at]) => at.blockedUntil > NOW)
      .map(([pop]) => pop);
    expect(blocks).toEqual(["LHR", "NRT"]);
    expect([seen.chosen?.skewMs, seen.skew]).toEqual([50, { clients: 1, medianMs: 50, worstMs: 50 }]);
    // A block that is over is none.
    expect(see(state, chosen, NOW + 5_000)).toMatchObject({ blocked: 0, skew: null });
  });

  it("are counted for their rules", () => {
    const state = stateOf();
    tell(state, true, news({ blockedUntil: NOW + 1_000 }), news({ rule: "v2", hash: "a".repeat(32) }));
    expect(see(state).rules).toMatchObject([
      { name: "slide", claimed: 1, blocked: 1 },
      { name: "site", claimed: 1, blocked: 0 },
    ]);
  });
});

describe("server-sent events", () => {
  it("are read whatever the pieces they come in", () => {
    const text = ': hi\r\ndata: {"a":1}\r\n\r\nevent: x\ndata: one\ndata: two\n\nid: 1\n\ndata:three\r\r';
    for (let size = 1; size <= text.length; size += 1) {
      const reader = new EventStreamReader();
      const events: string[] = [];
      for (let at = 0; at < text.length; at += size) events.push(...reader.read(text.slice(at, at + size)));
      events.push(...reader.read("\n"));
      expect(events).toEqual(['{"a":1}', "one\ntwo", "three"]);
    }
  });
});

describe("badges on the map", () => {
  it("do not touch, stay on the map, and come out the same each time", () => {
    const places = [
      { x: 405, y: 90 },
      { x: 408, y: 93 },
      { x: 405, y: 90 },
      { x: 2, y: 2 },
    ];
    const [apart, size, margin] = [
      { x: 50, y: 60 },
      { x: 800, y: 340 },
      { x: 25, y: 30 },
    ];
    const spots = spreadOut(places, apart, size, margin);
    for (const [index, spot] of spots.entries()) {
      expect(spot.x).toBeGreaterThanOrEqual(margin.x);
      expect(spot.y).toBeLessThanOrEqual(size.y - margin.y);
      for (const other of spots.slice(index + 1))
        expect(Math.hypot((spot.x - other.x) / apart.x, (spot.y - other.y) / apart.y)).toBeGreaterThan(0.97);
    }
    expect(spreadOut(places, apart, size, margin)).toEqual(spots);
  });
});
