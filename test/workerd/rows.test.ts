/** Rows that another release wrote, or nobody: an owner goes on, counts again what sources report, and forgets in the end. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Packr } from "msgpackr/index-no-eval";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ROW_KEEP_MAX } from "../../shared/limits.ts";
import { encodeAsks } from "../../shared/protocol/codec.ts";
import { SCHEMA } from "../../shared/protocol/schema.ts";
import { askOf, policy, send, windowNow } from "./asks.ts";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

const { key } = askOf({});
const ROW = `account:${policy.version}.${key}`;
const packr = new Packr({ useRecords: false });
const log = vi.spyOn(console, "error").mockImplementation(() => {});
beforeEach(() => {
  log.mockClear();
});
afterEach(() => {
  vi.useRealTimers();
});

let names = 0;
const newOwner = () => {
  names += 1;
  return env.KEY_OWNER.getByName(`rows-${names}`);
};
type Owner = ReturnType<typeof newOwner>;

/** An owner that was evicted and finds these rows when it comes back, with an alarm set. */
async function ownerWith(rows: Readonly<Record<string, unknown>>): Promise<Owner> {
  const owner = newOwner();
  await runInDurableObject(owner, async (_instance, { storage }) => {
    for (const [name, row] of Object.entries(rows)) storage.kv.put(name, row);
    await storage.setAlarm(Date.now() + 86_400_000);
  });
  await evictDurableObject(owner);
  return owner;
}

const storedRows = (owner: Owner): Promise<unknown[]> =>
  runInDurableObject(owner, (_instance, { storage }) => Array.from(storage.kv.list(), ([, row]) => row));

/** What a row of schema 1 held: no threshold in the policy, no bucket in the meter. */
const firstRow = (part: object = {}): Uint8Array =>
  packr.pack([
    1,
    {
      key,
      policy,
      claimedBy: "CDG",
      epoch: 7,
      meter: { window: windowNow(), current: 3, previous: 1 },
      base: 0,
      sources: [["a.1", 4, windowNow(), 2, 1, Date.now()]],
      penaltyUntil: 0,
      ...part,
    },
  ]);
/** A row of a release to come, worth keeping for another minute. */
const newerRow = (): Uint8Array => packr.pack([99, { everything: "new" }, Date.now() + 60_000]);

describe("a row of schema 1", () => {
  it("is read: its count goes on under the next epoch, and the next grant writes it in this schema", async () => {
    const owner = await ownerWith({ [ROW]: firstRow() });
    expect(await owner.inspect()).toMatchObject([{ count: 3, epoch: 8, claimedBy: "CDG" }]);
    const spent = { seq: 5, epochSeen: 7, spent: 2, counted: 2, previousSpent: 1 };
    expect(await send(owner, { ...spent, want: [1, 1, 1] })).toMatchObject({
      granted: 4,
      epoch: 8,
      remaining: 0,
    });
    const [row] = await storedRows(owner);
    expect((row as Uint8Array)[1]).toBe(SCHEMA);
    expect(log).not.toHaveBeenCalled();
  });

  it("learns from the next Ask what it does not say of the rule: a busy key stays claimed", async () => {
    const owner = await ownerWith({ [ROW]: firstRow() });
    const answer = await send(owner, { source: "b.1", rule: { ...policy, threshold: 2 }, want: [1] });
    const endOfNextWindow = (windowNow() + 2) * policy.grid.lengthMs;
    expect(answer).toMatchObject({ claimedUntil: endOfNextWindow });
  });
});

describe.each<[string, () => unknown]>([
  ["of a schema to come", newerRow],
  ["of a schema to come, without a time", () => packr.pack([99, {}])],
  ["that is cut short", () => firstRow().slice(0, 40)],
  ["of another kind", () => encodeAsks([askOf({})])],
  ["of garbage", () => new Uint8Array([0xc1, 0xff])],
  ["of text", () => "row"],
  ["of a number", () => 7],
  ["of an object", () => ({ length: 2 })],
])("a row %s", (_what, row) => {
  it("leads to a fresh epoch in which sources report what they spent, with one line in the log", async () => {
    const owner = await ownerWith({ [ROW]: row() });
    expect(await owner.inspect()).toEqual([]);
    expect(await send(owner, { epochSeen: 7, spent: 2, want: [1] })).toMatchObject({ granted: 3, epoch: 8 });
    expect(await send(owner, { source: "b.1", epochSeen: 6, spent: 1, want: [1, 1] })).toMatchObject({
      granted: 2,
      remaining: 0,
    });
    expect(await owner.inspect()).toMatchObject([{ count: 5, sources: 2 }]);
    expect(log.mock.calls).toEqual([[JSON.stringify({ event: "unreadable-row", rule: policy.version })]]);
  });

  it("is replaced by the first grant: the owner that comes after forgets nothing", async () => {
    const owner = await ownerWith({ [ROW]: row() });
    await send(owner, { spent: 2, want: [1] });
    await evictDurableObject(owner);
    expect(await send(owner, { source: "b.1", epochSeen: 1, want: [1, 1, 1] })).toMatchObject({
      granted: 2,
      epoch: 2,
    });
    expect(log).toHaveBeenCalledTimes(1);
  });

  it("is gone in the end, and the storage with it", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const owner = await ownerWith({ [ROW]: row() });
    await runDurableObjectAlarm(owner);
    vi.setSystemTime(Date.now() + 60_000);
    await runDurableObjectAlarm(owner);
    expect(await storedRows(owner)).toEqual([]);
    expect(await runInDurableObject(owner, (_instance, { storage }) => storage.getAlarm())).toBeNull();
  });
});

