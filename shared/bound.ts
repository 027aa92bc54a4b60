/** What a rule guarantees, as a number and in words. The protocol's proof is in the design; tests assert it. */
import { unreachable } from "./assert.ts";
import type { Rule } from "./rule.ts";
import { formatDuration } from "./time.ts";

/**
 * The most cost that `sources` isolates together admit in one window of the owner's:
 * `limit + (sources − 1) × (threshold − 1)`, even if no announcement is ever heard and owners die. A source
 * whose entry for the key was evicted in that window counts twice; what `on_failure` admits comes on top.
 */
export const bound = (rule: { limit: number; threshold: number; sources: number }): number =>
  rule.sources < 1 ? 0 : rule.limit + (rule.sources - 1) * (rule.threshold - 1);

/**
 * The most cost in any real interval as long as the window, less than which a sliding window admits:
 * `2 × limit + 2 × sources × (threshold − 1)`. It weighs two counts and keeps no log of requests.
 */
export const slidingBound = (rule: { limit: number; threshold: number; sources: number }): number =>
  2 * rule.limit + 2 * rule.sources * (rule.threshold - 1);

type Guaranteed = Pick<Rule, "limit" | "threshold" | "window" | "algorithm" | "onFailure" | "mode">;

function silentPart({ threshold }: Guaranteed): string {
  const silent = threshold - 1;
  if (silent === 0) return "whatever number of isolates sees the client";
  return `plus ${silent} for each further isolate that sees the client (and ${silent} if an isolate had to forget it)`;
}

function intervalPart({ algorithm, limit, threshold, window }: Guaranteed): string {
  switch (algorithm) {
    case "fixed-window":
      return `a client may use up two windows back to back, at the edge between them`;
    case "sliding-window": {
      const perSource = 2 * (threshold - 1);
      const silent = perSource === 0 ? "" : ` + ${perSource} for each isolate`;
      return `in any ${formatDuration(window)} on the clock fewer than ${2 * limit}${silent}`;
    }
    default:
      return unreachable(algorithm);
  }
}

function failurePart({ onFailure, limit }: Guaranteed): string {
  switch (onFailure) {
    case "local":
      return `on_failure = local adds up to ${limit} for each isolate that cannot reach the owner`;
    case "open":
      return "on_failure = open: unbounded while the owner cannot be reached";
    case "closed":
      return "on_failure = closed adds nothing, requests get 503 while the owner cannot be reached";
    default:
      return unreachable(onFailure);
  }
}

/** The guarantee of a rule in one sentence, for people. */
export function explainBound(rule: Guaranteed): string {
  const window = formatDuration(rule.window);
  const most = `at most ${rule.limit} in every window of ${window} worldwide, ${silentPart(rule)}`;
  const shadow = rule.mode === "shadow" ? "mode = shadow: it denies nothing; enforced, it would be: " : "";
  return `${shadow}${[most, intervalPart(rule), failurePart(rule)].join("; ")}.`;
}
