/** A hub's feed: who hears what, once, and how a watcher notices that it missed something. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../loadtest/tools/random.ts";
import { Feed, follow, type Place } from "../../shared/hub/feed.ts";
import { BLOCK_TRUST, CLAIMS_LISTED_MAX, FEED_RECENT_MAX, FRAME_MAX } from "../../shared/limits.ts";
import type { FeedFrame } from "../../shared/protocol/codec.ts";
import type { Announcement } from "../../shared/protocol/messages.ts";
import { type EpochMs, epochMs } from "../../shared/time.ts";
import { SLOW_MS, T0 } from "./world.ts";

const at = (ms: number): EpochMs => epochMs(T0 + ms);
const news = (key: number, version: number, untilMs = 60_000, epoch = 1): Announcement => ({
  key: key.toString(16).padStart(32, "0"),
  ruleVersion: "0123456789abcdef",
  epoch,
  version,
  claimedUntil: at(untilMs),
});
const told = (frames: readonly FeedFrame[]): string[] =>
  frames.flatMap((frame) =>
    frame.news.map(({ key, epoch, version }) => `${Number.parseInt(key, 16)}:${epoch}.${version}`),
  );
/** Every news that a feed took, numbered from 1. */
type Published = readonly Announcement[];
/** What a watcher that was at `number` has missed, by looking through everything that was ever published. */
function missedOf(published: Published, number: number, now: EpochMs, capacity: number): string[] {
  const newest = new Map<string, [number: number, said: Announcement]>();
  for (const [index, said] of published.entries()) {
    newest.delete(said.key);
    newest.set(said.key, [index + 1, said]);
  }
  return [...newest.values()]
    .slice(-capacity)
    .filter(([at, { claimedUntil = 0 }]) => at > number && claimedUntil > now)
    .map(([, { key, epoch, version }]) => `${Number.parseInt(key, 16)}:${epoch}.${version}`);
}
/** Numbers at which a watcher may stand: where the recent ones may begin, and any. */
const standsIn = (published: Published, random: () => number): number[] => {
  const edges = Array.from({ length: Math.floor(published.length / FEED_RECENT_MAX) }, (_, step) =>
    [-1, 0, 1].map((by) => (step + 1) * FEED_RECENT_MAX + by),
  ).flat();
  const any = Array.from({ length: 10 }, () => Math.floor(random() * published.length));
  const all = [0, 1, ...edges, ...any, published.length - 1, published.length];
  return all.filter((number) => number <= published.length);
};
const newcomer = (): Place => ({ feed: "", number: 0 });

