import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { decodeFeed, encodeNews, type FeedFrame } from "../../shared/protocol/codec.ts";
import type { Announcement } from "../../shared/protocol/messages.ts";
import { epochMs } from "../../shared/time.ts";

let names = 0;
const newHub = () => {
  names += 1;
  return env.REGION_HUB.getByName(`hub-${names}`);
};

const news = (key: number, version: number): Announcement => ({
  key: key.toString(16).padStart(32, "0"),
  ruleVersion: "00112233445566aa",
  epoch: 1,
  version,
  claimedUntil: epochMs(Date.now() + 60_000),
});

type Hub = ReturnType<typeof newHub>;

/** A watcher: `next()` waits for the frame after those it has returned. */
async function watch(hub: Hub, feed = "", number = 0) {
  const response = await hub.fetch(`https://hub/watch?feed=${feed}&number=${number}`, {
    headers: { Upgrade: "websocket" },
  });
  const socket = response.webSocket;
  if (socket === null) throw new Error("no socket");
  const frames: FeedFrame[] = [];
  let arrived = () => {};
  socket.addEventListener("message", (event) => {
    const frame = decodeFeed(new Uint8Array(event.data as ArrayBuffer));
    if (frame.ok) frames.push(frame.value);
    arrived();
  });
  socket.binaryType = "arraybuffer";
  socket.accept();
  const next = async (): Promise<FeedFrame> => {
    while (frames.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
    return frames.shift() as FeedFrame;
  };
  return { socket, next };
}

describe("RegionHub", () => {
  it("tells a new watcher what holds, then every announcement once", async () => {
    const hub = newHub();
    await hub.announce(encodeNews([news(1, 1)]));
    const watcher = await watch(hub);
    expect((await watcher.next()).news).toEqual([expect.objectContaining({ version: 1 })]);
    await hub.announce(encodeNews([news(1, 2)]));
    let frame = await watcher.next();
    // The flush of what the snapshot held already may come first: repetition does no harm.
    if (frame.news[0]?.version === 1) frame = await watcher.next();
    expect(frame.news).toEqual([expect.objectContaining({ version: 2 })]);
    watcher.socket.close();
  });

  it("gathers announcements into one frame for each watcher", async () => {
    const hub = newHub();
    const watcher = await watch(hub);
    await watcher.next();
    await hub.announce(encodeNews([news(1, 1), news(2, 1)]));
    expect((await watcher.next()).news).toHaveLength(2);
    watcher.socket.close();
  });

  it("gives a returning watcher the delta, and a stranger the snapshot", async () => {
    const hub = newHub();
    await hub.announce(encodeNews([news(1, 1)]));
    const first = await watch(hub);
    const { feed, upTo } = await first.next();
    first.socket.close();
    await hub.announce(encodeNews([news(2, 1)]));
    const returning = await watch(hub, feed, upTo);
    expect((await returning.next()).news.map((item) => item.key.at(-1))).toEqual(["2"]);
    const stranger = await watch(hub, "another-feed", 7);
    expect((await stranger.next()).news.map((item) => item.key.at(-1))).toEqual(["1", "2"]);
    returning.socket.close();
    stranger.socket.close();
  });

  it("numbers its feed anew after it lost its memory, and still serves the sockets it holds", async () => {
    const hub = newHub();
    const watcher = await watch(hub);
    const before = await watcher.next();
    await evictDurableObject(hub);
    await hub.announce(encodeNews([news(3, 1)]));
    const after = await watcher.next();
    expect(after.feed).not.toBe(before.feed);
    expect(after).toMatchObject({ after: 0, upTo: 1 });
    watcher.socket.close();
  });

  it("tells a watcher that was away of a release, which holds nothing", async () => {
    const hub = newHub();
    await hub.announce(encodeNews([news(1, 1)]));
    const first = await watch(hub);
    const { feed, upTo } = await first.next();
    first.socket.close();
    const { claimedUntil: _, ...released } = { ...news(1, 2), released: true };
    await hub.announce(encodeNews([released]));
    const returning = await watch(hub, feed, upTo);
    expect((await returning.next()).news).toEqual([released]);
    returning.socket.close();
  });

  it("shows what is claimed under the rules that are asked for, newest first", async () => {
    const hub = newHub();
    const other = { ...news(2, 1), ruleVersion: "f".repeat(16) };
    await hub.announce(encodeNews([{ ...news(1, 1), label: "ip=203.0.113.*" }, other, news(3, 1)]));
    expect(await hub.claims(["00112233445566aa"], 9)).toEqual([
      { ...news(3, 1), claimedUntil: expect.any(Number) },
      { ...news(1, 1), label: "ip=203.0.113.*", claimedUntil: expect.any(Number) },
    ]);
    expect(await hub.claims(["00112233445566aa"], 1)).toHaveLength(1);
    expect(await hub.claims([], 9)).toEqual([]);
  });

  it("refuses a watcher that does not upgrade", async () => {
    const response = await newHub().fetch("https://hub/watch");
    expect(response.status).toBe(426);
    await response.text();
  });
});
