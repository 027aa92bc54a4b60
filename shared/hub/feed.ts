/**
 * A hub's feed: the newest announcement of every key, numbered in order of arrival, so that a watcher gets
 * what it missed. Announcements join by (epoch, version) and expire; repetition and order do not matter.
 * Absence from a snapshot is not a release: news of one is kept for as long as somebody may believe the block.
 */
import {
  BLOCK_TRUST,
  CLAIMS_LISTED_MAX,
  FEED_MAX,
  FEED_RECENT_MAX,
  FEED_SWEEP_MIN,
  FRAME_MAX,
} from "../limits.ts";
import type { FeedFrame } from "../protocol/codec.ts";
import type { Announcement } from "../protocol/messages.ts";
import { after, type EpochMs, later, NEVER } from "../time.ts";

const lastsUntil = (news: Announcement): EpochMs =>
  later(later(news.claimedUntil ?? NEVER, news.fullUntil ?? NEVER), news.penaltyUntil ?? NEVER);

/** Until when it is news to anybody that comes now. A watcher that was away believes a block for BLOCK_TRUST. */
const newsUntil = (news: Announcement, now: EpochMs): EpochMs =>
  later(lastsUntil(news), news.released === true ? after(now, BLOCK_TRUST) : NEVER);

interface Entry {
  readonly number: number;
  readonly name: string;
  readonly news: Announcement;
  readonly until: EpochMs;
}

export class Feed {
  /** This incarnation. A hub that restarts has another one, and numbers anew. */
  readonly id: string;
  readonly #capacity: number;
  /** By rule version and key, oldest number first: a Map keeps the order of insertion. */
  readonly #entries = new Map<string, Entry>();
  /** What was published last, in order, superseded or not: watchers that come back have missed little. */
  #recent: Entry[] = [];
  /** Names published since the last flush, in order. */
  readonly #fresh = new Set<string>();
  #last = 0;
  #sent = 0;
  #flushDue = false;
  /** The number at which all entries are looked through next for what has expired. */
  #sweepAt = 0;

  constructor(id: string, capacity: number = FEED_MAX) {
    this.id = id;
    this.#capacity = capacity;
  }

