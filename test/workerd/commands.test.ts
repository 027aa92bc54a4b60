/** Commands over the real object: what was acknowledged outlives it, and nothing is left in the end. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { KeyOwner } from "../../coordinator/key-owner.ts";
import { encode } from "../../shared/protocol/codec.ts";
import {
  type CommandAction,
  type CommandReply,
  type CommandResult,
  decodeCommandReply,
  encodeCommand,
} from "../../shared/protocol/commands.ts";
import { SCHEMA, SCHEMA_MIN } from "../../shared/protocol/schema.ts";
import { REGIONS } from "../../shared/region.ts";
import { epochMs } from "../../shared/time.ts";
import { askOf, policy, send } from "./asks.ts";

let names = 0;
const newOwner = () => {
  names += 1;
  return env.KEY_OWNER.getByName(`commanded-${names}`);
};
type Owner = ReturnType<typeof newOwner>;

const { key } = askOf({});
const MINUTE_MS = 60_000;
const soon = () => epochMs(Date.now() + MINUTE_MS);
const frameOf = (action: CommandAction) => encodeCommand({ rule: policy, key, action });

async function order(owner: Owner, action: CommandAction): Promise<CommandReply> {
  const reply = decodeCommandReply(await owner.command(frameOf(action)));
  if (!reply.ok) throw new Error(`no reply: ${JSON.stringify(reply)}`);
  return reply.value;
}
/** Gives a command that is carried out. */
async function done(owner: Owner, action: CommandAction): Promise<CommandResult> {
  const reply = await order(owner, action);
  if (!("result" in reply)) throw new Error(reply.error);
  return reply.result;
}
const rows = (owner: Owner): Promise<number> =>
  runInDurableObject(owner, (_instance, state) => [...state.storage.kv.list()].length);

/** What may happen to an object between two calls. */
const endings: readonly [string, (owner: Owner) => Promise<Owner>][] = [
  [
    "evicted",
    async (owner) => {
      await evictDurableObject(owner);
      return owner;
    },
  ],
  [
    "aborted",
    async (owner) => {
      const { id } = owner;
      // An Ask that has heard of a newer epoch ends it in the middle of its work.
      await expect(send(owner, { source: "z.1", epochSeen: 99 })).rejects.toThrow("newer");
      return env.KEY_OWNER.get(id);
    },
  ],
];

afterEach(() => vi.useRealTimers());

describe.each(endings)("an object that is %s after a command was acknowledged", (_how, end) => {
  it("reset: counts from zero, and charges nothing again", async () => {
    const owner = newOwner();
    await send(owner, { spent: 3, want: [1, 1, 1] });
    expect(await done(owner, { kind: "reset" })).toMatchObject({
      count: 0,
      limit: 5,
      blockedUntil: null,
      claimed: true,
      sources: 1,
    });
    const back = await end(owner);
    const answer = await send(back, { seq: 2, epochSeen: 1, spent: 5, want: [1, 1, 1, 1, 1] });
    expect(answer).toMatchObject({ epoch: 2, granted: 10, remaining: 0 });
  });

  it("block: grants nothing until then, though nobody had asked for the key", async () => {
    const owner = newOwner();
    const until = soon();
    expect(await done(owner, { kind: "block", until })).toMatchObject({ epoch: 1, blockedUntil: until });
    const back = await end(owner);
    expect(await send(back, { source: "b.1", want: [1] })).toMatchObject({
      epoch: 2,
      granted: 0,
      penaltyUntil: until,
    });
  });

  it("unblock: grants again", async () => {
    const owner = newOwner();
    await done(owner, { kind: "block", until: soon() });
    expect(await done(owner, { kind: "unblock" })).toMatchObject({ blockedUntil: null });
    const back = await end(owner);
    const answer = await send(back, { source: "b.1", want: [1] });
    expect(answer).toMatchObject({ epoch: 2, granted: 1 });
    expect(answer).not.toHaveProperty("penaltyUntil");
  });

  it("override: counts to the other limit, and says so", async () => {
    const owner = newOwner();
    const until = soon();
    await done(owner, { kind: "override", limit: 2, until });
    const back = await end(owner);
    expect(await send(back, { want: [1, 1, 1] })).toMatchObject({
      granted: 2,
      limit: 2,
      claimedUntil: expect.any(Number),
    });
    expect(await done(back, { kind: "peek" })).toMatchObject({ limit: 2, override: { limit: 2, until } });
  });
});

