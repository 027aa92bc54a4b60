/** A source as simple as can be, for tests of the ledger. */
import type { Ask, RulePolicy } from "../../shared/protocol/messages.ts";
import { durationMs } from "../../shared/time.ts";

const KEY = "00112233445566778899aabbccddeeff";
export const policyOf = (limit: number, windowMs: number): RulePolicy => ({
  version: "0123456789abcdef",
  name: "login",
  algorithm: "fixed-window",
  limit,
  grid: { lengthMs: durationMs(windowMs), offsetMs: durationMs(0) },
});

/** A source as simple as can be: it spends, and says so. */
export interface Naive {
  readonly id: string;
  readonly skewMs: number;
  window: number;
  spent: number;
  previous: number;
  counted: number;
  seq: number;
  epoch: number;
  landed: boolean;
}

export const newSource = (id: string, skewMs: number, window: number): Naive => ({
  id,
  skewMs,
  window,
  spent: 0,
  previous: 0,
  counted: 0,
  seq: 0,
  epoch: 0,
  landed: true,
});

export function rollTo(source: Naive, window: number): void {
  if (window <= source.window) return;
  source.previous = window === source.window + 1 ? source.spent : 0;
  source.spent = source.counted = 0;
  source.window = window;
}

export function asks(source: Naive, policy: RulePolicy, want: readonly number[]): Ask {
  source.seq += 1;
  source.landed = false;
  const { id, window, seq, spent, counted } = source;
  return {
    source: id,
    pop: "LHR",
    rule: policy,
    key: KEY,
    window,
    seq,
    epochSeen: source.epoch,
    spent,
    counted,
    previousSpent: source.previous,
    want,
  };
}
