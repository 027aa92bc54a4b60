/** What a rule guarantees, as a number and in words. The protocol's proof is in the design; tests assert it. */
import { unreachable } from "./assert.ts";
import { capacity } from "./capacity.ts";
import type { Rule } from "./rule.ts";
import { leaseLife } from "./rule-ahead.ts";
import { excessOf } from "./threshold.ts";
import { formatDuration } from "./time.ts";

/** What a rule lets one isolate admit in a window before its owner has counted it: silent credit, and grace. */
export interface Silence {
  readonly threshold: number;
  /** Left out, none. */
  readonly grace?: number;
}

export const silentMost = ({ threshold, grace = 0 }: Silence): number => threshold - 1 + grace;

/**
 * The most cost that `sources` isolates together admit in one window of the owner's:
 * `limit + (sources − 1) × (threshold − 1 + grace)`, even if no announcement is ever heard and owners die. A source
 * whose entry for the key was evicted in that window counts twice; what `on_failure` admits comes on top.
 */
export const bound = (rule: Silence & { limit: number; sources: number }): number =>
  rule.sources < 1 ? 0 : rule.limit + (rule.sources - 1) * silentMost(rule);

/**
 * The most cost in any real interval as long as the window, less than which a sliding window admits:
 * `2 × limit + 2 × sources × (threshold − 1 + grace)`. It weighs two counts and keeps no log of requests.
 */
export const slidingBound = (rule: Silence & { limit: number; sources: number }): number =>
  2 * rule.limit + 2 * rule.sources * silentMost(rule);

/**
 * The most cost that `sources` isolates together admit under a token bucket in any span of time, `windows` (a
 * fraction, if need be) times as long as the window: `burst + limit × windows + sources × (threshold − 1 + grace) × n`.
 *
 * The owner grants what the bucket holds when the span begins, at most `burst`, and what flows in during it,
 * `limit × windows`. Silent spending only lowers the bucket, so it comes on top: each source has its
 * `threshold − 1 + grace` anew in each of its windows, and a span that begins anywhere touches up to
 * `n = ⌈windows⌉ + 1` of them. Debt that is forgiven (below −limit) was spent silently, and is in that sum.
 *
 * The span is measured where credit is granted: seen from where it is used, it is longer by the time an answer
 * takes. Eviction of an entry and `on_failure` add what they add to `bound`.
 */
export function bucketBound(
  rule: Silence & { limit: number; burst: number; sources: number; windows: number },
): number {
  if (rule.sources < 1) return 0;
  const silent = rule.sources * silentMost(rule) * (Math.ceil(rule.windows) + 1);
  return rule.burst + rule.limit * rule.windows + silent;
}

type Guaranteed = Pick<
  Rule,
  | "limit"
  | "burst"
  | "threshold"
  | "excessMax"
  | "grace"
  | "lease"
  | "window"
  | "algorithm"
  | "onFailure"
  | "blockFor"
  | "mode"
  | "strict"
>;

function silentPart(rule: Guaranteed): string {
  const silent = silentMost(rule);
  if (silent === 0) return "whatever number of isolates sees the client";
  if (rule.strict > 0)
    return `as long as no more than ${rule.strict} isolates see the client; plus ${silent} for each further one (and ${silent} if an isolate had to forget it). Until an isolate has reported, ${silent} are kept back for it`;
  const worst = `plus ${silent} for each further isolate that sees the client (and ${silent} if an isolate had to forget it)`;
  return rule.excessMax === undefined ? worst : `${allowedPart(rule, "further isolate")}; at worst ${worst}`;
}

/** What an automatic threshold keeps to. */
function allowedPart(rule: Guaranteed, each: string): string {
  const grace = rule.grace === 0 ? "" : ` and ${rule.grace} for each ${each}`;
  return `plus ${excessOf(rule)}${grace} as long as no more isolates see the client than the estimate says`;
}

/** What a rule admits at most, in its windows and in any time. */
function mostParts(rule: Guaranteed): readonly string[] {
  const { algorithm, limit } = rule;
  const window = formatDuration(rule.window);
  const inWindow = `at most ${limit} in every window of ${window} worldwide, ${silentPart(rule)}`;
  switch (algorithm) {
    case "fixed-window":
      return [inWindow, "a client may use up two windows back to back, at the edge between them"];
    case "sliding-window": {
      const perSource = 2 * silentMost(rule);
      const silent = perSource === 0 ? "" : ` + ${perSource} for each isolate`;
      return [inWindow, `in any ${window} on the clock fewer than ${2 * limit}${silent}`];
    }
    case "token-bucket":
      return bucketParts(rule, window);
    default:
      return unreachable(algorithm);
  }
}

function bucketParts(rule: Guaranteed, window: string): readonly string[] {
  const { limit, burst } = rule;
  const most = `in any time τ at most ${burst} + ${limit}·τ/${window} worldwide`;
  const silent = silentMost(rule);
  if (silent === 0) return [`${most}, whatever number of isolates sees the client`];
  return [
    `${most}, ${bucketAllowed(rule, window)}plus ${silent} for each isolate and each window of ${window} that τ touches (and ${silent} if an isolate had to forget the client)`,
    `what isolates admitted without asking may leave the bucket at most ${limit} in debt`,
  ];
}

const bucketAllowed = (rule: Guaranteed, window: string): string =>
  rule.excessMax === undefined
    ? ""
    : `${allowedPart(rule, "isolate")}, for each window of ${window} that τ touches; at worst `;

function blockPart({ blockFor }: Guaranteed): readonly string[] {
  if (blockFor === undefined) return [];
  return [`a client that is denied stays blocked for ${formatDuration(blockFor)} from its first denial on`];
}

function leasePart(rule: Guaranteed): readonly string[] {
  if (rule.lease === 0) return [];
  const life = formatDuration(leaseLife(rule));
  return [
    `what an isolate was granted ahead is not there for the others until it is used or handed back, after ${life} at the latest`,
  ];
}

function failurePart({ onFailure, algorithm, limit, burst, window }: Guaranteed): string {
  switch (onFailure) {
    case "local": {
      // Sources have windows under every algorithm; the rest of a bucket's guarantee does not speak of them.
      const when = algorithm === "token-bucket" ? ` in each window of ${formatDuration(window)}` : "";
      const most = capacity({ algorithm, limit, burst });
      return `on_failure = local adds up to ${most}${when} for each isolate that cannot reach the owner`;
    }
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
  const shadow = rule.mode === "shadow" ? "mode = shadow: it denies nothing; enforced, it would be: " : "";
  return `${shadow}${[...mostParts(rule), ...leasePart(rule), ...blockPart(rule), failurePart(rule)].join("; ")}.`;
}
