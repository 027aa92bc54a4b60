/** One key's traffic with its owner: what leaves when, and how long anybody waits. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DEADLINE_AUTO_MAX,
  DEADLINE_AUTO_MIN,
  REPORT_RETRY_MIN,
  WAITERS_MAX,
  WANT_MAX,
} from "../../shared/limits.ts";
import { backoff, type Flight, Outbox, type Waiter } from "../../shared/pop/outbox.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { durationMs, type EpochMs, epochMs, NEVER } from "../../shared/time.ts";
import { MINUTE, ruleWith, T0 } from "./world.ts";

const at = (ms: number): EpochMs => epochMs(T0 + ms);
const rule = ruleWith({ deadline: durationMs(200) });
const content = (seq: number, want: readonly number[]): Ask => ({
  source: "s",
  pop: "LHR",
  rule: {
    version: "",
    name: "",
    algorithm: "fixed-window",
    limit: 1,
    grid: { lengthMs: MINUTE, offsetMs: durationMs(0) },
  },
  key: "",
  window: 0,
  seq,
  epochSeen: 0,
  spent: 0,
  counted: 0,
  previousSpent: 0,
  want,
});
const depart = (outbox: Outbox, now: EpochMs): Flight | undefined => outbox.depart(rule, now, content);
/** An outbox after round trips of so many ms. */
const measured = (...trips: readonly number[]): Outbox => {
  const outbox = new Outbox();
  for (const ms of trips) outbox.measured(durationMs(ms));
  return outbox;
};
const auto = ruleWith({ deadline: "auto" });

