/** What isolates counted, as their hub keeps it over restarts and shows it to who looks. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { decodeFeed, encodeNews } from "../../shared/protocol/codec.ts";
import { SCHEMA } from "../../shared/protocol/schema.ts";
import { encodeSightings } from "../../shared/spread/sightings.ts";
import type { LiveMessage } from "../../shared/telemetry/live.ts";
import { decodeReceipt, encodeReport, type Report } from "../../shared/telemetry/report.ts";
import { durationMs, epochMs } from "../../shared/time.ts";

const RULE = "00112233445566aa";
const HASH = "00112233445566778899aabbccddeeff";

const reportOf = (seq: number, unlimited: number, more: Partial<Report> = {}): Uint8Array =>
  encodeReport({
    source: "isolate.1",
    seq,
    pop: "LHR",
    rules: [
      {
        version: RULE,
        name: "login",
        mode: "enforce",
        counts: [0, 1, 2, 3, 4, 5, 6, 7],
        degraded: [1, 0, 0, 0, 0],
        further: [3, 1],
      },
    ],
    unlimited,
    faults: 0,
    heard: 0,
    busy: 0,
    asks: Array<number>(10).fill(0),
    askMs: 0,
    watchAgeMs: null,
    entries: 1,
    capacity: 8,
    replacements: 0,
    keys: [],
    ...more,
  });

const key: Report["keys"][number] = {
  rule: RULE,
  tag: HASH.slice(0, 16),
  hash: HASH,
  label: "ip=203.0.113.9",
  window: 7,
  used: 5,
  claimed: true,
  blockedUntil: epochMs(2_000_000_000_000),
  blockedSince: epochMs(1_999_999_999_000),
};

let names = 0;
const newHub = () => {
  names += 1;
  return env.REGION_HUB.getByName(`reports-${names}`);
};
type Hub = ReturnType<typeof newHub>;

/** A live page: `next(kind)` waits for the next message of that kind. */
async function look(hub: Hub, query: string) {
  const response = await hub.fetch(`https://hub/live?${query}`, { headers: { Upgrade: "websocket" } });
  const socket = response.webSocket;
  if (socket === null) throw new Error("no socket");
  const messages: LiveMessage[] = [];
  let arrived = () => {};
  socket.addEventListener("message", ({ data }) => {
    messages.push(JSON.parse(String(data)) as LiveMessage);
    arrived();
  });
  socket.accept();
  const next = async <K extends LiveMessage["kind"]>(kind: K) => {
    for (;;) {
      const index = messages.findIndex((message) => message.kind === kind);
      if (index >= 0) return messages.splice(index, 1)[0] as Extract<LiveMessage, { kind: K }>;
      await new Promise<void>((resolve) => (arrived = resolve));
    }
  };
  return { socket, next };
}

describe("reports", () => {
  it("count once, and are there after a restart", async () => {
    const hub = newHub();
    const receipt = decodeReceipt(await hub.report(reportOf(1, 10)));
    expect(receipt).toEqual({ ok: true, schema: SCHEMA, value: { source: "isolate.1", seq: 1 } });
    await hub.report(reportOf(1, 10));
    await hub.report(reportOf(2, 15));
    // One that was under way for long.
    await hub.report(reportOf(1, 10));
    await evictDurableObject(hub);
    expect((await hub.metrics()).unlimited).toBe(15);
    await hub.report(reportOf(2, 15));
    const { unlimited, rules, pops } = await hub.metrics();
    expect(unlimited).toBe(15);
    expect(rules).toEqual([
      {
        version: RULE,
        name: "login",
        mode: "enforce",
        counts: [0, 1, 2, 3, 4, 5, 6, 7],
        degraded: [1, 0, 0, 0, 0],
        further: [3, 1],
      },
    ]);
    expect(pops).toEqual([{ pop: "LHR", isolates: 1, watchAgeMs: 0, entries: 1, capacity: 8 }]);
  });

  it("have whom the hub found beside them, also after a restart", async () => {
    const hub = newHub();
    const now = Date.now();
    const grid = { lengthMs: durationMs(30 * 86_400_000), offsetMs: durationMs(0) };
    const rule = { version: RULE, name: "api", algorithm: "fixed-window", limit: 12, grid } as const;
    const seen = { pop: "LHR", owner: "found", window: Math.floor(now / grid.lengthMs), seen: 3, needed: 3 };
    await hub.sighted(encodeSightings([{ rule, key: HASH, ...seen }]), true);
    await vi.waitFor(async () => expect((await hub.metrics()).found).toEqual(new Map([["api", 1]])));
    await evictDurableObject(hub);
    expect((await hub.metrics()).found).toEqual(new Map([["api", 1]]));
  });

  it("that cannot be read are refused in words that everyone reads", async () => {
    const reply = decodeReceipt(await newHub().report(new Uint8Array([1, 2, 3])));
    expect(reply).toEqual({ ok: true, schema: 1, value: { error: "malformed", speaks: SCHEMA } });
  });
});

