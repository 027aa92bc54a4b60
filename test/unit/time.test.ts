/** Lengths of time and windows. */
import "./seed.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gridOf } from "../../shared/grid.ts";
import {
  durationMs,
  epochMs,
  formatDuration,
  parseDuration,
  secondsUntil,
  windowAt,
  windowEnd,
  windowStart,
} from "../../shared/time.ts";

describe("a written length", () => {
  it.each([
    ["500ms", 500],
    ["10s", 10_000],
    ["1m", 60_000],
    ["1.5h", 5_400_000],
    ["30d", 2_592_000_000],
    ["1.001s", 1_001],
    ["1.005s", 1_005],
    ["0.000001h", undefined],
    ["1.5ms", undefined],
    ["0.0015s", undefined],
    ["-1s", undefined],
    ["1 s", undefined],
    [" 1s", undefined],
    ["1s\n", undefined],
    ["1S", undefined],
    ["s", undefined],
    ["", undefined],
    ["1e3s", undefined],
    [".5s", undefined],
    ["1.s", undefined],
    ["12", undefined],
    ["1h30m", undefined],
    ["1234567890s", undefined],
  ])("%j is %s ms", (text, length) => {
    expect(parseDuration(text)).toBe(length);
  });

  it("written out is read back as the same length", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_592_000_000 }), (length) => {
        const written = formatDuration(durationMs(length));
        return length > 999_999_999 && written.endsWith("ms") ? true : parseDuration(written) === length;
      }),
    );
  });

  it("in seconds with three decimals is exact for every millisecond of a minute", () => {
    for (let ms = 0; ms < 60_000; ms += 1) {
      const text = `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}s`;
      if (parseDuration(text) !== ms) expect(parseDuration(text), text).toBe(ms);
    }
  });
});

describe("a window", () => {
  const grids = fc.record({
    lengthMs: fc.integer({ min: 1_000, max: 2_592_000_000 }).map(durationMs),
    offsetMs: fc.integer({ min: -2_592_000_000, max: 2_592_000_000 }).map(durationMs),
  });
  const times = fc.integer({ min: -4e12, max: 4e12 }).map(epochMs);

  it("holds every moment exactly once: from its start on, and before its end", () => {
    fc.assert(
      fc.property(grids, times, (grid, now) => {
        const window = windowAt(grid, now);
        expect(windowStart(grid, window)).toBeLessThanOrEqual(now);
        expect(windowEnd(grid, window)).toBeGreaterThan(now);
        expect(windowAt(grid, windowEnd(grid, window))).toBe(window + 1);
        expect(windowAt(grid, epochMs(windowStart(grid, window) - 1))).toBe(window - 1);
      }),
      { numRuns: 2_000 },
    );
  });

  it("begins at a different moment for each key, within the window's length; on the clock with align = clock", () => {
    const window = durationMs(60_000);
    expect(gridOf({ window, align: "key" }, -1)).toEqual({ lengthMs: 60_000, offsetMs: 0xffffffff % 60_000 });
    expect(gridOf({ window, align: "key" }, 61_000).offsetMs).toBe(1_000);
    expect(gridOf({ window, align: "clock" }, 61_000).offsetMs).toBe(0);
  });

  it("is waited for in whole seconds, rounded up, never negative", () => {
    const until = (ms: number) => secondsUntil(epochMs(ms), epochMs(0));
    expect([-5, 0, 1, 1_000, 1_001].map(until)).toEqual([0, 0, 1, 1, 2]);
  });
});
