/** A block that outlasts its window, to the millisecond: the clock is the test's, objects die when it says so. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ClientAddress } from "../../shared/address.ts";
import { KeyHasher } from "../../shared/key.ts";
import { ownerName } from "../../shared/owner-name.ts";
import { parseRules } from "../../shared/rule.ts";
import { secretWords } from "../../worker/secret.ts";
import { type FreshWorker, freshWorker } from "./fresh-worker.ts";

const BLOCK_MS = 30_000;
const IP = "203.0.113.9";
const RULE = {
  name: "penalty",
  limit: 5,
  window: "2s",
  threshold: 3,
  algorithm: "fixed-window",
  align: "clock",
  block_for: "30s",
};

/** Four isolates of one deployment, and the owner of the test's client. */
async function deployment() {
  const KEY_SECRET = crypto.randomUUID();
  const isolates = await Promise.all(
    [1, 2, 3, 4].map(() => freshWorker({ RULES: [RULE], KEY_SECRET, KEY_DISPLAY: "plain" })),
  );
  const parsed = parseRules([RULE]);
  const rule = parsed.ok ? parsed.rules[0] : undefined;
  if (rule === undefined) throw new Error("the rule is bad");
  const hasher = new KeyHasher(await secretWords("keys", KEY_SECRET), rule.version);
  const owner = env.KEY_OWNER.getByName(ownerName(rule, hasher.hash(new ClientAddress().read(IP))));
  return { isolates, owner };
}

const statusesOf = (isolates: readonly FreshWorker[]): Promise<number[]> =>
  Promise.all(isolates.map(async (isolate) => (await isolate.fetch("/", { ip: IP })).status));

/** Each isolate fires until it is denied. */
async function exhaust(isolates: readonly FreshWorker[]): Promise<void> {
  for (const isolate of isolates) while ((await isolate.fetch("/", { ip: IP })).status !== 429);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  // In the first half of a window: all that happens before the block is over in it.
  vi.setSystemTime(Math.ceil(Date.now() / 2_000) * 2_000 + 300);
});
afterEach(() => {
  vi.useRealTimers();
});

describe("block_for = 30s on a window of 2 s", () => {
  it("bars the client at four POPs for 30 s to the millisecond, through two owner deaths and a hub restart", async () => {
    const { isolates, owner } = await deployment();
    const startedAt = Date.now();
    await exhaust(isolates);
    const end = startedAt + BLOCK_MS;
    expect(Date.now()).toBe(startedAt);
    const asked = () => isolates.reduce((sum, isolate) => sum + isolate.ownerCalls(), 0);
    const askedBefore = asked();
    for (let second = 1; second < 30; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      if (second === 7 || second === 19) await evictDurableObject(owner);
      if (second === 13) await evictDurableObject(env.REGION_HUB.getByName("enam"), { webSockets: "close" });
      if (second % 5 === 0) await runDurableObjectAlarm(owner);
      expect([second, await statusesOf(isolates)]).toEqual([second, [429, 429, 429, 429]]);
      expect([second, (await owner.inspect())[0]?.blockedUntil]).toEqual([second, end]);
    }
    // A block is confirmed now and then, by a report; denials themselves cost the owner nothing.
    expect(asked() - askedBefore).toBeLessThan(4 * 30);
    vi.setSystemTime(end - 1);
    expect(await statusesOf(isolates)).toEqual([429, 429, 429, 429]);
    vi.setSystemTime(end);
    expect(await statusesOf(isolates)).toEqual([200, 200, 200, 200]);
    await vi.advanceTimersByTimeAsync(25_000);
    for (const isolate of isolates) await isolate.settle();
  });

  it("starts anew at the next denial after it has ended, and not before", async () => {
    const { isolates, owner } = await deployment();
    const [isolate] = isolates;
    if (isolate === undefined) throw new Error("no isolate");
    const first = Date.now() + BLOCK_MS;
    await exhaust([isolate]);
    expect((await owner.inspect())[0]?.blockedUntil).toBe(first);
    vi.setSystemTime(first);
    await exhaust([isolate]);
    expect((await owner.inspect())[0]?.blockedUntil).toBe(first + BLOCK_MS);
    await vi.advanceTimersByTimeAsync(25_000);
    await isolate.settle();
  });

  it("keeps the row until the block has ended, then deletes everything", async () => {
    const { isolates, owner } = await deployment();
    const end = Date.now() + BLOCK_MS;
    await exhaust(isolates.slice(0, 1));
    const rows = () => runInDurableObject(owner, (_owner, state) => [...state.storage.kv.list()].length);
    for (const at of [end - 20_000, end - 1, end]) {
      vi.setSystemTime(at);
      await runDurableObjectAlarm(owner);
      expect([at - end, await rows()]).toEqual([at - end, 1]);
    }
    // Two windows and the clocks' differences later nobody remembers the block.
    vi.setSystemTime(end + 2 * 2_000 + 2_000);
    await runDurableObjectAlarm(owner);
    expect(await rows()).toBe(0);
    expect(await runInDurableObject(owner, (_owner, state) => state.storage.getAlarm())).toBeNull();
    await vi.advanceTimersByTimeAsync(25_000);
    for (const isolate of isolates) await isolate.settle();
  });
});
