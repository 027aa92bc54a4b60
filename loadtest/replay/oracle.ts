/**
 * The exact counter that the run is measured against: one place, no distance, no credit. It sees the same
 * requests in the order in which they were sent and applies each rule's own algorithm on the key's own
 * windows. It is deliberately naive and shares no code with the limiter's meters.
 */
import type { EpochMs, WindowGrid } from "../../shared/time.ts";

/** What the counter must know of a rule. */
export interface CountedRule {
  readonly name: string;
  readonly limit: number;
  readonly algorithm: "fixed-window" | "sliding-window";
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

export function exactCounter(): ExactCounter {
  const admitted = new Map<string, Map<number, number>>();
  const windowsOf = (charge: Charge): Map<number, number> => {
    const name = `${charge.rule.name} ${charge.key}`;
    const windows = admitted.get(name) ?? new Map<number, number>();
    admitted.set(name, windows);
    return windows;
  };
  return {
    admits(at, charges) {
      if (!charges.every((charge) => hasRoom(at, charge, windowsOf(charge)))) return false;
      for (const charge of charges) {
        const windows = windowsOf(charge);
        const window = windowIndex(charge.grid, at);
        windows.set(window, (windows.get(window) ?? 0) + 1);
      }
      return true;
    },
  };
}

/** The number of the key's window that holds `at`. */
export const windowIndex = (grid: WindowGrid, at: EpochMs): number =>
  Math.floor((at - grid.offsetMs) / grid.lengthMs);

function hasRoom(at: EpochMs, charge: Charge, windows: ReadonlyMap<number, number>): boolean {
  const { rule, grid } = charge;
  const window = windowIndex(grid, at);
  const current = windows.get(window) ?? 0;
  if (rule.algorithm === "fixed-window") return current + 1 <= rule.limit;
  const elapsed = at - grid.offsetMs - window * grid.lengthMs;
  const previous = windows.get(window - 1) ?? 0;
  // previous × (1 − elapsed/W) + current + 1 ≤ limit, in whole numbers.
  return previous * (grid.lengthMs - elapsed) <= (rule.limit - current - 1) * grid.lengthMs;
}
