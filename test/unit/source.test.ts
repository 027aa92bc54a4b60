/** The source's transitions: what it does with answers and announcements that come late, twice, or never. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BLOCK_TRUST, REPORT_JITTER_MAX, REPORT_RETRY_MAX } from "../../shared/limits.ts";
import { CREDIT } from "../../shared/pop/credit-table.ts";
import { durationMs, epochMs } from "../../shared/time.ts";
import { MINUTE, type Request, ruleWith, SLOW_MS, T0, World } from "./world.ts";

const exact = (limit: number) => ruleWith({ limit, threshold: 1 });
const pair = (limit: number) =>
  ["a", "b"].map((digit) => ruleWith({ name: digit, version: digit.repeat(16), limit, threshold: 1 }));
const admits = (request: Request) => request.decision?.admitted;
const slotIn = (world: World, at: number): number => [...world.node(at).source.table.slots()][0] ?? -1;

describe("a source", () => {
  it("does not spend again what its Ask handed back, when the answer is lost and another was given it", () => {
    const rules = pair(1);
    const world = new World({ sources: 2, rules, announces: false });
    world.request(1, { rules: [1] });
    world.settle();
    const denied = world.request(0);
    while (world.network.some(({ kind }) => kind === "answer") || denied.decision === undefined)
      world.deliver(world.network.shift() ?? world.take("ask"));
    world.deliver(world.take("ask", 0));
    world.take("answer", 0);
    const taker = world.request(1, { rules: [0] });
    world.settle();
    world.tick(200);
    const again = world.request(0, { rules: [0] });
    world.settle();
    expect([denied, taker, again].map(admits)).toEqual([false, true, false]);
  });

  it("claims as counted no more than its last Ask said, or a folded source would be undercounted", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ limit: 9, threshold: 1 })] });
    const { source } = world.node(0);
    world.request(0, { cost: 5 });
    world.settle();
    const slot = slotIn(world, 0);
    const hot = source.hotAt(slot);
    source.release(source.hold(slot, 0, true), world.now);
    source.table.cells[slot + 3] = 2;
    world.send(world.node(0));
    expect(world.take("ask")).toMatchObject({ ask: { spent: 2, counted: 5 } });
    world.tick(200);
    hot?.outbox.reportBy(world.now);
    world.send(world.node(0));
    expect(world.take("ask")).toMatchObject({ ask: { spent: 2, counted: 2 } });
  });

  it("takes back a client who was away for two windows and more, as if new", () => {
    const world = new World({ sources: 1 });
    for (let n = 0; n < 5; n += 1) world.request(0);
    world.settle();
    for (const windows of [2, 3, 7]) {
      world.tick(windows * MINUTE);
      expect(world.request(0).decision).toMatchObject({ admitted: true, how: "credit" });
    }
  });

  it("follows an owner that is a window ahead, and its requests are asked for there", () => {
    const world = new World({ sources: 2, rules: [exact(2)], announces: false });
    world.node(0).skewMs = -500;
    world.tick(MINUTE);
    world.request(1);
    world.settle();
    const behind = world.request(0);
    world.settle();
    expect(behind.decision).toMatchObject({ admitted: true, how: "owner" });
    expect(behind.window).toBe(world.account().meter.window);
  });

  it("fails its requests when the owner is a window behind: its own clock is not to be trusted", () => {
    const world = new World({ sources: 1, rules: [exact(2)] });
    world.node(0).skewMs = 30 * MINUTE;
    const request = world.request(0);
    world.settle();
    expect(request.decision).toMatchObject({ admitted: false, how: "degraded", unavailable: true });
  });

  it("reports what it spent once the owner, a window behind when it was told, has caught up", () => {
    const world = new World({ sources: 2, rules: [ruleWith({ threshold: 2 })], announces: false });
    world.node(0).skewMs = 1_500;
    world.tick(MINUTE - 1_500);
    const silent = world.request(0);
    for (const _ of [1, 2]) world.request(1);
    world.settle();
    const { key, policy, epoch } = world.account();
    const claimedUntil = epochMs(T0 + 2 * MINUTE);
    const claim = { key, ruleVersion: policy.version, epoch, version: 9, claimedUntil };
    world.deliver({ kind: "news", node: world.node(0), news: claim });
    const hot = world.node(0).source.hear({ ...claim, version: 10 }, world.now, 0);
    expect([silent.decision?.how, hot]).toEqual(["credit", undefined]);
    world.tick(REPORT_JITTER_MAX);
    world.deliver(world.take("ask"));
    world.deliver(world.take("answer"));
    expect(world.account().meter.window).toBe(silent.window - 1);
    world.tick(REPORT_RETRY_MAX);
    world.settle();
    expect(world.account().meter).toMatchObject({ window: silent.window, current: 1 });
  });

  it("asks again when an older incarnation of the owner answered", () => {
    const world = new World({ sources: 1, rules: [exact(3)], announces: false });
    world.request(0);
    world.settle();
    const request = world.request(0);
    world.deliver(world.take("ask"));
    const { key, policy, epoch } = world.account();
    const news = { key, ruleVersion: policy.version, epoch: epoch + 1, version: 1 };
    world.node(0).source.hear({ ...news, claimedUntil: epochMs(T0 + MINUTE) }, world.now, 0);
    world.deliver(world.take("answer"));
    expect(request.decision).toBeUndefined();
    expect(world.take("ask")).toMatchObject({ ask: { seq: 3, epochSeen: 2, want: [1] } });
  });

  it("uses an answer that comes after its deadline, until a new Ask has left", () => {
    const world = new World({ sources: 1, rules: [exact(3)], announces: false });
    const request = world.request(0, { cost: 2 });
    world.deliver(world.take("ask"));
    const late = world.take("answer");
    world.tick(200);
    expect(request.decision).toMatchObject({ admitted: false, how: "degraded" });
    world.deliver(late);
    expect(world.node(0).source.table.get(slotIn(world, 0), CREDIT)).toBe(0);
    expect(world.take("ask")).toMatchObject({ ask: { seq: 2, spent: 0, want: [] } });
    world.deliver(late);
    expect(world.node(0).source.table.get(slotIn(world, 0), CREDIT)).toBe(0);
  });

  it("an answer to an Ask that was given up prolongs no trust in a block", () => {
    const world = new World({ sources: 1, rules: [exact(1)], announces: false });
    world.request(0);
    world.settle();
    const waits = world.request(0);
    const sent = world.take("ask");
    world.deliver(sent);
    const full = world.take("answer");
    world.deliver(full);
    expect(waits.decision?.how).toBe("owner");
    world.tick(BLOCK_TRUST - 1);
    world.deliver(full);
    world.tick(1);
    expect(world.request(0).decision).toBeUndefined();
  });

  it("a clock that steps back changes nothing: windows never go back", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ threshold: 3 })] });
    world.tick(MINUTE);
    world.request(0);
    world.request(0);
    world.node(0).skewMs = -MINUTE;
    const request = world.request(0);
    expect(world.take("ask")).toMatchObject({ ask: { spent: 2, want: [1] } });
    expect(request.decision).toBeUndefined();
  });

  it("lets go of a cost held for a request though its entry rolled, was replaced, and came back", () => {
    const world = new World({ sources: 1, sets: 1, rules: [ruleWith({ threshold: 4 })] });
    const { source } = world.node(0);
    const hold = source.hold(source.lookup(0, 5, 6, T0), 1, true);
    const later = epochMs(T0 + MINUTE);
    source.table.remove(source.lookup(0, 5, 6, later), later);
    source.lookup(0, 5, 6, later);
    expect(() => source.release(hold, later)).not.toThrow();
    expect(() => source.take(hold)).not.toThrow();
  });

  it(
    "while nothing is lost nobody is denied as long as the true count is within the limit",
    () => {
      const requests = fc.array(fc.record({ at: fc.nat(3), cost: fc.constantFrom(1, 1, 2) }), {
        maxLength: 30,
      });
      const sizes = fc
        .integer({ min: 2, max: 12 })
        .chain((limit) =>
          fc.record({ limit: fc.constant(limit), threshold: fc.integer({ min: 1, max: limit }) }),
        );
      fc.assert(
        fc.property(requests, sizes, (sent, size) => {
          const world = new World({ sources: 4, rules: [ruleWith(size)], sets: 1 });
          let count = 0;
          for (const { at, cost } of sent) {
            const request = world.request(at, { cost });
            world.settle();
            world.tick(30);
            world.settle();
            if (admits(request)) count += cost;
            else expect(count + cost).toBeGreaterThan(size.limit);
          }
          expect(count).toBeLessThanOrEqual(size.limit + 3 * (size.threshold - 1));
        }),
        { numRuns: 2_000 },
      );
    },
    SLOW_MS,
  );

  it("after every window and pause, its entries say what it believes", () => {
    const world = new World({
      sources: 1,
      rules: [ruleWith({ limit: 4, threshold: 4, deadline: durationMs(200) })],
    });
    for (let n = 0; n < 5; n += 1) world.request(0);
    world.settle();
    const entry = { rule: "login", used: 4, credit: 4, claimed: true, blockedUntil: T0 + MINUTE };
    expect([...world.node(0).source.entries(world.now)]).toMatchObject([entry]);
    expect([...world.node(0).source.entries(epochMs(T0 + MINUTE))]).toEqual([]);
  });
});