describe("the outbox", () => {
  it("has one Ask out at a time; what comes meanwhile goes in the next, in order", () => {
    const outbox = new Outbox();
    outbox.enqueue(1, T0);
    expect(depart(outbox, T0)?.ask).toMatchObject({ seq: 1, want: [1] });
    for (const cost of [2, 3, 1]) outbox.enqueue(cost, at(5));
    expect(depart(outbox, at(199))).toBeUndefined();
    outbox.land(1);
    expect(depart(outbox, at(199))?.ask).toMatchObject({ seq: 2, want: [2, 3, 1] });
    expect(depart(outbox, at(199))).toBeUndefined();
  });

  it("gives an Ask up at its deadline, and a new one may leave then, not before", () => {
    const outbox = new Outbox();
    outbox.enqueue(1, T0);
    depart(outbox, T0);
    outbox.enqueue(1, at(10));
    expect([outbox.isOut(at(199)), outbox.mayDepart(at(199))]).toEqual([true, false]);
    expect([outbox.isOut(at(200)), outbox.mayDepart(at(200))]).toEqual([false, true]);
  });

  it("has given an Ask up for good, also when the clock is put back; its answer still lands", () => {
    const outbox = new Outbox();
    outbox.enqueue(1, at(0));
    const flight = depart(outbox, at(0));
    expect(outbox.giveUp(2)).toBe(false);
    expect(outbox.isOut(at(199))).toBe(true);
    expect(outbox.giveUp(1)).toBe(true);
    outbox.reportBy(at(50));
    expect([outbox.isOut(at(0)), outbox.sleep(at(0)), outbox.mayDepart(at(50))]).toEqual([
      false,
      at(50),
      true,
    ]);
    expect(outbox.land(1)?.ask).toBe(flight?.ask);
  });

  it("lands an answer once, and none to an Ask after which another has left", () => {
    const outbox = new Outbox();
    outbox.enqueue(1, T0);
    depart(outbox, T0);
    outbox.enqueue(1, at(200));
    depart(outbox, at(200));
    expect(outbox.land(1)).toBeUndefined();
    expect(outbox.land(2)?.ask.seq).toBe(2);
    expect(outbox.land(2)).toBeUndefined();
  });

  it("carries WANT_MAX costs at most, and lets the rest wait for the next Ask", () => {
    const outbox = new Outbox();
    for (let n = 0; n < WANT_MAX + 3; n += 1) outbox.enqueue(1, T0);
    expect(depart(outbox, T0)?.ask.want.length).toBe(WANT_MAX);
    outbox.land(1);
    expect(depart(outbox, T0)?.ask.want).toEqual([1, 1, 1]);
  });

  it("lets WAITERS_MAX requests wait, those under way included, and no more", () => {
    const outbox = new Outbox();
    for (let n = 0; n < WAITERS_MAX; n += 1) expect(outbox.enqueue(1, T0)).toBeDefined();
    expect(outbox.enqueue(1, T0)).toBeUndefined();
    depart(outbox, T0);
    expect(outbox.enqueue(1, T0)).toBeUndefined();
    outbox.land(1);
    expect(outbox.enqueue(1, T0)).toBeDefined();
  });

  it("does not ask for a request that left", () => {
    const outbox = new Outbox();
    const gone = outbox.enqueue(5, T0);
    outbox.enqueue(1, T0);
    if (gone !== undefined) outbox.leave(gone);
    expect(depart(outbox, T0)?.ask.want).toEqual([1]);
  });

  it("counts a deadline from the request's own Ask, also after it was put back", () => {
    const outbox = new Outbox();
    const waiter = outbox.enqueue(1, T0);
    if (waiter === undefined) throw new Error("it may wait");
    expect(outbox.dueAt(waiter, rule)).toBe(T0 + 200);
    const flight = depart(outbox, at(150));
    expect(outbox.dueAt(waiter, rule)).toBe(T0 + 350);
    outbox.land(1);
    outbox.requeue(flight?.carried ?? []);
    expect([waiter.state, outbox.dueAt(waiter, rule)]).toEqual(["queued", T0 + 350]);
  });

  it("puts requests back before those that came later, and not those that were decided", () => {
    const outbox = new Outbox();
    const [first, second] = [outbox.enqueue(1, T0), outbox.enqueue(2, T0)];
    const flight = depart(outbox, T0);
    outbox.enqueue(3, T0);
    if (first !== undefined) outbox.leave(first);
    outbox.land(1);
    outbox.requeue(flight?.carried ?? []);
    expect(outbox.queue.map(({ cost }) => cost)).toEqual([2, 3]);
    expect(second?.state).toBe("queued");
  });

  it("auto: the deadline is 2 × the smoothed round trip + 100 ms, from 200 ms to 1 s, and 1 s before any answer", () => {
    expect(new Outbox().deadline(auto)).toBe(DEADLINE_AUTO_MAX);
    expect(measured(5).deadline(auto)).toBe(DEADLINE_AUTO_MIN);
    expect(measured(150).deadline(auto)).toBe(400);
    expect(measured(150, 310).deadline(auto)).toBe(440);
    expect(measured(900).deadline(auto)).toBe(DEADLINE_AUTO_MAX);
    expect(measured(900).deadline(rule)).toBe(200);
  });

  it("takes no answer for longer on its way than any deadline, and none for shorter than nothing", () => {
    expect(measured(150, 60_000).deadline(auto)).toBe(measured(150, DEADLINE_AUTO_MAX).deadline(auto));
    expect(measured(150, -2_000).deadline(auto)).toBe(measured(150, 0).deadline(auto));
  });

  it("after overload sends nothing and lets nobody wait until the pause is over, then probes with one Ask", () => {
    const outbox = new Outbox();
    outbox.pause(T0, 0);
    expect(outbox.enqueue(1, at(124))).toBeUndefined();
    expect(outbox.mayDepart(at(124))).toBe(false);
    expect(depart(outbox, at(125))?.ask).toMatchObject({ seq: 1, want: [] });
    outbox.land(1);
    outbox.pause(at(125), 0);
    expect([outbox.mayDepart(at(374)), outbox.mayDepart(at(375))]).toEqual([false, true]);
  });

  it("after an answer begins with the shortest pause again", () => {
    const outbox = new Outbox();
    for (let n = 0; n < 6; n += 1) outbox.pause(T0, 0);
    outbox.succeeded();
    outbox.pause(T0, 0);
    outbox.reportBy(T0);
    expect([outbox.mayDepart(at(124)), outbox.mayDepart(at(125))]).toEqual([false, true]);
  });

  it("pauses double up to their longest, and are jittered over their upper half", () => {
    const lengths = [0, 1, 2, 3, 9, 99].map((tries) =>
      backoff(durationMs(100), durationMs(1_000), tries, 0.999_999),
    );
    expect(lengths).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    fc.assert(
      fc.property(
        fc.nat(200),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (tries, jitter) => {
          const full = Math.min(1_000, 100 * 2 ** Math.min(tries, 30));
          const pause = backoff(durationMs(100), durationMs(1_000), tries, jitter);
          expect(Number.isInteger(pause)).toBe(true);
          expect(pause).toBeGreaterThanOrEqual(full / 2);
          expect(pause).toBeLessThanOrEqual(full);
        },
      ),
    );
  });

  it("a report is due at the earliest time said, goes with the next Ask, and is then due no more", () => {
    const outbox = new Outbox();
    for (const ms of [40, 20, 30]) outbox.reportBy(at(ms));
    expect([outbox.mayDepart(at(19)), outbox.mayDepart(at(20))]).toEqual([false, true]);
    outbox.enqueue(1, at(5));
    expect(depart(outbox, at(5))?.ask.want).toEqual([1]);
    outbox.land(1);
    expect(outbox.reportAt).toBe(NEVER);
  });

  it("one context at a time sleeps for a report, and if it dies another takes over", () => {
    const outbox = new Outbox();
    expect(outbox.sleep(T0)).toBe(NEVER);
    outbox.reportBy(at(100));
    expect(outbox.sleep(T0)).toBe(T0 + 100);
    expect(outbox.sleep(at(50))).toBe(NEVER);
    outbox.slept();
    expect(outbox.sleep(at(60))).toBe(T0 + 100);
  });

  it("a sleeper that died is replaced, and a report that is later by then is slept for anew", () => {
    const outbox = new Outbox();
    outbox.reportBy(at(100));
    expect(outbox.sleep(T0)).toBe(T0 + 100);
    outbox.enqueue(1, at(5));
    depart(outbox, at(5));
    outbox.land(1);
    outbox.reportBy(at(400));
    expect(outbox.sleep(at(100 + REPORT_RETRY_MIN - 1))).toBe(NEVER);
    expect(outbox.sleep(at(100 + REPORT_RETRY_MIN))).toBe(T0 + 400);
  });

  it("nobody sleeps for a report that is due already, or while an Ask is out: that would spin", () => {
    const outbox = new Outbox();
    outbox.reportBy(at(100));
    expect([outbox.sleep(at(100)), outbox.sleep(at(101))]).toEqual([NEVER, NEVER]);
    outbox.enqueue(1, T0);
    depart(outbox, T0);
    outbox.reportBy(at(150));
    expect(outbox.sleep(at(1))).toBe(NEVER);
    outbox.land(1);
    expect(outbox.sleep(at(1))).toBe(T0 + 150);
  });

  it("a request that is put back again and again is due one deadline after its first Ask left", () => {
    const outbox = new Outbox();
    const waiter = outbox.enqueue(1, T0) as Waiter;
    for (const ms of [10, 60, 110]) {
      const flight = depart(outbox, at(ms));
      outbox.land(flight?.ask.seq ?? 0);
      outbox.requeue(flight?.carried ?? []);
    }
    expect(outbox.dueAt(waiter, rule)).toBe(at(10) + 200);
  });
});
