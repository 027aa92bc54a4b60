/** When a block holds everywhere, by hand: three sources, one key. */
import { describe, expect, test } from "vitest";
import { BlockWatch, HEARING_MS, type HeldBlock } from "../../loadtest/planet/block-watch.ts";
import type { Verdicts } from "../../shared/protocol/messages.ts";
import { epochMs } from "../../shared/time.ts";

const KEY = 5;
const WINDOW = 100;
const WINDOW_END = 60_000;
const AT = { now: 1_000, ownerPlace: 7, windowEnd: WINDOW_END };
const full = (version: number, epoch = 1): Verdicts => ({
  epoch,
  version,
  fullUntil: epochMs(WINDOW_END),
});
const barred = (version: number, until: number): Verdicts => ({
  ...full(version),
  penaltyUntil: epochMs(until),
});

/** A watch over three sources, the blocks that it counted, and who saw the client. */
function watching(seenBy: readonly number[] = [0, 1, 2], listening: readonly number[] = [0, 1, 2]) {
  const held: HeldBlock[] = [];
  const asked: [key: number, window: number][] = [];
  const watch = new BlockWatch(
    3,
    () => new Set(listening),
    (key, window) => {
      asked.push([key, window]);
      return seenBy;
    },
    (block) => held.push(block),
  );
  return { watch, held, asked };
}