  /** Takes an announcement unless a newer one of its key is known. True when watchers should hear of it. */
  publish(news: Announcement, now: EpochMs): boolean {
    const until = newsUntil(news, now);
    if (until <= now) return false;
    const name = `${news.ruleVersion}.${news.key}`;
    const known = this.#entries.get(name);
    // An owner that was idle for long begins anew with low epochs: what has expired must not hide its news.
    if (known !== undefined && known.until > now && isNewerOrSame(known.news, news)) return false;
    this.#last += 1;
    const entry = { number: this.#last, name, news, until };
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    this.#recent.push(entry);
    if (this.#recent.length >= 2 * FEED_RECENT_MAX) this.#recent = this.#recent.slice(-FEED_RECENT_MAX);
    this.#fresh.delete(name);
    this.#fresh.add(name);
    this.#shrink(now);
    return true;
  }

  /**
   * Takes what an owner announced. True when watchers should get frames (`flush`) HUB_COALESCE from now; what
   * comes until then goes with them.
   */
  take(news: readonly Announcement[], now: EpochMs): boolean {
    let fresh = false;
    for (const item of news) fresh = this.publish(item, now) || fresh;
    if (!fresh || this.#flushDue) return false;
    this.#flushDue = true;
    return true;
  }

  /** What was published since the last frames for everyone. */
  flush(): readonly FeedFrame[] {
    this.#flushDue = false;
    const fresh: Entry[] = [];
    for (const name of this.#fresh) {
      const entry = this.#entries.get(name);
      if (entry !== undefined) fresh.push(entry);
    }
    const frames = this.#frames(this.#sent, fresh);
    this.#fresh.clear();
    this.#sent = this.#last;
    return frames;
  }

  /**
   * What a watcher that was at `number` of incarnation `id` has missed, or everything that still holds if
   * it followed another incarnation. At least one frame, so that the watcher learns where it stands.
   */
  catchUp(id: string, number: number, now: EpochMs): readonly FeedFrame[] {
    const after = id === this.id && number <= this.#last ? number : 0;
    const missed = this.#since(after).filter(({ until }) => until > now);
    const frames = this.#frames(after, missed);
    return frames.length > 0 ? frames : [{ feed: this.id, after, upTo: this.#last, news: [] }];
  }

  /** The entries with higher numbers. Looks through all of them only for a watcher that was away for long. */
  #since(number: number): readonly Entry[] {
    const [oldest] = this.#recent;
    if (oldest === undefined || oldest.number > number + 1)
      return Array.from(this.#entries.values()).filter((entry) => entry.number > number);
    return this.#recent
      .slice(number + 1 - oldest.number)
      .filter((entry) => this.#entries.get(entry.name) === entry);
  }

  /** What holds now of keys under these rules, newest first, at most CLAIMS_LISTED_MAX. */
  claims(ruleVersions: readonly string[], limit: number, now: EpochMs): readonly Announcement[] {
    const asked = new Set(ruleVersions);
    return this.#holding((news) => asked.has(news.ruleVersion), Math.min(limit, CLAIMS_LISTED_MAX), now);
  }

  /** What holds now, newest first. */
  standing(limit: number, now: EpochMs): readonly Announcement[] {
    return this.#holding(() => true, limit, now);
  }

  #holding(isWanted: (news: Announcement) => boolean, most: number, now: EpochMs): readonly Announcement[] {
    const holding: Announcement[] = [];
    for (const { news } of Array.from(this.#entries.values()).reverse()) {
      // Also where nobody can say how many are wanted.
      if (!(holding.length < most)) break;
      if (isWanted(news) && lastsUntil(news) > now) holding.push(news);
    }
    return holding;
  }

  /** A frame without news, for those who have had all that was sent. */
  get here(): FeedFrame {
    return { feed: this.id, after: this.#sent, upTo: this.#sent, news: [] };
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many announcements are held besides those of `size`, superseded or expired ones among them. */
  get recent(): number {
    return this.#recent.length;
  }

  /** Cuts entries in order of their numbers into frames that follow one another from `from`. */
  #frames(from: number, entries: readonly Entry[]): readonly FeedFrame[] {
    const frames: FeedFrame[] = [];
    let after = from;
    for (let start = 0; start < entries.length; start += FRAME_MAX) {
      const part = entries.slice(start, start + FRAME_MAX);
      const upTo = start + FRAME_MAX >= entries.length ? this.#last : (part.at(-1)?.number ?? after);
      frames.push({ feed: this.id, after, upTo, news: part.map((entry) => entry.news) });
      after = upTo;
    }
    return frames;
  }

  /** What has expired goes; past capacity, what is oldest: a watcher that misses it costs accuracy, never the bound. */
  #shrink(now: EpochMs): void {
    if (this.#last >= this.#sweepAt) this.#sweep(now);
    for (const name of this.#entries.keys()) {
      if (this.#entries.size <= this.#capacity) break;
      this.#entries.delete(name);
    }
  }

  /**
   * Looking through all of them at every announcement would cost a flooded hub its time: once for as many as were
   * left the last time will do, and a hub holds no more of the past than of what still holds.
   */
  #sweep(now: EpochMs): void {
    for (const [name, { until }] of this.#entries) if (until <= now) this.#entries.delete(name);
    const standing = this.#recent.findIndex(({ until }) => until > now);
    this.#recent = standing < 0 ? [] : this.#recent.slice(standing);
    const pause = Math.min(Math.ceil(this.#capacity / 4), Math.max(FEED_SWEEP_MIN, this.#entries.size));
    this.#sweepAt = this.#last + pause;
  }
}

const isNewerOrSame = (known: Announcement, news: Announcement): boolean =>
  known.epoch === news.epoch ? known.version >= news.version : known.epoch > news.epoch;

/** A watcher's place in a feed. */
export interface Place {
  feed: string;
  number: number;
}

/**
 * Moves a watcher's place along a frame. `gap` means that frames before this one were lost: the frame is
 * used all the same, and the watcher should connect anew to get what it missed.
 */
export function follow(place: Place, frame: FeedFrame): "next" | "gap" {
  const number = place.feed === frame.feed ? place.number : 0;
  if (frame.after > number) return "gap";
  place.feed = frame.feed;
  place.number = Math.max(number, frame.upTo);
  return "next";
}
