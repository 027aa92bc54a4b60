/** Clients come and go all the time: what is kept of those that are gone must not add up. */
import { describe, expect, it } from "vitest";
import { Feed } from "../../shared/hub/feed.ts";
import { KeyHasher, tagOf } from "../../shared/key.ts";
import { FEED_RECENT_MAX, FEED_SWEEP_MIN, LABELS_SWEEP_MIN } from "../../shared/limits.ts";
import { backlogOf } from "../../shared/pop/backlog.ts";
import { Outbox } from "../../shared/pop/outbox.ts";
import { Source } from "../../shared/pop/source.ts";
import type { Announcement, Ask } from "../../shared/protocol/messages.ts";
import { durationMs, type EpochMs, epochMs } from "../../shared/time.ts";
import { Labels } from "../../worker/labels.ts";
import { MINUTE, ruleWith, T0 } from "./world.ts";

const at = (ms: number): EpochMs => epochMs(T0 + ms);
const rule = ruleWith({ limit: 10, threshold: 4, deadline: durationMs(200) });
const hasher = new KeyHasher(new Uint32Array(8), rule.version);
const claimOf = (client: number, untilMs: number): Announcement => ({
  key: hasher.hash(`ip=${client}`),
  ruleVersion: rule.version,
  epoch: 1,
  version: 1,
  claimedUntil: at(untilMs),
});

describe("a source that hears of a new client every second", () => {
  const newSource = (): Source =>
    new Source({ isolate: "0".repeat(16), pop: "P", seed: 1, rules: [rule], hashers: [hasher] });
  const hotOf = (source: Source, client: number, now: EpochMs) => {
    const { hi, lo } = tagOf(hasher.hash(`ip=${client}`));
    return source.hotAt(source.lookup(0, hi, lo, now));
  };

  it("keeps records of those whose windows still matter, and not many more", () => {
    const source = newSource();
    let most = 0;
    for (let second = 0; second < 3_600; second += 1) {
      source.hear(claimOf(second, 1_000 * second + MINUTE), at(1_000 * second), 0);
      most = Math.max(most, [...source.hotKeys()].length);
    }
    // A claim of one minute matters in two windows at least and three at most; looking around takes as long again.
    expect(most).toBeLessThan(2 * 3 * 60);
    expect(most).toBeGreaterThan(2 * 60);
    expect(hotOf(source, 3_599, at(3_599_000))).toBeDefined();
  });

  it("keeps the record of a client whose request still waits, however many come after", () => {
    const source = newSource();
    source.hear(claimOf(0, MINUTE), T0, 0);
    const hot = hotOf(source, 0, T0);
    hot?.outbox.enqueue(1, T0);
    for (let second = 0; second < 600; second += 1)
      source.hear(claimOf(1 + second, 1_000 * second + MINUTE), at(1_000 * second), 0);
    expect([...source.hotKeys()]).toContain(hot);
    expect(backlogOf(source.hotKeys(), at(600_000)).waiting).toBe(1);
  });
});

describe("a hub's feed", () => {
  it("forgets what has expired long before it has no room, and tells the rest as before", () => {
    const feed = new Feed("f");
    const told = (after: number, now: EpochMs): number =>
      feed.catchUp("f", after, now).reduce((sum, { news }) => sum + news.length, 0);
    let most = 0;
    for (let n = 1; n <= FEED_RECENT_MAX; n += 1) {
      feed.publish(claimOf(n, n + 100), at(n));
      most = Math.max(most, feed.size, feed.recent);
      expect([told(0, at(n)), told(Math.max(0, n - 30), at(n)), told(n, at(n))]).toEqual([
        Math.min(n, 100),
        Math.min(n, 30),
        0,
      ]);
    }
    expect(most).toBeLessThanOrEqual(2 * 100 + FEED_SWEEP_MIN);
  });
});

describe("labels", () => {
  it("of clients that are gone are dropped, those of the present are shown", () => {
    let now = 0;
    const labels = new Labels((slot) => slot < now - 500);
    let most = 0;
    for (now = 0; now < 50_000; now += 1) {
      labels.set(now, `ip=${now}`);
      most = Math.max(most, labels.size);
    }
    expect(most).toBeLessThanOrEqual(LABELS_SWEEP_MIN);
    expect([labels.get(49_999), labels.get(49_500), labels.get(10)]).toEqual([
      "ip=49999",
      "ip=49500",
      undefined,
    ]);
  });

  it("are all kept, and not looked through at each new one, while all are of the present", () => {
    let looks = 0;
    const labels = new Labels(() => {
      looks += 1;
      return false;
    });
    for (let slot = 0; slot < 100_000; slot += 1) labels.set(slot, String(slot));
    expect(labels.size).toBe(100_000);
    expect(looks).toBeLessThan(200_000);
  });
});

describe("the backlog", () => {
  /** An outbox with two requests on an Ask that is out, and one in the queue. */
  function busyOutbox(): Outbox {
    const outbox = new Outbox();
    outbox.enqueue(1, T0);
    outbox.enqueue(1, T0);
    outbox.depart(rule, T0, (seq, want) => ({ seq, want }) as unknown as Ask);
    outbox.enqueue(1, T0);
    return outbox;
  }

  it("counts who waits in a queue and on an Ask, over all keys, and the Asks that are out", () => {
    const keys = [busyOutbox(), busyOutbox(), new Outbox()].map((outbox) => ({ outbox }));
    expect(backlogOf(keys, T0)).toEqual({ waiting: 6, out: 2 });
  });

  it("counts no request that was decided, and no Ask that was given up", () => {
    const outbox = busyOutbox();
    for (const waiter of [...outbox.queue, ...(outbox.flight?.carried ?? [])]) outbox.leave(waiter);
    expect(backlogOf([{ outbox }], T0)).toEqual({ waiting: 0, out: 1 });
    expect(backlogOf([{ outbox }], at(200))).toEqual({ waiting: 0, out: 0 });
  });
});