describe("a block", () => {
  test("holds when the last source that saw the client has heard of it", () => {
    const { watch, held, asked } = watching();
    watch.said(KEY, WINDOW, full(3), AT);
    watch.heard(KEY, 1, full(3), 1_020, false);
    watch.heard(KEY, 2, full(3), 1_090, true);
    watch.heard(KEY, 0, full(3), 1_040, true);
    watch.sweep(WINDOW_END + HEARING_MS);
    expect(held).toEqual([]);
    watch.sweep(WINDOW_END + HEARING_MS + 1);
    expect(held).toEqual([
      {
        key: KEY,
        skewMs: 90,
        listeningSkewMs: 90,
        isolate: 2,
        announced: true,
        ownerPlace: 7,
        heardBy: [0, 1, 2],
        unheard: 0,
      },
    ]);
    expect(asked).toEqual([[KEY, WINDOW]]);
  });

  test("holds earlier at those that listened when it began", () => {
    const { watch, held } = watching([0, 1, 2], [0, 1]);
    watch.said(KEY, WINDOW, full(3), AT);
    watch.heard(KEY, 2, full(3), 9_000, false);
    watch.heard(KEY, 0, full(3), 1_040, true);
    watch.heard(KEY, 1, full(3), 1_060, true);
    watch.forget(KEY, WINDOW, [0, 1, 2]);
    watch.said(KEY, WINDOW + 1, full(4), AT);
    watch.heard(KEY, 2, full(4), 1_100, true);
    watch.forget(KEY, WINDOW + 1, [2]);
    expect(held.map(({ skewMs, listeningSkewMs }) => [skewMs, listeningSkewMs])).toEqual([
      [8_000, 60],
      [100, undefined],
    ]);
  });

  test("does not wait for sources that never saw the client", () => {
    const { watch, held } = watching([0, 1]);
    watch.said(KEY, WINDOW, full(3), AT);
    watch.heard(KEY, 0, full(3), 1_030, true);
    watch.heard(KEY, 1, full(3), 1_010, false);
    watch.heard(KEY, 2, full(3), 1_500, true);
    watch.forget(KEY, WINDOW, [0, 1]);
    expect(held).toMatchObject([{ skewMs: 30, isolate: 0, announced: true, heardBy: [0, 1], unheard: 0 }]);
  });

  test("is held from the first time that a source hears of it, by an answer or an announcement", () => {
    const { watch, held } = watching([0]);
    watch.said(KEY, WINDOW, full(3), AT);
    watch.heard(KEY, 0, full(3), 1_015, false);
    watch.heard(KEY, 0, full(3), 1_800, true);
    watch.forget(KEY, WINDOW, [0]);
    expect(held).toMatchObject([{ skewMs: 15, announced: false }]);
  });

  test("is not heard of in an older version or epoch, but in a newer one", () => {
    const { watch, held } = watching();
    watch.said(KEY, WINDOW, full(3, 2), AT);
    watch.heard(KEY, 0, full(2, 2), 1_010, true);
    watch.heard(KEY, 1, full(9, 1), 1_010, true);
    watch.heard(KEY, 2, full(1, 3), 1_010, true);
    watch.heard(KEY, 0, full(4, 2), 1_200, true);
    watch.forget(KEY, WINDOW, [0, 1, 2]);
    expect(held).toMatchObject([{ skewMs: 200, isolate: 0, heardBy: [0, 2], unheard: 1 }]);
  });

  test("has unheard sources if they hear nothing, or too late; without any that heard it is not counted", () => {
    const { watch, held } = watching();
    watch.said(KEY, WINDOW, full(3), AT);
    watch.heard(KEY, 0, full(3), 1_010, true);
    watch.heard(KEY, 1, full(3), WINDOW_END + HEARING_MS + 1, true);
    watch.sweep(WINDOW_END + HEARING_MS + 1);
    expect(held).toMatchObject([{ heardBy: [0], unheard: 2 }]);
    watch.said(KEY, WINDOW + 1, full(4), { ...AT, windowEnd: 2 * WINDOW_END });
    watch.forget(KEY, WINDOW + 1, [0, 1, 2]);
    expect(held).toHaveLength(1);
  });

  test("is one for its window, however often its owner says so, and another in the next", () => {
    const { watch, held, asked } = watching([0]);
    watch.said(KEY, WINDOW, full(3), AT);
    watch.said(KEY, WINDOW, full(8), { ...AT, now: 1_100 });
    watch.heard(KEY, 0, full(3), 1_200, false);
    watch.said(KEY, WINDOW + 1, full(9), { ...AT, now: 61_000, windowEnd: 2 * WINDOW_END });
    // What comes late of the block before is no word of this one; its record was wiped for it.
    watch.heard(KEY, 0, full(3), 61_050, true);
    watch.heard(KEY, 0, full(9), 61_070, true);
    watch.forget(KEY, WINDOW + 1, [0]);
    expect(held.map(({ skewMs, announced }) => [skewMs, announced])).toEqual([
      [200, false],
      [70, true],
    ]);
    expect(asked).toEqual([[KEY, WINDOW]]);
  });

  test("that is a penalty is none anew while it goes on; a later penalty is", () => {
    const { watch, held } = watching([0]);
    const next = (window: number) => ({ ...AT, now: 61_000, windowEnd: (1 + window - WINDOW) * WINDOW_END });
    watch.said(KEY, WINDOW, barred(3, 600_000), AT);
    watch.heard(KEY, 0, barred(3, 600_000), 1_010, true);
    watch.said(KEY, WINDOW + 1, barred(5, 600_000), next(WINDOW + 1));
    watch.heard(KEY, 0, barred(5, 600_000), 61_020, true);
    watch.sweep(3 * WINDOW_END);
    expect(held).toHaveLength(1);
    watch.said(KEY, WINDOW + 12, barred(7, 1_300_000), next(WINDOW + 12));
    watch.heard(KEY, 0, barred(7, 1_300_000), 61_033, true);
    watch.forget(KEY, WINDOW + 12, [0]);
    expect(held.map(({ skewMs }) => skewMs)).toEqual([10, 33]);
  });

  test("is forgotten with its own window only", () => {
    const { watch, held } = watching([0]);
    watch.said(KEY, WINDOW, full(3), AT);
    watch.heard(KEY, 0, full(3), 1_010, true);
    watch.forget(KEY, WINDOW - 1, [0]);
    watch.forget(KEY + 1, WINDOW, [0]);
    expect(held).toEqual([]);
    watch.forget(KEY, WINDOW, [0]);
    watch.forget(KEY, WINDOW, [0]);
    expect(held).toHaveLength(1);
  });
});
