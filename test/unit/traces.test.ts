/** The traces behind the protocol's rules: each test goes over a limit, or keeps a client out, when its rule is taken out. */
import { describe, expect, it } from "vitest";
import { emptyMeter, nextRoomAt, room } from "../../shared/owner/meter/meter.ts";
import { CREDIT, OWN, PREVIOUS } from "../../shared/pop/credit-table.ts";
import { durationMs, epochMs, windowAt, windowEnd } from "../../shared/time.ts";
import { MINUTE, type Request, ruleWith, T0, World } from "./world.ts";

const admitted = (requests: readonly Request[]): number =>
  requests.reduce((sum, { decision, cost }) => sum + (decision?.admitted === true ? cost : 0), 0);
const exact = (limit: number) => ruleWith({ limit, threshold: 1 });
const slotOf = (world: World, at: number): number => [...world.node(at).source.table.slots()][0] ?? -1;

describe("the traces behind the rules", () => {
  it("write-ahead: an owner that dies after every answer grants 2 of 2, and not a third", () => {
    const world = new World({ sources: 3, rules: [exact(2)], announces: false });
    const requests = [0, 1, 2].map((at) => {
      const request = world.request(at);
      world.settle();
      world.kill(world.owner());
      return request;
    });
    expect(requests.map((request) => request.decision?.admitted)).toEqual([true, true, false]);
  });

  it("write-ahead: an owner that dies after a source's second grant remembers that one too", () => {
    const world = new World({ sources: 2, rules: [exact(2)], announces: false });
    const requests = [0, 0].map((at) => {
      const request = world.request(at);
      world.settle();
      return request;
    });
    world.kill(world.owner());
    requests.push(world.request(1));
    world.settle();
    expect(requests.map((request) => request.decision?.admitted)).toEqual([true, true, false]);
  });

  it("write-ahead: a denial writes nothing", () => {
    const world = new World({ sources: 2, rules: [exact(1)], announces: false });
    world.request(0);
    world.settle();
    world.request(1);
    world.settle();
    const { row } = world.owner();
    world.tick(10_000);
    world.request(1);
    world.settle();
    expect(world.lastStep).toMatchObject({
      kind: "answer",
      store: false,
      answer: { fullUntil: T0 + MINUTE },
    });
    expect(world.owner().row).toBe(row);
  });

  it("retry: the same bytes get the same answer and change no count", () => {
    const world = new World({ sources: 1, rules: [exact(3)] });
    world.request(0);
    const sent = world.take("ask");
    world.deliver(sent);
    const first = world.take("answer");
    world.deliver(sent);
    expect(world.take("answer")).toEqual(first);
    expect(world.account().meter.current).toBe(1);
  });

  it("life: an evicted entry that comes back is a new source, not handed its old grant: 2 of 2", () => {
    const world = new World({ sources: 2, rules: [exact(2)], sets: 1, announces: false });
    const requests = [world.request(0), world.request(1)];
    world.settle();
    for (let other = 0; other < 8; other += 1) world.request(0, { client: `other ${other}` });
    world.network = [];
    world.tick(200);
    requests.push(world.request(0));
    world.settle();
    expect(admitted(requests)).toBe(2);
    expect(requests[2]?.decision?.how).toBe("owner");
  });

  it("costs are a list: a cost of 3 that does not fit leaves its room to a cost of 1", () => {
    const world = new World({ sources: 1, rules: [exact(4)] });
    const requests = [2, 3, 1].map((cost) => world.request(0, { cost }));
    world.settle();
    expect(requests.map((request) => request.decision?.admitted)).toEqual([true, false, true]);
    expect(world.account().meter.current).toBe(3);
  });

  it("an answer names its window: one of window 0 gives no credit in window 1", () => {
    const world = new World({ sources: 2, rules: [exact(2)], announces: false });
    world.tick(MINUTE - 1);
    const late = world.request(0);
    world.deliver(world.take("ask"));
    world.tick(1);
    const next = world.request(0);
    world.deliver(world.take("answer"));
    const { table } = world.node(0).source;
    const slot = slotOf(world, 0);
    expect(late.decision).toMatchObject({ admitted: true, how: "owner" });
    expect([table.get(slot, PREVIOUS), table.get(slot, OWN), table.get(slot, CREDIT)]).toEqual([1, 0, 0]);
    const others = [world.request(1), world.request(1)];
    world.settle();
    expect(admitted([next, ...others])).toBe(2);
  });

  it("version join: an answer sent before a block but heard after it does not lift the block", () => {
    const world = new World({ sources: 1, rules: [exact(5)] });
    world.request(0);
    world.settle();
    world.request(0);
    world.deliver(world.take("ask"));
    const account = world.account();
    account.version += 1;
    account.penaltyUntil = epochMs(T0 + 30_000);
    const { key, epoch, version, penaltyUntil } = account;
    const ruleVersion = account.policy.version;
    world.node(0).source.hear({ key, ruleVersion, epoch, version, penaltyUntil }, world.now, 0);
    world.settle();
    expect(world.request(0).decision).toMatchObject({
      admitted: false,
      how: "blocked",
      retryAt: penaltyUntil,
    });
  });

  it("BLOCK_TRUST: when the news that room came back is lost, a client is kept out for 10 s and not longer", () => {
    const world = new World({ sources: 2, rules: [exact(1)], announces: false });
    const handsBack = world.request(1);
    world.deliver(world.take("ask"));
    world.tick(200);
    expect(handsBack.decision).toMatchObject({ admitted: false, unavailable: true });
    world.network = world.network.filter((message) => message.kind === "answer");
    const answer = world.take("answer");
    world.request(0);
    world.settle();
    expect(world.request(0).decision?.how).toBe("blocked");
    world.deliver(answer);
    world.settle();
    expect(world.account().meter.current).toBe(0);
    world.tick(5_000);
    expect(world.request(0).decision).toMatchObject({ how: "blocked", retryAt: T0 + MINUTE });
    expect(world.network).toEqual([]);
    world.tick(5_000);
    const again = world.request(0);
    world.settle();
    expect(again.decision).toMatchObject({ admitted: true, how: "owner" });
  });

  it("hand-back: two rules of limit 1, two POPs each holding one: both let go, and the next request gets in", () => {
    const rules = ["0", "1"].map((digit) =>
      ruleWith({ name: `rule${digit}`, version: digit.repeat(16), limit: 1, threshold: 1 }),
    );
    const world = new World({ sources: 2, rules });
    const crossed = [world.request(0, { rules: [0, 1] }), world.request(1, { rules: [1, 0] })];
    world.settle();
    expect(admitted(crossed)).toBe(0);
    expect(rules.map((rule) => world.account(world.owner(rule)).meter.current)).toEqual([0, 0]);
    const next = world.request(0);
    world.settle();
    expect(next.decision).toMatchObject({ admitted: true, how: "owner" });
  });

  it("deadline: a request 31 ms behind another's Ask is answered on a link of 150 ms, though 231 ms have passed", () => {
    const world = new World({ sources: 1, rules: [exact(5)] });
    world.request(0);
    world.deliver(world.take("ask"));
    world.tick(31);
    const behind = world.request(0);
    world.tick(119);
    world.deliver(world.take("answer"));
    world.deliver(world.take("ask"));
    world.tick(150);
    expect(behind.decision).toBeUndefined();
    world.deliver(world.take("answer"));
    expect(behind.decision).toMatchObject({ admitted: true, how: "owner" });
  });

  it("integer meters: at nextRoomAt a unit is granted, 1 ms before it is not, for every small count", () => {
    const wrong: string[] = [];
    for (const length of [1_000, 1_001, 60_000]) {
      const grid = { lengthMs: durationMs(length), offsetMs: durationMs(0) };
      const window = windowAt(grid, T0);
      for (let limit = 1; limit <= 60; limit += 1) {
        const policy = { version: "", name: "", algorithm: "sliding-window" as const, limit, grid };
        for (let previous = 0; previous <= 2 * limit; previous += 1) {
          const state = { ...emptyMeter(window), current: 0, previous };
          const at = nextRoomAt(policy, state, T0);
          const before = epochMs(at - 1);
          if (at >= windowEnd(grid, window)) continue;
          if (room(policy, state, at) < 1) wrong.push(`${limit} ${previous} ${length}: full at ${at}`);
          if (at > T0 && room(policy, state, before) >= 1)
            wrong.push(`${limit} ${previous} ${length}: early`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});