describe("a live page", () => {
  it("is told what stands, and then what comes", async () => {
    const hub = newHub();
    const claimedUntil = epochMs(Date.now() + 60_000);
    const news = { key: HASH, ruleVersion: RULE, epoch: 1, version: 1, claimedBy: "LHR", claimedUntil };
    await hub.report(reportOf(1, 10, { keys: [key] }));
    await hub.announce(encodeNews([{ ...news, label: "ip=203.0.113.9" }]));
    const page = await look(hub, "news=1");
    expect((await page.next("counts")).pops).toEqual([
      { pop: "LHR", isolates: 1, rules: { [RULE]: [0, 1, 2, 3, 4, 5, 6, 7] }, unlimited: 10 },
    ]);
    const { tag: _, label: __, ...shown } = key;
    expect((await page.next("keys")).keys).toEqual([
      { ...shown, key: "ip=203.0.113.9", pop: "LHR", source: "isolate.1" },
    ]);
    const told = {
      rule: RULE,
      key: "ip=203.0.113.9",
      hash: HASH,
      epoch: 1,
      version: 1,
      claimedBy: "LHR",
      claimedUntil,
      blockedUntil: null,
      released: false,
    };
    const standing = await page.next("news");
    expect([standing.standing, standing.news]).toEqual([true, [told]]);
    await hub.announce(
      encodeNews([{ ...news, version: 2, label: "ip=203.0.113.9", fullUntil: claimedUntil }]),
    );
    let news2 = await page.next("news");
    // What the first announcement set off may come once more.
    if (news2.news[0]?.version === 1) news2 = await page.next("news");
    expect([news2.standing, news2.news]).toEqual([
      false,
      [{ ...told, version: 2, blockedUntil: claimedUntil }],
    ]);
    await hub.report(reportOf(2, 20));
    expect((await page.next("counts")).pops[0]?.unlimited).toBe(20);
    expect((await hub.story(RULE, HASH.slice(0, 16))).map(({ what, pop }) => [what, pop])).toEqual([
      ["seen", "LHR"],
      ["claimed", "LHR"],
      ["blocked", null],
    ]);
    page.socket.close();
  });

  it("makes the region's isolates report more often, for the clients that it wants", async () => {
    const hub = newHub();
    const watcher = await hub.fetch("https://hub/watch?feed=&number=0&schema=2", {
      headers: { Upgrade: "websocket" },
    });
    const socket = watcher.webSocket;
    const notice = new Promise((resolve) => {
      socket?.addEventListener("message", ({ data }) => {
        const frame = decodeFeed(new Uint8Array(data as ArrayBuffer));
        if (frame.ok && frame.value.watched !== undefined) resolve(frame.value.watched.keys);
      });
    });
    if (socket !== null) socket.binaryType = "arraybuffer";
    socket?.accept();
    const page = await look(hub, `wanted=${RULE}.${HASH.slice(0, 16)}`);
    expect(await notice).toEqual([`${RULE}.${HASH.slice(0, 16)}`]);
    page.socket.close();
    socket?.close();
  });
});
