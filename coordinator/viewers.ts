/**
 * The live pages that look at a region, each by a hibernatable WebSocket that a Worker opened for it. They get what the
 * hub's core knows (`shared/hub/`) as it changes: news at once, counts at most once a second. While one is there, the
 * region's isolates are told so, and report more often.
 */
import type { Feed } from "../shared/hub/feed.ts";
import type { Reports } from "../shared/hub/reports.ts";
import { CLAIMS_LISTED_MAX, KEYS_SHOWN_MAX, LIVE_PAUSE, WANTED_MAX, WATCHED_FOR } from "../shared/limits.ts";
import type { FeedFrame } from "../shared/protocol/codec.ts";
import type { Announcement } from "../shared/protocol/messages.ts";
import type { Region } from "../shared/region.ts";
import type { Counts, KeyCount, Keys, LiveNews, News } from "../shared/telemetry/live.ts";
import { after, epochMs } from "../shared/time.ts";

const TAG = "live";

/** What hangs on a page's socket. */
interface Viewer {
  /** Whether it wants to hear of claims and blocks here: all hubs hear of the same. */
  readonly news: boolean;
  /** Clients that are wanted whether they are busy or not: rule version, dot, tag. */
  readonly wanted: readonly string[];
}

export class Viewers {
  readonly #ctx: DurableObjectState;
  readonly #region: Region;
  readonly #feed: Feed;
  readonly #reports: Reports;
  /** Tells the region's isolates that somebody looks. */
  readonly #tell: (frame: FeedFrame) => void;
  #pushDue = false;
  #renewalDue = false;

  constructor(
    ctx: DurableObjectState,
    region: Region,
    core: { readonly feed: Feed; readonly reports: Reports },
    tell: (frame: FeedFrame) => void,
  ) {
    this.#ctx = ctx;
    this.#region = region;
    this.#feed = core.feed;
    this.#reports = core.reports;
    this.#tell = tell;
  }

  /** `GET /live?news=1&wanted=RULE.TAG` with an upgrade: what stands, and what follows. */
  accept(query: URLSearchParams): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server, [TAG]);
    const wanted = query.getAll("wanted").slice(0, WANTED_MAX);
    const viewer: Viewer = { news: query.get("news") === "1", wanted };
    server.serializeAttachment(viewer);
    send(server, JSON.stringify(this.#counts()));
    send(server, JSON.stringify(this.#keys()));
    if (viewer.news) send(server, JSON.stringify(this.#standing()));
    this.#renew();
    return new Response(null, { status: 101, webSocket: client });
  }

  /** What a new watcher is to be told besides the feed; undefined while nobody looks. */
  get notice(): FeedFrame | undefined {
    const viewers = this.#viewers();
    if (viewers.length === 0) return undefined;
    const keys = [...new Set(viewers.flatMap(([, { wanted }]) => wanted))].slice(0, WANTED_MAX);
    return { ...this.#feed.here, watched: { until: after(epochMs(Date.now()), WATCHED_FOR), keys } };
  }

  /** A report came in. What is new of it goes with what comes within a second. */
  reported(): void {
    if (this.#pushDue || this.#viewers().length === 0) return;
    this.#pushDue = true;
    setTimeout(() => {
      this.#pushDue = false;
      // All are told the same.
      const [counts, keys] = [JSON.stringify(this.#counts()), JSON.stringify(this.#keys())];
      for (const [socket] of this.#viewers()) {
        send(socket, counts);
        send(socket, keys);
      }
    }, LIVE_PAUSE);
  }

  announced(news: readonly Announcement[]): void {
    if (news.length === 0) return;
    const viewers = this.#viewers().filter(([, viewer]) => viewer.news);
    if (viewers.length === 0) return;
    const message: News = { kind: "news", at: Date.now(), standing: false, news: news.map(liveNews) };
    const text = JSON.stringify(message);
    for (const [socket] of viewers) send(socket, text);
  }

  #renew(): void {
    const { notice } = this;
    if (notice === undefined) return;
    this.#tell(notice);
    if (this.#renewalDue) return;
    this.#renewalDue = true;
    setTimeout(() => {
      this.#renewalDue = false;
      this.#renew();
    }, WATCHED_FOR / 2);
  }

  #viewers(): readonly (readonly [WebSocket, Viewer])[] {
    return this.#ctx.getWebSockets(TAG).map((socket) => [socket, socket.deserializeAttachment() as Viewer]);
  }

  #counts(): Counts {
    const now = epochMs(Date.now());
    return { kind: "counts", at: now, region: this.#region, pops: this.#reports.byPop(now) };
  }

  #keys(): Keys {
    const now = epochMs(Date.now());
    const wanted = new Set(this.#viewers().flatMap(([, viewer]) => viewer.wanted));
    const isWanted = ({ rule, tag }: { rule: string; tag: string }) => wanted.has(`${rule}.${tag}`);
    const keys = this.#reports
      .keys(now)
      .toSorted((a, b) => Number(isWanted(b)) - Number(isWanted(a)) || b.used - a.used)
      .slice(0, KEYS_SHOWN_MAX)
      .map(({ tag, label, ...key }): KeyCount => ({ ...key, key: label ?? key.hash ?? tag }));
    return { kind: "keys", at: now, region: this.#region, keys };
  }

  #standing(): News {
    const now = epochMs(Date.now());
    const news = this.#feed.standing(CLAIMS_LISTED_MAX, now).map(liveNews);
    return { kind: "news", at: now, standing: true, news };
  }
}

function liveNews(news: Announcement): LiveNews {
  const { fullUntil = 0, penaltyUntil = 0 } = news;
  return {
    rule: news.ruleVersion,
    key: news.label ?? news.key,
    hash: news.key,
    epoch: news.epoch,
    version: news.version,
    claimedBy: news.claimedBy ?? null,
    claimedUntil: news.claimedUntil ?? null,
    blockedUntil: Math.max(fullUntil, penaltyUntil) || null,
    released: news.released === true,
  };
}

function send(socket: WebSocket, text: string): void {
  try {
    socket.send(text);
  } catch {
    // The page is gone; it will connect anew.
  }
}
