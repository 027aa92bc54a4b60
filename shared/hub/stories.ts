/**
 * What happened to a region's busy clients, in order: seen, claimed (by a hub: found), moved to another incarnation of
 * its owner, blocked, released. Made of the announcements that the hub hears and of what isolates report; a hub that restarts begins anew.
 */
import { tagDigits } from "../key.ts";
import { STORIES_MAX, STORY_EVENTS_MAX } from "../limits.ts";
import type { Announcement } from "../protocol/messages.ts";
import type { StoryEvent } from "../telemetry/live.ts";
import type { ReportedKey } from "../telemetry/report.ts";
import { type EpochMs, later, NEVER } from "../time.ts";

interface Story {
  readonly events: StoryEvent[];
  epoch: number;
  version: number;
  claimedUntil: EpochMs;
  blockedUntil: EpochMs;
}

const newStory = (seen: StoryEvent | undefined): Story => ({
  events: seen === undefined ? [] : [seen],
  epoch: 0,
  version: -1,
  claimedUntil: NEVER,
  blockedUntil: NEVER,
});

export class Stories {
  /** By rule version and tag, the one that was touched longest ago first: a Map keeps the order of insertion. */
  readonly #stories = new Map<string, Story>();
  /** Clients that nobody announced yet, by themselves: they are many, and push out no story. */
  readonly #seen = new Map<string, StoryEvent>();

  /** An isolate counts a client. Only the first time is news. */
  seen({ rule, tag }: Pick<ReportedKey, "rule" | "tag">, pop: string, now: EpochMs): void {
    const name = `${rule}.${tag}`;
    if (this.#stories.has(name) || this.#seen.has(name)) return;
    this.#seen.set(name, { at: now, what: "seen", pop, epoch: 0, until: null });
    dropOldest(this.#seen);
  }

  /** An owner announced something. News that is older than what is known changes nothing. */
  heard(news: Announcement, now: EpochMs): void {
    const story = this.#touch(`${news.ruleVersion}.${tagDigits(news.key)}`);
    const over = later(story.claimedUntil, story.blockedUntil) <= now;
    const { epoch, version } = news;
    if (!over && (epoch < story.epoch || (epoch === story.epoch && version <= story.version))) return;
    const claimedUntil = news.claimedUntil ?? NEVER;
    const blockedUntil = later(news.fullUntil ?? NEVER, news.penaltyUntil ?? NEVER);
    const pop = news.claimedBy ?? null;
    if (!over && epoch > story.epoch && story.epoch > 0)
      note(story, { at: now, what: "moved", pop, epoch, until: null });
    if (claimedUntil > now && story.claimedUntil <= now)
      note(story, { at: now, what: news.found ? "found" : "claimed", pop, epoch, until: claimedUntil });
    const wasBlocked = story.blockedUntil > now;
    if (blockedUntil > now && !wasBlocked)
      note(story, { at: now, what: "blocked", pop: null, epoch, until: blockedUntil });
    if (blockedUntil <= now && (wasBlocked || news.released === true))
      note(story, { at: now, what: "released", pop: null, epoch, until: null });
    Object.assign(story, { epoch, version, claimedUntil, blockedUntil });
  }

  /** @param tag the first 16 digits of the key's hash */
  of(ruleVersion: string, tag: string): readonly StoryEvent[] {
    const name = `${ruleVersion}.${tag}`;
    const seen = this.#seen.get(name);
    return this.#stories.get(name)?.events ?? (seen === undefined ? [] : [seen]);
  }

  #touch(name: string): Story {
    const story = this.#stories.get(name) ?? newStory(this.#seen.get(name));
    this.#seen.delete(name);
    this.#stories.delete(name);
    this.#stories.set(name, story);
    dropOldest(this.#stories);
    return story;
  }

  get size(): number {
    return this.#stories.size + this.#seen.size;
  }
}

function dropOldest(kept: Map<string, unknown>): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= STORIES_MAX) break;
    kept.delete(oldest);
  }
}

/** The first event stays: when a client was seen first is wanted longest. */
function note(story: Story, event: StoryEvent): void {
  story.events.push(event);
  if (story.events.length > STORY_EVENTS_MAX) story.events.splice(1, 1);
}
