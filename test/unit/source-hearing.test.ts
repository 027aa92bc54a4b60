/** What a source does with news of claims and blocks. */
import { describe, expect, it } from "vitest";
import { KeyHasher, tagOf } from "../../shared/key.ts";
import { CREDIT } from "../../shared/pop/credit-table.ts";
import type { HotKey } from "../../shared/pop/hot-key.ts";
import { Source } from "../../shared/pop/source.ts";
import { epochMs, NEVER } from "../../shared/time.ts";
import { MINUTE, ruleWith, T0, World } from "./world.ts";

const slotIn = (world: World, at: number): number => [...world.node(at).source.table.slots()][0] ?? -1;

describe("a source that hears", () => {
  it("on the first news of a claim ends its silent credit, and reports what it spent until it is answered", () => {
    const world = new World({ sources: 2, rules: [ruleWith({ limit: 10, threshold: 4 })] });
    world.request(1);
    world.request(1);
    for (let n = 0; n < 4; n += 1) world.request(0);
    world.deliver(world.take("ask"));
    world.deliver(world.take("news", 1));
    expect(world.node(1).source.table.get(slotIn(world, 1), CREDIT)).toBe(2);
    world.network = [];
    world.tick(24);
    expect(world.network).toEqual([]);
    world.tick(1);
    expect(world.take("ask")).toMatchObject({ ask: { source: "0000000000000001.1", spent: 2, want: [] } });
    for (let ms = 0; ms < 600; ms += 50) world.tick(50);
    world.settle();
    // 3 of the claimer, whose fourth was given up and handed back, and these 2.
    expect(world.account().meter.current).toBe(5);
    world.tick(20_000);
    expect(world.network).toEqual([]);
  });

  it("reports nothing on news of a claim when it spent nothing, and asks for the first request", () => {
    const world = new World({ sources: 2, rules: [ruleWith({ limit: 10, threshold: 4 })] });
    for (let n = 0; n < 4; n += 1) world.request(0);
    world.settle();
    world.tick(100);
    expect(world.network).toEqual([]);
    const first = world.request(1);
    world.settle();
    expect(first.decision).toMatchObject({ admitted: true, how: "owner" });
  });

  it("a claim that reaches into the next window leaves no silent credit there; one that does not, leaves it", () => {
    const world = new World({ sources: 1 });
    const news = { key: "0".repeat(32), ruleVersion: "0123456789abcdef", epoch: 1 };
    const { source } = world.node(0);
    source.hear({ ...news, version: 1, claimedUntil: epochMs(T0 + MINUTE) }, T0, 0);
    expect(source.table.get(source.lookup(0, 0, 0, epochMs(T0 + MINUTE)), CREDIT)).toBe(3);
    source.hear({ ...news, version: 2, claimedUntil: epochMs(T0 + 3 * MINUTE) }, epochMs(T0 + MINUTE), 0);
    expect(source.table.get(source.lookup(0, 0, 0, epochMs(T0 + 2 * MINUTE)), CREDIT)).toBe(0);
  });

  it("an answer of the window before that tells of a claim in this one ends its silent credit", () => {
    const world = new World({ sources: 1, rules: [ruleWith({ threshold: 2 })], announces: false });
    world.tick(MINUTE - 50);
    const [silent, asked] = [world.request(0), world.request(0)];
    world.deliver(world.take("ask"));
    // The next window begins before the answer comes.
    world.tick(100);
    world.deliver(world.take("answer"));
    world.settle();
    expect([silent, asked].map(({ decision }) => decision?.how)).toEqual(["credit", "owner"]);
    expect(world.request(0).decision).toBeUndefined();
  });

  it("hears nothing in news that has expired, of a rule it does not know, or older than what it knows", () => {
    const world = new World({ sources: 1 });
    const { source } = world.node(0);
    const news = { key: "0".repeat(32), ruleVersion: "0123456789abcdef", epoch: 2, version: 2 };
    source.hear({ ...news, claimedUntil: T0 }, T0, 0);
    source.hear({ ...news, ruleVersion: "f".repeat(16), claimedUntil: epochMs(T0 + 1) }, T0, 0);
    expect([...source.table.slots()]).toEqual([]);
    source.hear({ ...news, claimedUntil: epochMs(T0 + 9) }, T0, 0);
    source.hear({ ...news, version: 1, claimedUntil: epochMs(T0 + 9), fullUntil: epochMs(T0 + 9) }, T0, 0);
    expect([...source.entries(T0)]).toMatchObject([
      { claimed: true, blockedUntil: null, used: 0, credit: 0 },
    ]);
  });
});

