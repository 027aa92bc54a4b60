/** How many requests may wait in one isolate, over all keys: what is left for whom, and that places come back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CLAIMS_BURST, WAIT_MAX, WAITERS_MAX, WAITERS_MAX_ALL } from "../../shared/limits.ts";
import { Outbox, type Waiter } from "../../shared/pop/outbox.ts";
import { WaitingRoom } from "../../shared/pop/waiting-room.ts";
import { DEADLINE_MAX } from "../../shared/rule-schema.ts";
import { type EpochMs, epochMs } from "../../shared/time.ts";
import { ruleWith, T0, World } from "./world.ts";

const at = (ms: number): EpochMs => epochMs(T0 + ms);
const waiterAt = (queuedAt: EpochMs): Waiter => new Outbox().enqueue(1, queuedAt) as Waiter;
/** Lets as many requests of one key in as may come at once. */
function fill(room: WaitingRoom, now: EpochMs): Waiter[] {
  const waiters: Waiter[] = [];
  while (room.hasRoom(waiters.length, now)) {
    const waiter = waiterAt(now);
    room.enter(waiter, now);
    waiters.push(waiter);
  }
  return waiters;
}

describe("the waiting room", () => {
  it("gives each key that comes half of the places that those before it left", () => {
    const room = new WaitingRoom();
    expect([0, 1, 2].map(() => fill(room, T0).length)).toEqual([4_096, 2_048, 1_024]);
  });

  it("has a place for a key of which nobody waits, until every place is taken", () => {
    const room = new WaitingRoom();
    for (let key = 0; key < WAITERS_MAX_ALL; key += 1) {
      expect(room.hasRoom(0, T0)).toBe(true);
      room.enter(waiterAt(T0), T0);
    }
    expect(room.hasRoom(0, T0)).toBe(false);
  });

  it("has the places back of all who wait no longer, however they were decided", () => {
    const room = new WaitingRoom();
    const waiters = fill(room, T0);
    for (const state of ["granted", "denied", "failed", "gone"] as const) {
      const leaving = waiters.splice(0, 1_000);
      for (const waiter of leaving) waiter.state = state;
    }
    // What is left is 96 of them, one of which an Ask carries by now.
    for (const waiter of waiters.slice(0, 1)) waiter.state = "carried";
    expect(fill(room, at(1)).length).toBe((WAITERS_MAX_ALL - 96) / 2);
  });

  it("takes back the place of a request that waits for longer than any request can", () => {
    expect(WAIT_MAX).toBe(2 * DEADLINE_MAX);
    const room = new WaitingRoom();
    for (let key = 0; key < WAITERS_MAX_ALL; key += 1) room.enter(waiterAt(T0), T0);
    expect(room.hasRoom(0, at(WAIT_MAX - 1))).toBe(false);
    expect(room.hasRoom(0, at(WAIT_MAX))).toBe(true);
  });

  it("counts a full room once a millisecond, not for every request", () => {
    const room = new WaitingRoom();
    const waiters = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13].flatMap(() => fill(room, T0));
    expect(waiters.length).toBe(WAITERS_MAX_ALL);
    expect(room.hasRoom(0, at(1))).toBe(false);
    for (const waiter of waiters) waiter.state = "granted";
    expect(room.hasRoom(0, at(1))).toBe(false);
    expect(room.hasRoom(0, at(2))).toBe(true);
  });

  it("never lets more wait than there are places, whoever comes and goes", () => {
    const move = fc.record({ key: fc.nat(5), enters: fc.nat(3_000), leave: fc.nat(3_000) });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 20 }), (moves) => {
        const room = new WaitingRoom();
        const waiting: Waiter[][] = [[], [], [], [], [], []];
        for (const [ms, { key, enters, leave }] of moves.entries()) {
          const own = waiting[key] as Waiter[];
          for (const waiter of own.splice(0, leave)) waiter.state = "gone";
          for (let n = 0; n < enters && room.hasRoom(own.length, at(ms)); n += 1) {
            const waiter = waiterAt(at(ms));
            room.enter(waiter, at(ms));
            own.push(waiter);
          }
          expect(waiting.flat().length).toBeLessThanOrEqual(WAITERS_MAX_ALL);
        }
      }),
    );
  });
});

describe("requests that wait in one isolate", () => {
  const rule = ruleWith({ threshold: 1, limit: 1_000_000, owners: 1, onFailure: "closed" });
  /** Requests of a client, until one does not wait. */
  const press = (world: World, client: string): void => {
    while (world.request(0, { client }).decision === undefined);
  };

  it("are capped over all keys; beyond it on_failure decides at once, and of a new client one still waits", () => {
    const world = new World({ sources: 1, rules: [rule], sets: 64 });
    for (let client = 0; client < 4; client += 1) press(world, `c${client}`);
    const left = (WAITERS_MAX_ALL - WAITERS_MAX) / 2 ** 3;
    expect(world.node(0).waiting.size).toBe(WAITERS_MAX_ALL - left);
    expect(world.request(0, { client: "c0" }).decision).toMatchObject({ how: "degraded", unavailable: true });
    expect(world.request(0, { client: "new" }).decision).toBeUndefined();
  });

  it("make room for others once they are decided", () => {
    const world = new World({ sources: 1, rules: [rule], sets: 64 });
    for (let client = 0; client < 40; client += 1) press(world, `c${client}`);
    expect(world.node(0).waiting.size).toBe(WAITERS_MAX_ALL);
    expect(world.request(0, { client: "new" }).decision).toMatchObject({ how: "degraded" });
    world.settle();
    world.tick(1);
    expect(world.request(0, { client: "new" }).decision).toBeUndefined();
  });

  it("leave the isolate's claims to others while there is no room", () => {
    const world = new World({ sources: 1, rules: [{ ...rule, owners: 0 }], sets: 64 });
    for (let client = 0; client < 40; client += 1) press(world, `c${client}`);
    for (let client = 0; client < CLAIMS_BURST; client += 1) world.request(0, { client: `d${client}` });
    world.settle();
    world.tick(1);
    const others = Array.from({ length: 100 }, (_, client) => world.request(0, { client: `e${client}` }));
    expect(others.filter(({ decision }) => decision === undefined).length).toBe(others.length);
  });
});
