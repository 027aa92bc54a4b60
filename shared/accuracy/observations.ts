/**
 * What one isolate has seen of sampled keys since its last reports, and those reports: one is out for each rule at a
 * time, and it is the same bytes until it is acknowledged.
 *
 *    note ──▶ open windows ──take──▶ a report ──acknowledged──▶ gone
 *                                       └── OBSERVED_LIFE without──▶ given up: the next one says what is missing
 *
 * It is bounded. What does not fit is left out by whole windows of a key, and the report says so: a figure may be
 * missing, but not wrong.
 */
import { gridOf } from "../grid.ts";
import { hex32 } from "../hash.ts";
import {
  OBSERVED_LIFE,
  OBSERVED_ROWS_MAX,
  OBSERVED_STEP_MAX,
  OBSERVED_STEP_MIN,
  OBSERVED_WINDOWS_MAX,
} from "../limits.ts";
import { policyOf } from "../policy.ts";
import type { Rule } from "../rule.ts";
import {
  after,
  type DurationMs,
  durationMs,
  type EpochMs,
  later,
  NEVER,
  windowEnd,
  windowStart,
} from "../time.ts";
import { encodeReport, type ObservedRow, type ObservedWindow } from "./report.ts";

/** What a rule made of a request: `unowned` was admitted by `on_failure`. */
export type Outcome = "admitted" | "unowned" | "denied";

/** A request of a sampled key under one rule. */
export interface Observed {
  readonly ruleIndex: number;
  /** The key's tag. */
  readonly hi: number;
  readonly lo: number;
  /** The window it was counted in, or came in. */
  readonly window: number;
  /** When it came. */
  readonly at: EpochMs;
  readonly cost: number;
  readonly outcome: Outcome;
  /** True when it was decided by another limit than the rule's, or by a block that was given by hand. */
  readonly byHand: boolean;
}

/** How finely requests under a rule are told apart by time. */
export const stepOf = ({ window, limit }: Pick<Rule, "window" | "limit">): DurationMs =>
  durationMs(Math.max(OBSERVED_STEP_MIN, Math.min(OBSERVED_STEP_MAX, Math.floor(window / limit))));

/** What was seen of one key in one window. */
interface OpenWindow extends Omit<ObservedWindow, "rows" | "complete"> {
  complete: boolean;
  /** By step and cost. */
  readonly rows: Map<string, [number, number, number, number, number]>;
}

/** What is on its way to one rule's auditor. */
interface Desk {
  readonly open: Map<string, OpenWindow>;
  seq: number;
  flight: { readonly bytes: Uint8Array; readonly madeAt: EpochMs; readonly lostUntil: EpochMs } | undefined;
  lostUntil: EpochMs;
}

export class Observations {
  readonly #source: string;
  readonly #rules: readonly Rule[];
  readonly #desks: readonly Desk[];
  #rows = 0;
  #windows = 0;

  /** @param source the isolate's id */
  constructor(source: string, rules: readonly Rule[]) {
    this.#source = source;
    this.#rules = rules;
    this.#desks = rules.map(() => ({ open: new Map(), seq: 0, flight: undefined, lostUntil: NEVER }));
  }

  /** Counts a request. */
  note({ ruleIndex, hi, lo, window, at, cost, outcome, byHand }: Observed): void {
    const rule = this.#rules[ruleIndex];
    const desk = this.#desks[ruleIndex];
    if (rule === undefined || desk === undefined) return;
    const grid = gridOf(rule, lo);
    const open = this.#open(desk, hex32(hi) + hex32(lo), grid.offsetMs, window);
    if (open === undefined) {
      desk.lostUntil = later(desk.lostUntil, windowEnd(grid, window));
      return;
    }
    if (byHand) this.#spoil(open);
    if (!open.complete) return;
    const stepMs = stepOf(rule);
    const last = Math.ceil(grid.lengthMs / stepMs) - 1;
    const step = Math.min(last, Math.max(0, Math.floor((at - windowStart(grid, window)) / stepMs)));
    const name = `${step} ${cost}`;
    let row = open.rows.get(name);
    if (row === undefined) {
      if (this.#rows >= OBSERVED_ROWS_MAX) {
        this.#spoil(open);
        return;
      }
      row = [step, cost, 0, 0, 0];
      open.rows.set(name, row);
      this.#rows += 1;
    }
    if (outcome === "denied") row[3] += 1;
    else row[2] += 1;
    if (outcome === "unowned") row[4] += 1;
  }