describe("a hub's feed", () => {
  it("tells the newest of every key, and once: repeated and older news is no news", () => {
    const feed = new Feed("f");
    expect(
      [news(1, 1), news(1, 1), news(2, 1), news(1, 3), news(1, 2)].map((n) => feed.publish(n, T0)),
    ).toEqual([true, false, true, true, false]);
    expect(told(feed.flush())).toEqual(["2:1.1", "1:1.3"]);
    expect(feed.flush()).toEqual([]);
  });

  it("lets a higher epoch win over a higher version", () => {
    const feed = new Feed("f");
    feed.publish(news(1, 9), T0);
    expect(feed.publish(news(1, 1, 60_000, 2), T0)).toBe(true);
    expect(feed.publish(news(1, 10), T0)).toBe(false);
  });

  it("takes no news that has expired; a release has nothing to expire", () => {
    const feed = new Feed("f");
    expect(feed.publish(news(1, 1, 0), T0)).toBe(false);
    const { claimedUntil: _, ...released } = news(1, 2);
    expect(feed.publish({ ...released, released: true }, T0)).toBe(true);
  });

  it("keeps a release for as long as a watcher that was away may believe the block, and no longer", () => {
    const feed = new Feed("f");
    const { claimedUntil: _, ...block } = { ...news(1, 1), penaltyUntil: at(60_000) };
    feed.publish(block, T0);
    const { penaltyUntil: __, ...lifted } = { ...block, version: 2, released: true };
    feed.publish(lifted, at(5));
    // The block, which comes once more by another way, is older than its end.
    expect(feed.publish(block, at(6))).toBe(false);
    expect(told(feed.catchUp("f", 1, at(4 + BLOCK_TRUST)))).toEqual(["1:1.2"]);
    expect(told(feed.catchUp("", 0, at(4 + BLOCK_TRUST)))).toEqual(["1:1.2"]);
    expect(told(feed.catchUp("f", 1, at(5 + BLOCK_TRUST)))).toEqual([]);
    // What it keeps of releases goes with the rest.
    for (let key = 2; key < 70; key += 1) feed.publish(news(key, 1), at(5 + BLOCK_TRUST));
    expect([feed.size, told(feed.catchUp("", 0, T0))[0]]).toEqual([68, "2:1.1"]);
  });

  it("shows what holds under the rules that are asked for, newest first, and no more than is wanted", () => {
    const feed = new Feed("f");
    const versions = (limit: number, now = T0) =>
      feed.claims(["0123456789abcdef", "0".repeat(16)], limit, now).map(({ version }) => version);
    feed.publish({ ...news(1, 1), label: "ip=203.0.113.*" }, T0);
    feed.publish({ ...news(2, 2), ruleVersion: "f".repeat(16) }, T0);
    feed.publish(news(3, 3, 10), T0);
    const { claimedUntil: _, ...key4 } = news(4, 4);
    feed.publish({ ...key4, penaltyUntil: at(20) }, T0);
    feed.publish({ ...key4, key: "5".repeat(32), version: 5, released: true }, T0);
    expect(versions(9)).toEqual([4, 3, 1]);
    expect(versions(2)).toEqual([4, 3]);
    expect(versions(9, at(10))).toEqual([4, 1]);
    expect(versions(0)).toEqual([]);
    expect(versions(Number.NaN)).toEqual([]);
    expect(feed.claims(["0123456789abcdef"], 1, at(20))).toEqual([
      { ...news(1, 1), label: "ip=203.0.113.*" },
    ]);
    for (let key = 10; key < 20 + CLAIMS_LISTED_MAX; key += 1) feed.publish(news(key, 1), T0);
    expect(versions(1e9)).toHaveLength(CLAIMS_LISTED_MAX);
  });

  it("hears a key again whose owner was idle so long that it began anew with a low epoch", () => {
    const feed = new Feed("f");
    feed.publish(news(1, 4, 1_000, 5), T0);
    expect(feed.publish(news(1, 1, 90_000, 1), at(999))).toBe(false);
    expect(feed.publish(news(1, 1, 90_000, 1), at(1_000))).toBe(true);
  });

  it("gives a newcomer a snapshot of what still holds, and a watcher that was here what it missed", () => {
    const feed = new Feed("f");
    feed.publish(news(1, 1, 1_000), T0);
    feed.publish(news(2, 1), T0);
    feed.publish(news(3, 1), T0);
    feed.publish(news(2, 2), T0);
    expect(told(feed.catchUp("", 0, at(1_000)))).toEqual(["3:1.1", "2:1.2"]);
    expect(told(feed.catchUp("f", 3, at(1_000)))).toEqual(["2:1.2"]);
    expect(feed.catchUp("f", 4, T0)).toEqual([{ feed: "f", after: 4, upTo: 4, news: [] }]);
  });

  it("gives everything to a watcher of another incarnation, and to one that claims to be ahead", () => {
    const feed = new Feed("new");
    feed.publish(news(1, 1), T0);
    expect(told(feed.catchUp("old", 1, T0))).toEqual(["1:1.1"]);
    expect(told(feed.catchUp("new", 7, T0))).toEqual(["1:1.1"]);
  });

  it("cuts what is long into frames that follow one another without a gap", () => {
    const feed = new Feed("f");
    for (let key = 0; key < 2 * FRAME_MAX + 1; key += 1) feed.publish(news(key, 1), T0);
    const place = newcomer();
    const frames = feed.flush();
    expect(frames.map((frame) => [frame.after, frame.upTo, frame.news.length])).toEqual([
      [0, FRAME_MAX, FRAME_MAX],
      [FRAME_MAX, 2 * FRAME_MAX, FRAME_MAX],
      [2 * FRAME_MAX, 2 * FRAME_MAX + 1, 1],
    ]);
    expect(frames.map((frame) => follow(place, frame))).toEqual(["next", "next", "next"]);
    expect(place).toEqual({ feed: "f", number: 2 * FRAME_MAX + 1 });
  });

  it("remembers no more than its capacity: what expired goes first, then what is oldest", () => {
    const feed = new Feed("f", 3);
    feed.publish(news(1, 1), T0);
    feed.publish(news(2, 1, 10), T0);
    feed.publish(news(3, 1), T0);
    feed.publish(news(4, 1), at(10));
    expect([feed.size, told(feed.catchUp("", 0, at(10)))]).toEqual([3, ["1:1.1", "3:1.1", "4:1.1"]]);
    feed.publish(news(5, 1), at(10));
    expect(told(feed.catchUp("", 0, at(10)))).toEqual(["3:1.1", "4:1.1", "5:1.1"]);
  });

  it.each([
    ["superseded and expired", 3_000, 16_384, 5_000],
    ["pushed out for want of room", 300, 100, 1e9],
  ])(
    "tells a watcher exactly what it missed, some of that %s, however long it was away",
    (_, keys, capacity, lastsMs) => {
      const random = seededRandom(1);
      const feed = new Feed("f", capacity);
      const published: Announcement[] = [];
      for (let n = 1; n <= 4 * FEED_RECENT_MAX + 100; n += 1) {
        // A millisecond each. Now and then an older version, which is no news.
        const version = random() < 0.1 ? 0 : n;
        const said = news(Math.floor(random() * keys), version, n + random() * lastsMs);
        if (feed.publish(said, at(n))) published.push(said);
        const isEdge = published.length % FEED_RECENT_MAX <= 1;
        if (!isEdge && n % 500 !== 0) continue;
        for (const number of standsIn(published, random)) {
          const frames = feed.catchUp("f", number, at(n));
          expect(told(frames)).toEqual(missedOf(published, number, at(n), capacity));
          expect([frames[0]?.after, frames.at(-1)?.upTo]).toEqual([number, published.length]);
        }
      }
      expect(published.length).toBeGreaterThan(3 * FEED_RECENT_MAX);
    },
    SLOW_MS,
  );

  it("a watcher that missed a frame notices at the next one, keeps its place, and is told what it missed", () => {
    const feed = new Feed("f");
    const place = newcomer();
    for (const version of [1, 2]) {
      feed.publish(news(version, 1), T0);
      for (const frame of feed.flush()) if (version === 1) follow(place, frame);
    }
    feed.publish(news(3, 1), T0);
    expect(feed.flush().map((frame) => follow(place, frame))).toEqual(["gap"]);
    expect(place).toEqual({ feed: "f", number: 1 });
    expect(told(feed.catchUp(place.feed, place.number, T0))).toEqual(["2:1.1", "3:1.1"]);
  });

  it("a watcher notices that the hub has restarted, unless it missed nothing of the new incarnation", () => {
    const place: Place = { feed: "old", number: 40 };
    const feed = new Feed("new");
    feed.publish(news(1, 1), T0);
    const [first] = feed.flush();
    feed.publish(news(2, 1), T0);
    const [second] = feed.flush();
    if (first === undefined || second === undefined) throw new Error("two frames");
    expect(follow({ ...place }, second)).toBe("gap");
    expect([follow(place, first), follow(place, second)]).toEqual(["next", "next"]);
    expect(place).toEqual({ feed: "new", number: 2 });
  });

  it(
    "whoever joins when, loses what, and reconnects on a gap, ends up knowing the newest of every key",
    () => {
      const event = fc.oneof(
        fc.record({ kind: fc.constant("publish" as const), key: fc.nat(4), version: fc.nat(20) }),
        fc.record({ kind: fc.constantFrom("flush", "lose", "reconnect", "restart" as const) }),
      );
      fc.assert(
        fc.property(fc.array(event, { maxLength: 40 }), (events) => {
          let feed = new Feed("0");
          const place = newcomer();
          const known = new Map<string, number>();
          const sentHere = new Map<string, number>();
          const hear = (frames: readonly FeedFrame[]): boolean => {
            let gap = false;
            for (const frame of frames) {
              for (const { key, version } of frame.news)
                known.set(key, Math.max(version, known.get(key) ?? -1));
              gap = follow(place, frame) === "gap" || gap;
            }
            return gap;
          };
          const reconnect = (): void => {
            expect(hear(feed.catchUp(place.feed, place.number, T0))).toBe(false);
          };
          for (const e of events) {
            if (e.kind === "publish") {
              const said = news(e.key, e.version);
              if (feed.publish(said, T0)) sentHere.set(said.key, e.version);
            } else if (e.kind === "flush" && hear(feed.flush())) reconnect();
            else if (e.kind === "lose") feed.flush();
            else if (e.kind === "reconnect") reconnect();
            else if (e.kind === "restart") {
              feed = new Feed(`${Number(feed.id) + 1}`);
              sentHere.clear();
            }
          }
          feed.publish(news(99, 1), T0);
          if (hear(feed.flush())) reconnect();
          for (const [key, version] of sentHere) expect(known.get(key) ?? -1).toBeGreaterThanOrEqual(version);
        }),
        { numRuns: 5_000 },
      );
    },
    SLOW_MS,
  );
});
