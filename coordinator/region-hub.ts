/**
 * RegionHub: the Durable Object that fans announcements out to its region's isolates. Owners call
 * `announce`; isolates hold one hibernatable WebSocket each. Memory is all it has: a hub that restarts
 * starts a new feed, and what it forgot expires by itself.
 */
import { DurableObject } from "cloudflare:workers";
import { Feed } from "../shared/hub/feed.ts";
import { HUB_COALESCE } from "../shared/limits.ts";
import { decodeNews, encodeFeed, type FeedFrame } from "../shared/protocol/codec.ts";
import { oncePerSchema, schemaFor } from "../shared/protocol/dialects.ts";
import type { Announcement } from "../shared/protocol/messages.ts";
import { SCHEMA, SCHEMA_MIN } from "../shared/protocol/schema.ts";
import { epochMs } from "../shared/time.ts";
import type { Env } from "../worker/env.ts";

export class RegionHub extends DurableObject<Env> {
  readonly #feed = new Feed(crypto.randomUUID());
  #unreadableReported = false;

  /** Takes an owner's announcements. Returns the newest schema it reads: who wrote in a newer one says it again. */
  announce(frame: Uint8Array): number {
    const news = decodeNews(frame);
    if (!news.ok) {
      const { error, schema } = news;
      if (!this.#unreadableReported)
        console.error(JSON.stringify({ event: "unreadable-announcement", error, schema }));
      this.#unreadableReported = true;
      return SCHEMA;
    }
    if (this.#feed.take(news.value, epochMs(Date.now()))) {
      setTimeout(() => deliver(this.ctx.getWebSockets(), this.#feed.flush()), HUB_COALESCE);
    }
    return SCHEMA;
  }

  /**
   * What is claimed, full or barred now of keys under these rules, as this region's isolates were told, newest first.
   * A hub that restarted knows only what was announced since.
   * @param ruleVersions 16 hex digits each
   * @param limit how many are wanted, at most CLAIMS_LISTED_MAX
   */
  claims(ruleVersions: readonly string[], limit: number): readonly Announcement[] {
    return this.#feed.claims(ruleVersions, limit, epochMs(Date.now()));
  }

  /**
   * `GET /watch?feed=ID&number=N&schema=S` with an upgrade: the frames missed since then, and all that follow,
   * in the newest schema that both ends know. A watcher that names none is of the first release.
   */
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
    // What hangs on the socket is there when this object has slept.
    server.serializeAttachment({ schema: Number(query.get("schema")) } satisfies Watcher);
    const place = Number.isSafeInteger(number) && number >= 0 ? number : 0;
    const missed = this.#feed.catchUp(query.get("feed") ?? "", place, epochMs(Date.now()));
    deliver([server], missed);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket): void {
    socket.close(1008, "a watcher only listens");
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    // 1005 and 1006 say how a connection ended and may not be sent.
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
  }
}

/** What hangs on a watcher's socket: the newest schema it reads, as it said. */
interface Watcher {
  readonly schema: number;
}

function deliver(sockets: readonly WebSocket[], frames: readonly FeedFrame[]): void {
  const schemas = sockets.map((socket) => schemaFor(readBy(socket)));
  for (const frame of frames) {
    const bytes = oncePerSchema((schema) => encodeFeed(frame, schema));
    sockets.forEach((socket, index) => {
      const written = bytes(schemas[index] ?? SCHEMA_MIN);
      try {
        socket.send(written);
      } catch {
        // The watcher is gone; it will connect anew and catch up.
      }
    });
  }
}

function readBy(socket: WebSocket): unknown {
  const watcher: Partial<Watcher> | null = socket.deserializeAttachment();
  return watcher?.schema;
}
