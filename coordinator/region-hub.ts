/**
 * RegionHub: the Durable Object that fans announcements out to its region's isolates. Owners call
 * `announce`; isolates hold one hibernatable WebSocket each. Memory is all it has: a hub that restarts
 * starts a new feed, and what it forgot expires by itself.
 */
import { DurableObject } from "cloudflare:workers";
import { Feed } from "../shared/hub/feed.ts";
import { HUB_COALESCE } from "../shared/limits.ts";
import { decodeNews, encodeFeed } from "../shared/protocol/codec.ts";
import { epochMs } from "../shared/time.ts";
import type { Env } from "../worker/env.ts";

export class RegionHub extends DurableObject<Env> {
  readonly #feed = new Feed(crypto.randomUUID());
  #flushing = false;

  /** Takes an owner's announcements. */
  announce(frame: Uint8Array): void {
    const news = decodeNews(frame);
    if (!news.ok) {
      console.error(
        JSON.stringify({ event: "unreadable-announcement", error: news.error, schema: news.schema }),
      );
      return;
    }
    const now = epochMs(Date.now());
    let fresh = false;
    for (const item of news.value) fresh = this.#feed.publish(item, now) || fresh;
    if (fresh) this.#flushSoon();
  }

  /** `GET /watch?feed=ID&number=N` with an upgrade: the frames missed since then, and all that follow. */
  override fetch(request: Request): Response {
    if (request.headers.get("Upgrade") !== "websocket") {
      return new Response("a WebSocket upgrade is expected\n", {
        status: 426,
        headers: { Upgrade: "websocket" },
      });
    }
    const query = new URL(request.url).searchParams;
    const number = Number(query.get("number") ?? "0");
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const place = Number.isSafeInteger(number) && number >= 0 ? number : 0;
    for (const missed of this.#feed.catchUp(query.get("feed") ?? "", place, epochMs(Date.now()))) {
      deliver(server, encodeFeed(missed));
    }
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket): void {
    socket.close(1008, "a watcher only listens");
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    // 1005 and 1006 say how a connection ended and may not be sent.
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
  }

  /** Gathers what comes within HUB_COALESCE into one frame for each watcher. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setTimeout(() => {
      this.#flushing = false;
      for (const frame of this.#feed.flush()) {
        const bytes = encodeFeed(frame);
        for (const socket of this.ctx.getWebSockets()) deliver(socket, bytes);
      }
    }, HUB_COALESCE);
  }
}

function deliver(socket: WebSocket, frame: Uint8Array): void {
  try {
    socket.send(frame);
  } catch {
    // The watcher is gone; it will connect anew and catch up.
  }
}
