import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { decodeRow, encodeRow } from "../../shared/owner/row.ts";
import { decodeReply, encode, encodeAsks } from "../../shared/protocol/codec.ts";
import { SCHEMA, SCHEMA_MIN } from "../../shared/protocol/schema.ts";
import { askOf, send } from "./asks.ts";

let names = 0;
const newOwner = () => {
  names += 1;
  return env.KEY_OWNER.getByName(`owner-${names}`);
};

describe("KeyOwner", () => {
  it("grants up to the limit over all sources, then says until when it is full", async () => {
    const owner = newOwner();
    expect(await send(owner, { source: "a.1", spent: 3, want: [1] })).toMatchObject({
      granted: 4,
      remaining: 1,
    });
    expect(await send(owner, { source: "b.1", want: [1, 1] })).toMatchObject({
      kind: "granted",
      granted: 1,
      remaining: 0,
      fullUntil: expect.any(Number),
    });
  });

  it("answers a repeated Ask with the same grant and counts it once", async () => {
    const owner = newOwner();
    const first = await send(owner, { want: [1, 1] });
    expect(await send(owner, { want: [1, 1] })).toEqual(first);
    expect((await owner.inspect())[0]?.count).toBe(2);
  });

  it("forgets no grant when it is evicted: storage wins over memory, and the epoch rises", async () => {
    const owner = newOwner();
    const before = await send(owner, { want: [1, 1, 1] });
    // Whatever memory holds beyond the row must not survive.
    await evictDurableObject(owner);
    const after = await send(owner, { source: "b.1", epochSeen: 1, want: [1, 1, 1] });
    expect(before).toMatchObject({ epoch: 1, granted: 3 });
    expect(after).toMatchObject({ epoch: 2, granted: 2, remaining: 0 });
  });

  it("writes the row before a grant leaves, and nothing for a denial", async () => {
    const owner = newOwner();
    const puts = await runInDurableObject(owner, async (instance, state) => {
      const put = vi.spyOn(state.storage.kv, "put");
      const order: string[] = [];
      put.mockImplementation(() => void order.push("put"));
      await instance.ask(encodeAsks([askOf({ want: [1, 1, 1, 1, 1] })]));
      order.push("granted");
      await instance.ask(encodeAsks([askOf({ seq: 2, spent: 5, counted: 5, want: [1] })]));
      order.push("denied");
      put.mockRestore();
      return order;
    });
    expect(puts).toEqual(["put", "granted", "denied"]);
  });

  it("lets no answer leave when the row cannot be written", async () => {
    const owner = newOwner();
    await runInDurableObject(owner, async (instance, state) => {
      vi.spyOn(state.storage.kv, "put").mockImplementationOnce(() => {
        throw new Error("disk full");
      });
      await expect(instance.ask(encodeAsks([askOf({ want: [1] })]))).rejects.toThrow("disk full");
    });
  });

  it("ends itself when an Ask has heard of a newer epoch than its own", async () => {
    const owner = newOwner();
    await send(owner, { want: [1] });
    await expect(send(owner, { seq: 2, epochSeen: 9, want: [1] })).rejects.toThrow(
      "a newer object owns this key",
    );
  });

  it("starts above every epoch that the asking source has heard of", async () => {
    expect(await send(newOwner(), { epochSeen: 9, want: [1] })).toMatchObject({ epoch: 10, granted: 1 });
  });

  it("answers a frame of an unknown schema with the schema it speaks", async () => {
    const owner = newOwner();
    const newer = encode([askOf({})]).slice();
    newer[1] = SCHEMA + 1;
    expect(decodeReply(await owner.ask(newer))).toEqual({
      ok: true,
      schema: SCHEMA_MIN,
      value: { error: "unknown-schema", speaks: SCHEMA },
    });
  });

  it.each([
    ["garbage", new Uint8Array([0xc1, 0xff, 0x00])],
    ["nothing", new Uint8Array()],
    ["a negative count", encode([{ ...askOf({}), spent: -1 }])],
    ["a truncated frame", encodeAsks([askOf({})]).slice(0, 20)],
  ])("answers %s with `malformed` and counts nothing", async (_what, frame) => {
    const owner = newOwner();
    expect(decodeReply(await owner.ask(frame))).toMatchObject({ value: { error: "malformed" } });
    expect(await owner.inspect()).toEqual([]);
  });

  it("deletes everything one idle window after the end, and not before", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const second = { ...askOf({}).rule, grid: { ...askOf({}).rule.grid, lengthMs: 60_000 as never } };
      const owner = newOwner();
      const window = Math.floor(Date.now() / 60_000);
      await send(owner, { rule: second, window, want: [1] });
      vi.setSystemTime((window + 2) * 60_000);
      await runDurableObjectAlarm(owner);
      expect(await rows(owner)).toBe(1);
      vi.setSystemTime((window + 2) * 60_000 + 5_000);
      await runDurableObjectAlarm(owner);
      expect(await rows(owner)).toBe(0);
      const alarm = await runInDurableObject(owner, (_instance, state) => state.storage.getAlarm());
      expect(alarm).toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });

  it("reports an unreadable row once and starts a fresh epoch", async () => {
    const owner = newOwner();
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const { version } = askOf({}).rule;
    await runInDurableObject(owner, (_instance, state) => {
      state.storage.kv.put(`account:${version}.${askOf({}).key}`, new Uint8Array([1, 2, 3]));
    });
    expect(await send(owner, { want: [1] })).toMatchObject({ granted: 1, epoch: 1 });
    expect(await send(owner, { seq: 2, spent: 1, want: [1] })).toMatchObject({ granted: 2, epoch: 1 });
    expect(log).toHaveBeenCalledTimes(1);
    log.mockRestore();
  });
});

describe("the row", () => {
  it("brings back what was written, one epoch higher", async () => {
    const owner = newOwner();
    await send(owner, { spent: 2, previousSpent: 1, want: [1] });
    await runInDurableObject(owner, (_instance, state) => {
      const [, bytes] = [...state.storage.kv.list<Uint8Array>({ prefix: "account:" })][0] ?? [];
      const account = decodeRow(bytes ?? new Uint8Array());
      expect(account).toMatchObject({ epoch: 2, claimedBy: "LHR", meter: { current: 3, previous: 1 } });
      if (account !== undefined) expect(decodeRow(encodeRow(account))).toMatchObject({ epoch: 3 });
    });
  });
});

const rows = (owner: DurableObjectStub<import("../../coordinator/key-owner.ts").KeyOwner>): Promise<number> =>
  runInDurableObject(owner, (_instance, state) => [...state.storage.kv.list()].length);
