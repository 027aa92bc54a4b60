/**
 * The ledger: what each source is known to have spent and been granted, in the owner's window and the one
 * before. It turns cumulative messages into deltas, so that a lost, repeated, delayed or reordered Ask
 * changes no count.
 */
import { assert } from "../assert.ts";
import { MESSAGE_LIFE_MAX, SOURCES_HARD_MAX, SOURCES_MAX } from "../limits.ts";
import { type Ask, HUB_SOURCE } from "../protocol/messages.ts";
import { between, type EpochMs } from "../time.ts";

export interface SourceRecord {
  /** The last Ask that was taken, and the window in which it was answered with a grant, −1 for a late report. */
  seq: number;
  seqWindow: number;
  /** Cumulative authorisation in the ledger's window; never below what the source reported as spent. */
  granted: number;
  /** The same in the window before. */
  previous: number;
  /** What of `granted` and of `previous` was counted before a reset: it weighs no more, and cannot be handed back. */
  zero: number;
  previousZero: number;
  seenAt: EpochMs;
  /** Until when it knew, with its last Ask, that its key is claimed. Not stored: after a restart nobody is known to know. */
  claimSeen?: EpochMs;
  /** What of `granted` it held ahead after its last Ask. Not stored, and for display only. */
  ahead?: number | undefined;
}

export interface Ledger {
  window: number;
  sources: Map<string, SourceRecord>;
  /** Cost of folded sources in the current window. It is in the meter, but no longer listed by source. */
  base: number;
  /** What of it was counted before a reset. */
  baseZero: number;
}

export const emptyLedger = (window: number): Ledger => ({
  window,
  sources: new Map(),
  base: 0,
  baseZero: 0,
});

/**
 * Moves to a later window. Sources that had nothing to do with the old one are forgotten; one that handed
 * everything back is kept a window longer, or an older Ask of it that comes late would be counted.
 */
export function rollLedger(ledger: Ledger, window: number): void {
  if (window <= ledger.window) return;
  const next = window === ledger.window + 1;
  for (const [id, source] of ledger.sources) {
    source.previous = next ? source.granted : 0;
    source.previousZero = next ? source.zero : 0;
    source.granted = 0;
    source.zero = 0;
    if (source.previous === 0 && !(next && source.seqWindow === ledger.window)) ledger.sources.delete(id);
  }
  ledger.base = 0;
  ledger.baseZero = 0;
  ledger.window = window;
}

/**
 * A new count begins: what each source was granted or told so far is its zero. To forget it instead would charge it
 * again, as sources say what they spent in all.
 */
export function resetLedger(ledger: Ledger): void {
  for (const source of ledger.sources.values()) {
    source.zero = source.granted;
    source.previousZero = source.previous;
  }
  ledger.baseZero = ledger.base;
}

/** What an Ask's numbers change: deltas for the meter. */
export interface Learnt {
  readonly source: SourceRecord;
  readonly delta: number;
  readonly previousDelta: number;
  /** True when the row must be written for the source's sake alone. */
  readonly isNew: boolean;
}

/** Takes the account that a source gives of the ledger's own window. */
export function learn(ledger: Ledger, ask: Ask, now: EpochMs): Learnt {
  assert(ask.window === ledger.window, "an Ask is learnt in its own window");
  const known = ledger.sources.get(ask.source);
  const source = known ?? addSource(ledger, ask, now);
  const delta = spend(source, ask.spent);
  const previousDelta = spendPrevious(source, ask.previousSpent);
  source.seq = ask.seq;
  source.seqWindow = ask.window;
  source.seenAt = now;
  if (ask.claimSeen !== undefined) source.claimSeen = ask.claimSeen;
  source.ahead = ask.kept;
  return { source, delta, previousDelta, isNew: known === undefined };
}

/** Takes a late account of the window before the ledger's. Returns the delta for the meter's previous count. */
export function learnPrevious(ledger: Ledger, ask: Ask, now: EpochMs): Learnt {
  assert(ask.window === ledger.window - 1, "only the previous window is learnt late");
  const known = ledger.sources.get(ask.source);
  const source = known ?? addSource(ledger, { ...ask, counted: 0 }, now);
  const previousDelta = spendPrevious(source, ask.spent);
  source.seq = ask.seq;
  // It is answered with a refusal, and so must its repetition be: a grant of nothing would deny its requests.
  source.seqWindow = -1;
  source.seenAt = now;
  return { source, delta: 0, previousDelta, isNew: known === undefined };
}

/** What a source has spent in all, of which the meter is told the difference. */
function spend(source: SourceRecord, spent: number): number {
  const zero = Math.min(source.zero, spent);
  const delta = spent - zero - (source.granted - source.zero);
  source.granted = spent;
  source.zero = zero;
  return delta;
}

function spendPrevious(source: SourceRecord, spent: number): number {
  const zero = Math.min(source.previousZero, spent);
  const delta = spent - zero - (source.previous - source.previousZero);
  source.previous = spent;
  source.previousZero = zero;
  return delta;
}

/** What of the count sources held ahead after their last Asks of this window: nothing that was counted before a reset. */
export function lentBy({ sources }: Ledger): number {
  let lent = 0;
  // Who has not asked in this window was granted nothing in it.
  for (const { granted, zero, ahead = 0 } of sources.values()) lent += Math.min(ahead, granted - zero);
  return lent;
}

/** An entry that was pushed out and comes back is another source of the same isolate, and has no silent credit of its own. */
export const isolateOf = (source: string): string => source.slice(0, source.lastIndexOf("."));

/**
 * How many isolates the ledger heard of in its window, or in the one before if they were more: a window has just begun
 * when most of its answers leave. Folded sources are not counted, and neither are hubs, which admit nothing.
 */
export function isolatesIn({ window, sources }: Ledger): number {
  const here = new Set<string>();
  const before = new Set<string>();
  for (const [source, { seqWindow, granted, previous }] of sources) {
    const isolate = isolateOf(source);
    if (isolate === HUB_SOURCE) continue;
    if (seqWindow === window || granted > 0) here.add(isolate);
    if (seqWindow === window - 1 || previous > 0) before.add(isolate);
  }
  return Math.max(here.size, before.size);
}

/** True when one more source can be listed, after folding what may be folded. */
export function hasPlace(ledger: Ledger, id: string, now: EpochMs): boolean {
  if (ledger.sources.has(id) || ledger.sources.size < SOURCES_MAX) return true;
  fold(ledger, now);
  return ledger.sources.size < SOURCES_HARD_MAX;
}

function addSource(ledger: Ledger, ask: Ask, now: EpochMs): SourceRecord {
  // A folded source that comes back says how much of its spending was counted: that much leaves the base,
  // or it would be counted twice. It is never more than what the base holds.
  const moved = Math.min(ask.counted, ledger.base);
  const zero = Math.min(moved, ledger.baseZero);
  ledger.base -= moved;
  ledger.baseZero -= zero;
  const none = { seq: -1, seqWindow: -1, previous: 0, previousZero: 0 };
  const source: SourceRecord = { ...none, granted: moved, zero, seenAt: now };
  ledger.sources.set(ask.source, source);
  return source;
}

/** Folds the sources whose last message is so old that no copy of it can still arrive. */
function fold(ledger: Ledger, now: EpochMs): void {
  for (const [id, source] of ledger.sources) {
    if (between(source.seenAt, now) <= MESSAGE_LIFE_MAX) continue;
    ledger.base += source.granted;
    ledger.baseZero += source.zero;
    ledger.sources.delete(id);
  }
}
