/**
 * RegionHub: the Durable Object that fans announcements out to its region's isolates, and gathers what they counted.
 * Owners call `announce`; isolates hold one hibernatable WebSocket each, and call `report` now and then. The feed is in
 * memory: a hub that restarts starts a new one, and what it forgot expires by itself. Reports are stored.
 */
import { DurableObject } from "cloudflare:workers";
import { Feed } from "../shared/hub/feed.ts";
import type { RegionMetrics } from "../shared/hub/region-metrics.ts";
import { type Reporter, Reports } from "../shared/hub/reports.ts";
import { Spread, type SpreadClaim } from "../shared/hub/spread.ts";
import { Stories } from "../shared/hub/stories.ts";
import { HUB_COALESCE } from "../shared/limits.ts";
import { decodeNews, encodeAsks, encodeFeed, type FeedFrame } from "../shared/protocol/codec.ts";
import { oncePerSchema, schemaFor } from "../shared/protocol/dialects.ts";
import type { Announcement } from "../shared/protocol/messages.ts";
import { SCHEMA, SCHEMA_MIN } from "../shared/protocol/schema.ts";
import { REGIONS } from "../shared/region.ts";
import { decodeSightings, encodeSightings } from "../shared/spread/sightings.ts";
import type { StoryEvent } from "../shared/telemetry/live.ts";
import { decodeReport, encodeReceipt, encodeReport, type Report } from "../shared/telemetry/report.ts";
import { type EpochMs, epochMs } from "../shared/time.ts";
import type { Env } from "../worker/env.ts";
import { Viewers } from "./viewers.ts";

/** Where an isolate's last report is stored, and where the sum of those that are gone. */
const REPORT_PREFIX = "report:";
const BASE_ROW = "reports";
/** Where it is stored how many thinly spread clients were found: a counter that began anew with each sleep would say nothing. */
const FOUND_ROW = "found";
/** As it is stored: this object sleeps whenever nobody calls, and must still know who was silent for how long. */
interface StoredReport {
  readonly at: number;
  readonly report: Uint8Array;
}
/** Of isolates that hold a connection. */
const WATCH_TAG = "watch";

export class RegionHub extends DurableObject<Env> {
  readonly #feed = new Feed(crypto.randomUUID());
  readonly #reports = new Reports();
  readonly #stories = new Stories();
  readonly #spread: Spread;
  readonly #viewers: Viewers;
  #unreadableReported = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const region = REGIONS.find((name) => name === ctx.id.name) ?? REGIONS[0];
    this.#spread = new Spread(region, ctx.storage.kv.get(FOUND_ROW));
    const core = { feed: this.#feed, reports: this.#reports };
    this.#viewers = new Viewers(ctx, region, core, (frame) => deliver(this.#watchers(), [frame]));
    this.#reports.restore(this.#storedReports(), ctx.storage.kv.get(BASE_ROW), epochMs(Date.now()));
  }

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
    const now = epochMs(Date.now());
    for (const item of news.value) this.#stories.heard(item, now);
    if (this.#feed.take(news.value, now)) setTimeout(() => this.#flush(), HUB_COALESCE);
    return SCHEMA;
  }

  #flush(): void {
    const frames = this.#feed.flush();
    deliver(this.#watchers(), frames);
    this.#viewers.announced(frames.flatMap((frame) => frame.news));
  }

  #watchers(): readonly WebSocket[] {
    return this.ctx.getWebSockets(WATCH_TAG);
  }

  /** Takes an isolate's report. The receipt leaves only when the report is stored. */
  report(frame: Uint8Array): Uint8Array {
    const read = decodeReport(frame);
    if (!read.ok) return encodeReceipt({ error: read.error, speaks: SCHEMA }, SCHEMA_MIN);
    const report = read.value;
    const now = epochMs(Date.now());
    if (this.#reports.take(report, now)) this.#store(report, now);
    for (const key of report.keys) this.#stories.seen(key, report.pop, now);
    this.#viewers.reported();
    return encodeReceipt(this.#reports.receiptOf(report));
  }

  #store(report: Report, now: EpochMs): void {
    const { kv } = this.ctx.storage;
    const row: StoredReport = { at: now, report: encodeReport({ ...report, keys: [] }) };
    kv.put(REPORT_PREFIX + report.source, row);
    const { gone, base } = this.#reports.tidy(now);
    for (const source of gone) kv.delete(REPORT_PREFIX + source);
    if (base) kv.put(BASE_ROW, this.#reports.encodeBase());
  }

  *#storedReports(): Iterable<Reporter> {
    for (const [, row] of this.ctx.storage.kv.list<StoredReport>({ prefix: REPORT_PREFIX })) {
      const read = decodeReport(row.report);
      if (read.ok) yield { report: read.value, seenAt: epochMs(row.at) };
    }
  }

  /** Takes sightings of thinly spread clients, from an isolate or passed on by another hub, and does what they lead to. */
  sighted(frame: Uint8Array, isPassedOn = false): void {
    const read = decodeSightings(frame);
    if (!read.ok) return;
    const { claims, forward } = this.#spread.take(read.value, epochMs(Date.now()), isPassedOn);
    for (const claim of claims) {
      const owner = this.env.KEY_OWNER.getByName(claim.owner);
      const told = owner.ask(encodeAsks([claim.ask])).then(() => this.#found(claim));
      this.#inBackground(told, () => this.#spread.failed(claim));
    }
    for (const [region, sightings] of forward) {
      const hub = this.env.REGION_HUB.getByName(region, { locationHint: region });
      this.#inBackground(hub.sighted(encodeSightings(sightings), true));
    }
  }

  #found(claim: SpreadClaim): void {
    this.#spread.claimed(claim);
    this.ctx.storage.kv.put(FOUND_ROW, this.#spread.found);
  }

  /** A call that fails costs accuracy, never the bound. */
  #inBackground(call: Promise<unknown>, failed = (): void => undefined): void {
    this.ctx.waitUntil(call.catch(failed));
  }

  /** All that this region's isolates counted. */
  metrics(): RegionMetrics {
    return { ...this.#reports.metrics(epochMs(Date.now())), found: this.#spread.found };
  }

  /** What happened to a client, oldest first. @param tag the first 16 digits of its key's hash */
  story(ruleVersion: string, tag: string): readonly StoryEvent[] {
    return this.#stories.of(ruleVersion, tag);
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
   * `GET /live` is for live pages (`viewers.ts`).
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
    const { pathname, searchParams: query } = new URL(request.url);
    if (pathname === "/live") return this.#viewers.accept(query);
    const number = Number(query.get("number") ?? "0");
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, [WATCH_TAG]);
    // What hangs on the socket is there when this object has slept.
    server.serializeAttachment({ schema: Number(query.get("schema")) } satisfies Watcher);
    const place = Number.isSafeInteger(number) && number >= 0 ? number : 0;
    const missed = this.#feed.catchUp(query.get("feed") ?? "", place, epochMs(Date.now()));
    const { notice } = this.#viewers;
    deliver([server], notice === undefined ? missed : [...missed, notice]);
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
