/**
 * The exact counter that the run is measured against: one place, no distance, no credit. It sees the same
 * requests in the order in which they were sent and applies each rule's own algorithm on the key's own
 * windows. It is deliberately naive and shares no code with the limiter's meters.
 */
import type { DurationMs, EpochMs, WindowGrid } from "../../shared/time.ts";

/** What the counter must know of a rule. */
export interface CountedRule {
  readonly name: string;
  readonly limit: number;
  readonly algorithm: "fixed-window" | "sliding-window" | "token-bucket";
  /** What a full bucket holds. */
  readonly burst: number;
  /** What each request costs. */
  readonly cost: number;
  /** How long a denied key stays barred. */
  readonly blockFor: DurationMs | undefined;
}

/** One rule that a request falls under, and the request's key in it. */
export interface Charge {
  readonly rule: CountedRule;
  readonly key: string;
  readonly grid: WindowGrid;
}

export interface ExactCounter {
  /**
   * Whether an exact limiter would admit a request at `at`. All its rules must have room; a denied request
   * counts in none of them. Times must not go back.
   */
  admits(at: EpochMs, charges: readonly Charge[]): boolean;
}

/** What is known of one key under one rule. */
interface Count {
  /** Cost admitted by window. */
  readonly windows: Map<number, number>;
  /** The bucket's level, and when it was that. */
  tokens: number;
  tokensAt: number;
  barredUntil: number;
}

export function exactCounter(): ExactCounter {
  const counts = new Map<string, Count>();
  const countOf = ({ rule, key }: Charge): Count => {
    const name = `${rule.name} ${key}`;
    const known = counts.get(name);
    if (known !== undefined) return known;
    const fresh = { windows: new Map<number, number>(), tokens: rule.burst, tokensAt: 0, barredUntil: 0 };
    counts.set(name, fresh);
    return fresh;
  };
  return {
    admits(at, charges) {
      const denying = charges.find((charge) => !hasRoom(at, charge, countOf(charge)));
      if (denying !== undefined) {
        const count = countOf(denying);
        const { blockFor } = denying.rule;
        if (blockFor !== undefined && count.barredUntil <= at) count.barredUntil = at + blockFor;
        return false;
      }
      for (const charge of charges) spend(at, charge, countOf(charge));
      return true;
    },
  };
}

/** The number of the key's window that holds `at`. */
export const windowIndex = (grid: WindowGrid, at: EpochMs): number =>
  Math.floor((at - grid.offsetMs) / grid.lengthMs);

function spend(at: EpochMs, charge: Charge, count: Count): void {
  const { rule, grid } = charge;
  const window = windowIndex(grid, at);
  count.windows.set(window, (count.windows.get(window) ?? 0) + rule.cost);
  count.tokens = tokensAt(at, charge, count) - rule.cost;
  count.tokensAt = at;
}

function tokensAt(at: EpochMs, { rule, grid }: Charge, count: Count): number {
  return Math.min(rule.burst, count.tokens + ((at - count.tokensAt) * rule.limit) / grid.lengthMs);
}

function hasRoom(at: EpochMs, charge: Charge, count: Count): boolean {
  const { rule, grid } = charge;
  if (count.barredUntil > at) return false;
  // Fractions of a token are compared with a little slack: thirds do not add up in binary.
  if (rule.algorithm === "token-bucket") return tokensAt(at, charge, count) + 1e-9 >= rule.cost;
  const window = windowIndex(grid, at);
  const current = count.windows.get(window) ?? 0;
  if (rule.algorithm === "fixed-window") return current + rule.cost <= rule.limit;
  const elapsed = at - grid.offsetMs - window * grid.lengthMs;
  const previous = count.windows.get(window - 1) ?? 0;
  // previous × (1 − elapsed/W) + current + cost ≤ limit, in whole numbers.
  return previous * (grid.lengthMs - elapsed) <= (rule.limit - current - rule.cost) * grid.lengthMs;
}