  #open(desk: Desk, key: string, offsetMs: DurationMs, window: number): OpenWindow | undefined {
    const name = `${key} ${window}`;
    const known = desk.open.get(name);
    if (known !== undefined) return known;
    if (this.#windows >= OBSERVED_WINDOWS_MAX) return undefined;
    this.#windows += 1;
    const open: OpenWindow = { key, offsetMs, window, complete: true, rows: new Map() };
    desk.open.set(name, open);
    return open;
  }

  /** Leaves a window of a key out. */
  #spoil(open: OpenWindow): void {
    open.complete = false;
    this.#rows -= open.rows.size;
    open.rows.clear();
  }

  /** The rules of which something is to be reported. */
  due(now: EpochMs): readonly number[] {
    return this.#desks.flatMap((desk, ruleIndex) => {
      this.#expire(desk, now);
      return desk.flight !== undefined || desk.open.size > 0 || desk.lostUntil !== NEVER ? [ruleIndex] : [];
    });
  }

  /** The report of a rule: the one that is out, else a new one of all that is open. `undefined` when there is nothing. */
  take(ruleIndex: number, now: EpochMs): Uint8Array | undefined {
    const desk = this.#desks[ruleIndex];
    const rule = this.#rules[ruleIndex];
    if (desk === undefined || rule === undefined) return undefined;
    this.#expire(desk, now);
    if (desk.flight !== undefined) return desk.flight.bytes;
    if (desk.open.size === 0 && desk.lostUntil === NEVER) return undefined;
    const windows = Array.from(desk.open.values(), (open) => ({ ...open, rows: rowsOf(open) }));
    desk.seq += 1;
    const bytes = encodeReport({
      source: this.#source,
      seq: desk.seq,
      rule: policyOf(rule, { lengthMs: rule.window, offsetMs: durationMs(0) }),
      stepMs: stepOf(rule),
      windows,
      ...(desk.lostUntil !== NEVER && { lostUntil: desk.lostUntil }),
    });
    desk.flight = { bytes, madeAt: now, lostUntil: desk.lostUntil };
    desk.lostUntil = NEVER;
    for (const open of desk.open.values()) this.#rows -= open.rows.size;
    this.#windows -= desk.open.size;
    desk.open.clear();
    return bytes;
  }

  /** The auditor has the report that was out. */
  acknowledged(ruleIndex: number, bytes: Uint8Array): void {
    const desk = this.#desks[ruleIndex];
    if (desk?.flight?.bytes === bytes) desk.flight = undefined;
  }

  /** The auditor cannot read the report that was out. */
  refused(ruleIndex: number, bytes: Uint8Array, now: EpochMs): void {
    const desk = this.#desks[ruleIndex];
    if (desk?.flight?.bytes === bytes) this.#lose(desk, now);
  }

  #expire(desk: Desk, now: EpochMs): void {
    if (desk.flight !== undefined && after(desk.flight.madeAt, OBSERVED_LIFE) <= now) this.#lose(desk, now);
  }

  #lose(desk: Desk, now: EpochMs): void {
    const told = desk.flight?.lostUntil ?? NEVER;
    desk.flight = undefined;
    desk.lostUntil = later(later(desk.lostUntil, told), now);
  }
}

const rowsOf = ({ rows }: OpenWindow): readonly ObservedRow[] => [...rows.values()];