describe("a source that hears of a claim by an owner that begins anew", () => {
  const news = { key: "0".repeat(32), ruleVersion: "0123456789abcdef" };
  const later = epochMs(T0 + 2 * MINUTE);

  it("believes it though the epoch is lower than the one it remembers, and goes on believing the newer verdicts", () => {
    const world = new World({ sources: 1 });
    const { source } = world.node(0);
    source.hear({ ...news, epoch: 3, version: 1, claimedUntil: epochMs(T0 + 1) }, T0, 0);
    source.hear({ ...news, epoch: 1, version: 1, claimedUntil: later, fullUntil: later }, T0, 0);
    const [slot = -1] = source.table.slots();
    expect(source.hotAt(slot)?.view).toMatchObject({ epoch: 3, claimedUntil: later, fullUntil: NEVER });
    source.lookup(0, 0, 0, epochMs(T0 + MINUTE));
    expect([...source.entries(epochMs(T0 + MINUTE))]).toMatchObject([{ claimed: true, credit: 0 }]);
  });
});

describe("a source whose owner is ahead of its clock", () => {
  it("keeps what was spent as a floor: pushed out, the key comes back in the window that it left", () => {
    const rule = ruleWith({ limit: 10, threshold: 4 });
    const hasher = new KeyHasher(new Uint32Array(8), rule.version);
    const options = { isolate: "0".repeat(16), pop: "P", seed: 1, rules: [rule], hashers: [hasher] };
    const source = new Source({ ...options, table: { sets: 1 } });
    const slot = source.lookup(0, 1, 1, T0);
    source.take(source.hold(slot, 2, true));
    source.roll(slot, source.window(slot) + 2, T0);
    source.table.remove(slot, T0);
    expect(source.table.get(source.lookup(0, 1, 1, T0), CREDIT)).toBe(1);
  });
});

describe("a source that hears of more keys than it can keep", () => {
  const rule = ruleWith({ limit: 10, threshold: 4 });
  const hasher = new KeyHasher(new Uint32Array(8), rule.version);

  /** A source with room for few hot keys, and one set: a floor there is anybody's. */
  function smallSource() {
    const options = { isolate: "0".repeat(16), pop: "P", seed: 1, rules: [rule], hashers: [hasher] };
    const source = new Source({ ...options, table: { sets: 1 }, hotKeysMax: 4 });
    const slotOf = (client: string): number => {
      const { hi, lo } = tagOf(hasher.hash(client));
      return source.lookup(0, hi, lo, T0);
    };
    return {
      slotOf,
      spend: (client: string): void => source.take(source.hold(slotOf(client), 1, true)),
      hearClaim: (client: string): void => {
        const claim = { claimedUntil: epochMs(T0 + MINUTE), epoch: 1, version: 1 };
        source.hear({ ...claim, key: hasher.hash(client), ruleVersion: rule.version }, T0, 0);
      },
      hotOf: (client: string): HotKey | undefined => source.hotAt(slotOf(client)),
      creditOf: (client: string): number => source.table.get(slotOf(client), CREDIT),
      replaced: (): number => source.table.replacements,
    };
  }

  it("forgets what it only heard, not what a client spent here; and nobody's silent credit is the less", () => {
    const { spend, hearClaim, hotOf, creditOf, replaced } = smallSource();
    spend("here");
    hearClaim("here");
    const hot = hotOf("here");
    expect(hot).toBeDefined();
    for (let n = 0; n < 200; n += 1) hearClaim(`elsewhere ${n}`);
    expect(hotOf("here")).toBe(hot);
    expect(hotOf("elsewhere 199")).toBeDefined();
    // Claimed: what it spent is all that it had. New: all of threshold − 1.
    expect([creditOf("here"), creditOf("new"), replaced()]).toEqual([1, 3, 0]);
  });

  it("forgets what a client spent only if there is nothing else, and leaves a floor", () => {
    const { spend, hearClaim, hotOf, creditOf, replaced } = smallSource();
    const clients = ["a", "b", "c", "d"];
    for (const client of clients) {
      spend(client);
      hearClaim(client);
    }
    expect([creditOf("new"), replaced()]).toEqual([3, 0]);
    hearClaim("elsewhere");
    expect([hotOf("elsewhere") !== undefined, replaced()]).toEqual([true, 1]);
    expect(clients.filter((client) => hotOf(client) !== undefined)).toHaveLength(3);
    // What was forgotten may have been claimed up to the limit: whoever comes now has to ask.
    expect(creditOf("newer")).toBe(0);
  });
});