describe("a command", () => {
  it("is in the row before it is acknowledged", async () => {
    const owner = newOwner();
    const order = await runInDurableObject(owner, async (instance: KeyOwner, state) => {
      const seen: string[] = [];
      const put = vi.spyOn(state.storage.kv, "put").mockImplementation(() => void seen.push("put"));
      await instance.command(frameOf({ kind: "block", until: soon() }));
      seen.push("acknowledged");
      put.mockRestore();
      return seen;
    });
    expect(order).toEqual(["put", "acknowledged"]);
  });

  it("is not acknowledged when the row cannot be written", async () => {
    await runInDurableObject(newOwner(), async (instance: KeyOwner, state) => {
      vi.spyOn(state.storage.kv, "put").mockImplementationOnce(() => {
        throw new Error("disk full");
      });
      await expect(instance.command(frameOf({ kind: "reset" }))).rejects.toThrow("disk full");
    });
  });

  it("is announced to every region's hub, which shows what it bars", async () => {
    const until = soon();
    const version = "00000000000000ad";
    await newOwner().command(
      encodeCommand({ rule: { ...policy, version }, key, action: { kind: "block", until } }),
    );
    for (const region of REGIONS) {
      const hub = env.REGION_HUB.getByName(region);
      await vi.waitUntil(async () => (await hub.claims([version], 1)).length > 0);
      expect(await hub.claims([version], 9)).toEqual([
        { key, ruleVersion: version, epoch: 1, version: 1, penaltyUntil: until },
      ]);
    }
  });

  it("peek leaves no row, and shows a key that nobody asked for as one without an epoch", async () => {
    const owner = newOwner();
    expect(await done(owner, { kind: "peek" })).toMatchObject({ epoch: 0, count: 0, limit: 5, sources: 0 });
    expect(await rows(owner)).toBe(0);
    await runInDurableObject(owner, async (_instance, state) =>
      expect(await state.storage.getAlarm()).toBeNull(),
    );
  });

  it("that is refused says why", async () => {
    expect(await order(newOwner(), { kind: "block", until: epochMs(1) })).toEqual({ error: "until-passed" });
  });

  it("of another schema, or that is none, is answered in the one that everybody reads", async () => {
    const owner = newOwner();
    const newer = frameOf({ kind: "peek" }).slice();
    newer[1] = SCHEMA + 1;
    for (const [frame, error] of [
      [newer, "unknown-schema"],
      [encode({ action: "shout" }), "malformed"],
    ] as const) {
      expect(decodeCommandReply(await owner.command(frame))).toEqual({
        ok: true,
        schema: SCHEMA_MIN,
        value: { error, speaks: SCHEMA },
      });
    }
    expect(await rows(owner)).toBe(0);
  });

  it("leaves nothing: when a block or an override has ended, the storage is empty again", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const rule = { ...policy, grid: { ...policy.grid, lengthMs: MINUTE_MS as never } };
    const start = 28_333_334 * MINUTE_MS;
    for (const action of [
      { kind: "block", until: epochMs(start + 90_000) },
      { kind: "override", limit: 9, until: epochMs(start + 90_000) },
    ] as const) {
      const owner = newOwner();
      vi.setSystemTime(start);
      await owner.command(encodeCommand({ rule, key, action }));
      // The window in which it ends is the next one; one idle window follows.
      vi.setSystemTime(start + 3 * MINUTE_MS);
      await runDurableObjectAlarm(owner);
      expect(await rows(owner)).toBe(1);
      vi.setSystemTime(start + 3 * MINUTE_MS + 12_000);
      await runDurableObjectAlarm(owner);
      await runInDurableObject(owner, async (_instance, state) => {
        expect([...state.storage.kv.list()]).toEqual([]);
        expect(await state.storage.getAlarm()).toBeNull();
      });
    }
  });
});
