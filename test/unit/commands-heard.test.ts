/** What sources make of commands, which they hear of by announcements and answers. */
import { describe, expect, it } from "vitest";
import { BLOCK_TRUST } from "../../shared/limits.ts";
import { epochMs } from "../../shared/time.ts";
import type { Message } from "./world.ts";
import { MINUTE, ruleWith, T0, World } from "./world.ts";

const at = (ms: number) => epochMs(T0 + ms);
/** Asks that are under way. */
const asked = (world: World): readonly Message[] => world.network.filter(({ kind }) => kind === "ask");

describe("a source that hears of a block", () => {
  it("denies at once, without a message, a key that it never saw and nobody claimed", () => {
    const world = new World({ sources: 2 });
    world.command({ kind: "block", until: at(30_000) });
    world.settle();
    const { decision } = world.request(1);
    expect(decision).toMatchObject({ admitted: false, how: "blocked", retryAt: at(30_000) });
    expect(decision?.quotas).toMatchObject([{ limit: 10, remaining: 0, resetAt: at(30_000) }]);
    expect(world.network).toEqual([]);
  });

  it("believes it for BLOCK_TRUST, then asks; until it ends no credit is silent", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ onFailure: "closed" })] });
    world.command({ kind: "block", until: at(30_000) });
    world.settle();
    world.tick(BLOCK_TRUST);
    const first = world.request(0);
    expect([first.decision, asked(world).length]).toEqual([undefined, 1]);
    world.settle();
    expect(first.decision).toMatchObject({ admitted: false, how: "owner", retryAt: at(30_000) });
    expect(world.request(0).decision).toMatchObject({ admitted: false, how: "blocked" });
  });

  it("does not let an answer that was sent before it lift it", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ threshold: 1 })] });
    world.request(0);
    world.deliver(world.take("ask"));
    const answer = world.take("answer");
    world.command({ kind: "block", until: at(30_000) });
    world.settle();
    world.deliver(answer);
    expect(world.request(0).decision).toMatchObject({ admitted: false, how: "blocked" });
  });
});

describe("a source that hears of a release", () => {
  it.each(["reset", "unblock"] as const)(
    "by %s lets in again whom a block kept out, and asks for him",
    (kind) => {
      const world = new World({ sources: 2, rules: [ruleWith({ threshold: 1 })] });
      world.request(0);
      world.settle();
      world.command({ kind: "block", until: at(30_000) });
      world.settle();
      expect(world.request(1).decision).toMatchObject({ how: "blocked" });
      world.command({ kind });
      world.settle();
      // The claim stays: nothing is silent.
      const back = world.request(1);
      expect(asked(world)).toHaveLength(1);
      world.settle();
      expect(back.decision).toMatchObject({ admitted: true, how: "owner", quotas: [{ limit: 10 }] });
      expect(back.decision?.quotas[0]?.remaining).toBe(kind === "reset" ? 9 : 8);
    },
  );

  it("by reset lets in whom a full count kept out, and charges nothing twice", () => {
    const world = new World({ sources: 2, rules: [ruleWith({ limit: 3, threshold: 1 })] });
    for (let n = 0; n < 4; n += 1) {
      world.request(0);
      world.settle();
    }
    expect(world.request(1).decision).toMatchObject({ how: "blocked", retryAt: T0 + MINUTE });
    world.command({ kind: "reset" });
    world.settle();
    const granted = [0, 0, 1, 0].map((node) => {
      const request = world.request(node);
      world.settle();
      return request.decision?.admitted;
    });
    expect(granted).toEqual([true, true, true, false]);
    expect(world.account().meter.current).toBe(3);
  });

  it("says no more what was said of the quota before it", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ threshold: 1, onFailure: "local" })] });
    world.command({ kind: "block", until: at(5 * MINUTE) });
    world.settle();
    world.tick(BLOCK_TRUST);
    world.request(0);
    world.settle();
    world.command({ kind: "unblock" });
    world.settle();
    const alone = world.request(0);
    world.take("ask");
    world.tick(1_000);
    expect(alone.decision).toMatchObject({
      admitted: true,
      how: "degraded",
      quotas: [{ remaining: 9, resetAt: T0 + MINUTE }],
    });
  });

  it("keeps out again whom a later block bars, and drops a release that is older than it", () => {
    const world = new World({ sources: 1 });
    world.command({ kind: "unblock" });
    const released = world.take("news");
    world.command({ kind: "block", until: at(30_000) });
    world.settle();
    world.deliver(released);
    expect(world.request(0).decision).toMatchObject({ how: "blocked" });
  });
});

describe("an override", () => {
  it("is told to clients by every source that asked, and ends silent credit at those that hear of it", () => {
    const world = new World({ sources: 2, rules: [ruleWith({ limit: 10, threshold: 4 })] });
    world.command({ kind: "override", limit: 2, until: at(90_000) });
    world.settle();
    const decisions = [0, 1, 0].map((node) => {
      const request = world.request(node);
      world.settle();
      return request.decision;
    });
    expect(decisions).toMatchObject([
      { admitted: true, how: "owner", quotas: [{ limit: 2, remaining: 1 }] },
      { admitted: true, how: "owner", quotas: [{ limit: 2, remaining: 0 }] },
      { admitted: false, how: "owner", quotas: [{ limit: 2, remaining: 0 }] },
    ]);
    // The claim reaches into the next window, and the limit with it.
    world.tick(MINUTE);
    const next = world.request(0);
    world.settle();
    expect(next.decision).toMatchObject({ how: "owner", quotas: [{ limit: 2, remaining: 1 }] });
    // When it has ended, the owner says nothing of another limit.
    world.tick(30_000);
    const last = world.request(0);
    world.settle();
    expect(last.decision).toMatchObject({ how: "owner", quotas: [{ limit: 10, remaining: 8 }] });
  });

  it("leaves no silent credit before it ends, however many windows nobody comes in", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ limit: 10, threshold: 4 })] });
    world.command({ kind: "override", limit: 2, until: at(10 * MINUTE) });
    world.settle();
    world.tick(5 * MINUTE);
    world.request(0);
    expect(asked(world)).toHaveLength(1);
  });

  it("is what an isolate may admit by itself while its owner is out of reach", () => {
    const rule = ruleWith({ limit: 10, threshold: 1, onFailure: "local" });
    const world = new World({ sources: 1, rules: [rule] });
    world.command({ kind: "override", limit: 2, until: at(90_000) });
    world.settle();
    world.request(0);
    world.settle();
    const admitted = [1, 2].map(() => {
      const request = world.request(0);
      world.take("ask");
      for (let ms = 0; ms < 1_000 && request.decision === undefined; ms += 50) world.tick(50);
      return request.decision;
    });
    expect(admitted).toMatchObject([
      { admitted: true, how: "degraded", quotas: [{ limit: 2, remaining: 0 }] },
      { admitted: false, how: "degraded", quotas: [{ limit: 2, remaining: 0 }] },
    ]);
  });
});
