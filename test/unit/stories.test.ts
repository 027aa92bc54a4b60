/** What a hub tells of a client: in order, once, and nothing that is older than what it knows. */
import { describe, expect, it } from "vitest";
import { Stories } from "../../shared/hub/stories.ts";
import { STORIES_MAX, STORY_EVENTS_MAX } from "../../shared/limits.ts";
import type { Announcement } from "../../shared/protocol/messages.ts";
import { type EpochMs, epochMs } from "../../shared/time.ts";
import { T0 } from "./world.ts";

const RULE = "0123456789abcdef";
const KEY = "00112233445566778899aabbccddeeff";
const TAG = KEY.slice(0, 16);
const at = (ms: number): EpochMs => epochMs(T0 + ms);
const news = (more: Partial<Announcement>): Announcement => ({
  key: KEY,
  ruleVersion: RULE,
  epoch: 1,
  version: 1,
  claimedBy: "LHR",
  claimedUntil: at(60_000),
  ...more,
});
const told = (stories: Stories): readonly string[] =>
  stories
    .of(RULE, TAG)
    .map(({ at: time, what, pop, epoch }) => `${time - T0} ${what} ${pop ?? "-"} ${epoch}`);

describe("a client's story", () => {
  it("has what happened in order", () => {
    const stories = new Stories();
    stories.seen({ rule: RULE, tag: TAG }, "LHR", at(1));
    stories.seen({ rule: RULE, tag: TAG }, "CDG", at(2));
    stories.heard(news({}), at(3));
    stories.heard(news({ version: 2, fullUntil: at(50_000) }), at(4));
    stories.heard(news({ version: 3, fullUntil: at(51_000) }), at(5));
    stories.heard(news({ epoch: 2, version: 1, fullUntil: at(51_000) }), at(6));
    stories.heard(news({ epoch: 2, version: 2, released: true }), at(7));
    stories.heard(news({ epoch: 2, version: 3, penaltyUntil: at(70_000) }), at(8));
    expect(told(stories)).toEqual([
      "1 seen LHR 0",
      "3 claimed LHR 1",
      "4 blocked - 1",
      "6 moved LHR 2",
      "7 released - 2",
      "8 blocked - 2",
    ]);
    expect(stories.of(RULE, TAG).map(({ until }) => until)).toEqual([
      null,
      at(60_000),
      at(50_000),
      null,
      null,
      at(70_000),
    ]);
  });

  it("takes nothing older than it knows, but begins anew when all that is over", () => {
    const stories = new Stories();
    stories.heard(news({ epoch: 5, version: 4 }), at(1));
    stories.heard(news({ epoch: 5, version: 4, fullUntil: at(50_000) }), at(2));
    stories.heard(news({ epoch: 4, version: 9, fullUntil: at(50_000) }), at(3));
    expect(told(stories)).toEqual(["1 claimed LHR 5"]);
    stories.heard(news({ epoch: 1, version: 1, claimedUntil: at(200_000), claimedBy: "TYO" }), at(90_000));
    expect(told(stories)).toEqual(["1 claimed LHR 5", "90000 claimed TYO 1"]);
  });

  it("is bounded, and keeps its beginning", () => {
    const stories = new Stories();
    stories.seen({ rule: RULE, tag: TAG }, "LHR", at(0));
    for (let version = 1; version <= 2 * STORY_EVENTS_MAX; version++)
      stories.heard(
        news({ version, ...(version % 2 === 0 ? { released: true } : { fullUntil: at(50_000) }) }),
        at(version),
      );
    expect(stories.of(RULE, TAG)).toHaveLength(STORY_EVENTS_MAX);
    expect(told(stories)[0]).toBe("0 seen LHR 0");
    for (let index = 0; index < STORIES_MAX; index++)
      stories.heard(news({ key: index.toString(16).padStart(16, "0") }), at(0));
    expect(stories.size).toBe(STORIES_MAX);
    expect(told(stories)).toEqual([]);
  });

  it("is not pushed out by clients that are only seen, of which every page causes thousands", () => {
    const stories = new Stories();
    stories.seen({ rule: RULE, tag: TAG }, "LHR", at(0));
    stories.heard(news({}), at(1));
    for (let index = 0; index < 2 * STORIES_MAX; index++)
      stories.seen({ rule: RULE, tag: index.toString(16).padStart(16, "0") }, "LHR", at(2));
    stories.seen({ rule: RULE, tag: TAG }, "CDG", at(3));
    expect(told(stories)).toEqual(["0 seen LHR 0", "1 claimed LHR 1"]);
    expect(stories.size).toBe(STORIES_MAX + 1);
    // Of those the last are remembered.
    expect(stories.of(RULE, (2 * STORIES_MAX - 1).toString(16).padStart(16, "0"))).toHaveLength(1);
    expect(stories.of(RULE, "0".repeat(16))).toEqual([]);
  });
});
