/**
 * The automatic threshold: as high as the excess that a rule allows lets it be for so many sources. With
 * T = 1 + ⌊excess · L / k̂⌋ what they may admit silently beyond the limit, (k − 1)(T − 1), is within excess · L for every
 * k up to k̂ + 1.
 */
import { SOURCES_FLOOR } from "./limits.ts";
import type { Rule } from "./rule.ts";

/** The threshold for so many sources that see a client. */
export const thresholdFor = (limit: number, excessMax: number, sources: number): number =>
  Math.max(1, Math.min(limit, 1 + Math.floor((excessMax * limit) / sources)));

/** What an isolate begins with. It knows of no more sources, and never goes above this. */
export const initialThreshold = (limit: number, excessMax: number): number =>
  thresholdFor(limit, excessMax, SOURCES_FLOOR);

/** What a rule with an automatic threshold allows beyond its limit, in whole units. */
export const excessOf = ({ limit, excessMax = 0 }: Pick<Rule, "limit" | "excessMax">): number =>
  Math.floor(excessMax * limit);
