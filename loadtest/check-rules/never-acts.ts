/**
 * Whether one rule keeps another from ever acting: it denies every client before the other would. Both are taken as
 * exact counts of the same requests, with owners that are reached; what isolates admit silently is left out. So the
 * first must count all that the second counts (overlaps.ts), by the same key, at the same or a higher cost, and may
 * neither claim later nor be looser when an owner is out of reach. In doubt the answer is no.
 *
 * What is then compared is the most that the first admits in any span of time with what the second always admits:
 *
 *   first           admits in any time τ at most
 *   windows of W    limit × (⌈τ/W⌉ + 1): so many windows a span touches; limit × ⌈τ/W⌉ if both begin on the clock
 *                   and one length divides the other
 *   a bucket        burst + limit × τ/W
 *
 *   second          always admits
 *   fixed window    its limit in τ = its window
 *   sliding window  its limit in τ = two of its windows, for it weighs the one before; after another sliding window of
 *                   the same length, twice the other's limit L: where the other's edge lies a share h behind its own,
 *                   its weighed count is at most L × (1 + h), and on one grid L
 *   a bucket        what a bucket admits that holds no more and fills no faster
 */
import { silentMost } from "../../shared/bound.ts";
import { denies, type Rule } from "../../shared/rule.ts";
import { coversAllOf } from "./overlaps.ts";

/** Whether `rule` can never act, because `other` does before it. */
export function neverActs(rule: Rule, other: Rule): boolean {
  if (!denies(other) || rule.mode === "shadow" || refusesAtOnce(rule)) return false;
  return countsAsMuch(other, rule) && isNoLooser(other, rule) && isSooner(other, rule);
}

/** What it denies whatever its count. */
const refusesAtOnce = ({ deny, missing }: Rule): boolean => deny.length > 0 || missing === "deny";

function countsAsMuch(other: Rule, rule: Rule): boolean {
  const sameKey =
    other.key.length === rule.key.length && other.key.every((part, at) => part === rule.key[at]);
  const sameClients = sameKey && other.ipv6Prefix === rule.ipv6Prefix;
  // A request that lacks a part counts under "ip", and does not under "skip".
  const sameMissing = other.missing === rule.missing || other.missing === "ip";
  const plainCosts = other.costBy === undefined && rule.costBy === undefined;
  return sameClients && sameMissing && plainCosts && other.cost >= rule.cost && coversAllOf(other, rule);
}

const LOOSENESS = { closed: 0, local: 1, open: 2 } as const;

// An automatic threshold may fall to 1.
const silentLeast = (rule: Rule): number => (rule.excessMax === undefined ? silentMost(rule) : rule.grace);

const isNoLooser = (other: Rule, rule: Rule): boolean =>
  silentMost(other) <= silentLeast(rule) && LOOSENESS[other.onFailure] <= LOOSENESS[rule.onFailure];

function isSooner(other: Rule, rule: Rule): boolean {
  switch (rule.algorithm) {
    case "fixed-window":
      return rule.limit >= mostIn(other, rule, 1);
    case "sliding-window":
      if (other.algorithm !== "sliding-window" || other.window !== rule.window)
        return rule.limit >= mostIn(other, rule, 2);
      return rule.limit >= (isOnClock(rule) && isOnClock(other) ? 1 : 2) * other.limit;
    case "token-bucket":
      if (other.algorithm !== "token-bucket" || other.burst > rule.burst) return false;
      // Rates as fractions, crosswise: limits times windows are exact below 2^53.
      return other.limit * rule.window <= rule.limit * other.window;
    default:
      return false;
  }
}

const isOnClock = ({ align }: Rule): boolean => align === "clock";

/** The most that `other` admits in so many windows of `rule`. */
function mostIn(other: Rule, rule: Rule, windows: number): number {
  const parts = (windows * rule.window) / other.window;
  if (other.algorithm === "token-bucket") return other.burst + other.limit * parts;
  const nested = rule.window % other.window === 0 || other.window % rule.window === 0;
  const aligned = windows === 1 && nested && isOnClock(rule) && isOnClock(other);
  return other.limit * (Math.ceil(parts) + (aligned ? 0 : 1));
}
