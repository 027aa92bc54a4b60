/** Checks the guarantee of a planet run over every key and window: admitted ≤ L + (k−1)(T−1+N), N being the grace. */
import { bound } from "../../shared/bound.ts";
import type { Rule } from "../../shared/rule.ts";

/** A key and window in which more was admitted than is guaranteed. */
export interface BoundViolation {
  readonly rule: string;
  readonly client: number;
  readonly window: number;
  readonly admitted: number;
  readonly sources: number;
  readonly bound: number;
}

/** How many windows had so much admitted beyond the limit: from `from` to `to`. */
export interface OvershootStep {
  readonly from: number;
  readonly to: number;
  readonly windows: number;
}

export interface BoundFigures {
  /** Keys × windows in which something was asked for. */
  readonly windows: number;
  /** Of these, those in which more than the limit was admitted. */
  readonly overLimit: number;
  /** Admitted beyond the limit, in all. */
  readonly excess: number;
  /** The most that was admitted beyond the limit, as a share of what the guarantee allows beyond it: (k−1)(T−1+N). */
  readonly peakShare: number;
  readonly overshoot: readonly OvershootStep[];
  /** Must be none. Of many, the first; `violated` says how many. */
  readonly violations: readonly BoundViolation[];
  readonly violated: number;
}

/** How many violations are listed. */
const LISTED = 20;

export class BoundCheck {
  readonly #boundOf: (rule: Rule, sources: number) => number;
  /** By ⌊log₂ overshoot⌋. */
  readonly #steps: number[] = [];
  readonly #violations: BoundViolation[] = [];
  #windows = 0;
  #overLimit = 0;
  #excess = 0;
  #peakShare = 0;
  #violated = 0;

  /** @param boundOf the guarantee; another one only to see the check fail */
  constructor(
    boundOf: (rule: Rule, sources: number) => number = ({ limit, threshold, grace }, sources) =>
      bound({ limit, threshold, grace, sources }),
  ) {
    this.#boundOf = boundOf;
  }

  /** @param sources those that admitted in the window */
  take(rule: Rule, client: number, window: number, admitted: number, sources: number): void {
    this.#windows += 1;
    const over = admitted - rule.limit;
    const most = this.#boundOf(rule, sources);
    if (admitted > most) {
      this.#violated += 1;
      if (this.#violations.length < LISTED)
        this.#violations.push({ rule: rule.name, client, window, admitted, sources, bound: most });
    }
    if (over <= 0) return;
    this.#overLimit += 1;
    this.#excess += over;
    const step = Math.floor(Math.log2(over));
    this.#steps[step] = (this.#steps[step] ?? 0) + 1;
    if (most > rule.limit) this.#peakShare = Math.max(this.#peakShare, over / (most - rule.limit));
  }

  figures(): BoundFigures {
    return {
      windows: this.#windows,
      overLimit: this.#overLimit,
      excess: this.#excess,
      peakShare: this.#peakShare,
      overshoot: Array.from(this.#steps, (windows = 0, step) => ({
        from: 2 ** step,
        to: 2 ** (step + 1) - 1,
        windows,
      })),
      violations: this.#violations,
      violated: this.#violated,
    };
  }
}
