/** The live page's figures as text for people. */
import { number } from "../tools/columns.ts";
import { formatGoals, section } from "./format.ts";
import type { PageFigures } from "./page.ts";

export function formatPage(figures: PageFigures): string {
  if ("skipped" in figures) return `The live page: SKIPPED (${figures.skipped})`;
  const { claims, requestsPerSecond, seconds, frames, p99FrameMs, goals } = figures;
  return section(
    `The live page with ${number(claims)} claims and ${number(requestsPerSecond)} requests a second, a story open, for ${seconds} s`,
    [`${number(frames)} frames, p99 ${p99FrameMs.toFixed(1)} ms`, formatGoals(goals)],
  );
}
