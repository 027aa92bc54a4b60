/** Which windows a key has under a rule. */
import type { Rule } from "./rule.ts";
import { durationMs, type WindowGrid } from "./time.ts";

/**
 * The windows of one key: with `align = "key"` shifted by its hash, so that the world does not reset at :00;
 * with `align = "clock"` they begin at whole multiples of the window since 1970.
 * @param tagLo the last 32 bits of the key's tag
 */
export const gridOf = (rule: Pick<Rule, "window" | "align">, tagLo: number): WindowGrid => ({
  lengthMs: rule.window,
  offsetMs: durationMs(rule.align === "clock" ? 0 : (tagLo >>> 0) % rule.window),
});