describe("the alarm", () => {
  it("leaves a row of a schema to come for the code that can read it, until the time it names", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const owner = await ownerWith({ [ROW]: newerRow(), "account:damaged": new Uint8Array([0xc1]) });
    await runDurableObjectAlarm(owner);
    expect(await storedRows(owner)).toEqual([Uint8Array.from(newerRow())]);
    const alarm = await runInDurableObject(owner, (_instance, { storage }) => storage.getAlarm());
    expect(alarm).toBe(Date.now() + 60_000);
    expect(log).toHaveBeenCalledTimes(1);
  });

  it.each([
    ["window", { meter: { window: Number.MAX_SAFE_INTEGER, current: 3, previous: 1 } }],
    ["block", { penaltyUntil: Number.MAX_SAFE_INTEGER }],
  ])(
    "of an object whose row names a %s without end looks again, and does not fail over and over",
    async (_what, part) => {
      vi.useFakeTimers({ toFake: ["Date"] });
      const owner = await ownerWith({ [ROW]: firstRow(part) });
      await runDurableObjectAlarm(owner);
      const alarm = await runInDurableObject(owner, (_instance, { storage }) => storage.getAlarm());
      expect(alarm).toBe(Date.now() + ROW_KEEP_MAX);
    },
  );

  it("goes by the account in memory once there is one", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const owner = await ownerWith({ [ROW]: newerRow() });
    await send(owner, { want: [1] });
    vi.setSystemTime(Date.now() + 60_000);
    await runDurableObjectAlarm(owner);
    expect(await storedRows(owner)).toHaveLength(1);
  });
});

it("a row that cannot be read does not keep out a source that has heard of a higher epoch than the first to ask", async () => {
  const owner = await ownerWith({ [ROW]: newerRow() });
  await send(owner, { epochSeen: 2, spent: 1, want: [1] });
  const b = { source: "b.1", epochSeen: 9, spent: 1, want: [1] };
  await expect(send(owner, b)).rejects.toThrow("a newer object owns this key");
  expect(await send(env.KEY_OWNER.get(owner.id), b)).toMatchObject({ granted: 2, epoch: 10, remaining: 1 });
});

it("many rows that cannot be read make one line in the log, whatever meets them", async () => {
  const rows = Array.from({ length: 50 }, (_, index) => [`account:${index}.x`, newerRow()] as const);
  const owner = await ownerWith(Object.fromEntries(rows));
  await owner.inspect();
  await runDurableObjectAlarm(owner);
  await send(owner, { want: [1] });
  expect(log).toHaveBeenCalledTimes(1);
});

it("an owner rolled back to older code gets every count back from a Worker that goes on, and holds the limit", async () => {
  const asked = new Set<string>();
  const KEY_OWNER = {
    getByName(name: string) {
      asked.add(name);
      return env.KEY_OWNER.getByName(name);
    },
  };
  const worker = await freshWorker({ RULES: [ruleOf({ limit: 6, threshold: 2 })], KEY_OWNER });
  const statuses: number[] = [];
  for (let request = 1; request <= 4; request += 1) statuses.push((await worker.fetch("/")).status);
  expect(asked.size).toBe(1);
  for (const name of asked) {
    const owner = env.KEY_OWNER.getByName(name);
    await runInDurableObject(owner, (_instance, { storage }) => {
      const [stored] = Array.from(storage.kv.list({ prefix: "account:" }), ([row]) => row);
      if (stored !== undefined) storage.kv.put(stored, newerRow());
    });
    await evictDurableObject(owner);
  }
  for (let request = 5; request <= 8; request += 1) statuses.push((await worker.fetch("/")).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429]);
  expect(log).toHaveBeenCalledTimes(1);
});
