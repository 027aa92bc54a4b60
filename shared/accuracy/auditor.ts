/**
 * The auditor of one rule: gathers what all isolates saw of sampled keys, and holds it against one exact count of the
 * same requests. Pure: the shell stores and passes the time.
 *
 *    reports ──▶ rows ──AUDIT_WAIT later, in the order of time──▶ exact count ──window over──▶ figures
 *
 * A window counts only when everything is known that acts on it. Whatever is missing (a report that was lost, a key
 * beyond the bounds, the time before the first report) moves the time from which a key is trusted, and windows that
 * began before it are left out of the figures.
 */
import { bound, bucketBound } from "../bound.ts";
import {
  AUDIT_KEYS_MAX,
  AUDIT_ROWS_MAX,
  AUDIT_SOURCES_MAX,
  AUDIT_WAIT,
  MESSAGE_LIFE_MAX,
} from "../limits.ts";
import type { RulePolicy } from "../protocol/messages.ts";
import type { AccuracyFigures } from "../telemetry/live.ts";
import {
  after,
  type DurationMs,
  durationMs,
  type EpochMs,
  later,
  NEVER,
  type WindowGrid,
  windowEnd,
  windowStart,
} from "../time.ts";
import { admitExactly, type ExactCount, emptyCount, memoryOf, slackOf } from "./replay.ts";
import type { ObservedRow, ObservedWindow, Report } from "./report.ts";
import { NO_TOTALS, type Totals, together } from "./totals.ts";

/** What is known of one key in one window. */
export interface AuditedWindow {
  /** Rows that wait to be replayed. */
  rows: ObservedRow[];
  /** Cost admitted, cost admitted by `on_failure`, and cost that the exact count admits, so far. */
  admitted: number;
  unowned: number;
  exact: number;
  /** The sources that saw the key, by their numbers. */
  readonly sources: Set<number>;
}

export interface AuditedKey {
  readonly offsetMs: DurationMs;
  readonly exact: ExactCount;
  /** Nothing is missing from then on. */
  trustedFrom: EpochMs;
  readonly windows: Map<number, AuditedWindow>;
}

export interface KnownSource {
  readonly number: number;
  seq: number;
  seenAt: EpochMs;
}

/** All of an auditor, as it is stored. */
export interface AuditState {
  readonly policy: RulePolicy;
  readonly stepMs: DurationMs;
  totals: Totals;
  /** A key that is met for the first time is trusted from then on. */
  trustedFrom: EpochMs;
  sourcesNumbered: number;
  readonly sources: Map<string, KnownSource>;
  readonly keys: Map<string, AuditedKey>;
}

export class Auditor {
  #state: AuditState | undefined;
  #rows = 0;
  /** Nothing can be replayed or closed before. */
  #nextAt = Number.POSITIVE_INFINITY;

  constructor(state?: AuditState) {
    this.#state = state;
    for (const key of state?.keys.values() ?? [])
      for (const { rows } of key.windows.values()) this.#rows += rows.length;
    if (state !== undefined) this.#nextAt = NEVER;
  }

  get state(): AuditState | undefined {
    return this.#state;
  }

  /** Whether a report was taken before. */
  knows({ source, seq }: Pick<Report, "source" | "seq">): boolean {
    return seq <= (this.#state?.sources.get(source)?.seq ?? 0);
  }

  /** Takes a report; one that was taken before changes nothing. */
  take(report: Report, now: EpochMs): void {
    if (this.knows(report)) return;
    const state = this.#stateFor(report, now);
    const source = this.#sourceOf(state, report, now);
    if (report.lostUntil !== undefined) this.#distrust(state, report.lostUntil);
    for (const window of report.windows) this.#add(state, source.number, window, now);
    // The keys that are over make room for others.
    if (state.keys.size >= AUDIT_KEYS_MAX) this.#nextAt = NEVER;
    this.advance(now);
  }

  /** Replays and closes what is old enough. */
  advance(now: EpochMs): void {
    const state = this.#state;
    if (state === undefined || now < this.#nextAt) return;
    const horizon = after(now, durationMs(-AUDIT_WAIT));
    this.#nextAt = Number.POSITIVE_INFINITY;
    for (const [tag, key] of state.keys) {
      this.#replay(state, key, horizon);
      if (key.windows.size === 0 && this.#isForgotten(state, key, horizon)) state.keys.delete(tag);
    }
  }

  /** The rule's figures; `undefined` before the first report. */
  figures(now: EpochMs): AccuracyFigures | undefined {
    this.advance(now);
    const state = this.#state;
    return state && { rule: state.policy.name, ...state.totals };
  }

  #stateFor({ rule, stepMs }: Report, now: EpochMs): AuditState {
    this.#state ??= {
      policy: rule,
      stepMs,
      totals: NO_TOTALS,
      trustedFrom: now,
      sourcesNumbered: 0,
      sources: new Map(),
      keys: new Map(),
    };
    return this.#state;
  }

  #sourceOf(state: AuditState, { source, seq }: Report, now: EpochMs): KnownSource {
    const known = state.sources.get(source);
    if (known !== undefined) {
      known.seq = seq;
      known.seenAt = now;
      return known;
    }
    state.sourcesNumbered += 1;
    const fresh = { number: state.sourcesNumbered, seq, seenAt: now };
    state.sources.set(source, fresh);
    for (const [id, { seenAt }] of state.sources) {
      if (state.sources.size <= AUDIT_SOURCES_MAX) break;
      // One that can still repeat a report must stay, or it counts twice.
      if (after(seenAt, MESSAGE_LIFE_MAX) <= now) state.sources.delete(id);
    }
    return fresh;
  }

  /** Everything that happened until then may be incomplete. */
  #distrust(state: AuditState, until: EpochMs): void {
    state.trustedFrom = later(state.trustedFrom, until);
    for (const key of state.keys.values()) key.trustedFrom = later(key.trustedFrom, until);
  }

  #add(state: AuditState, source: number, seen: ObservedWindow, now: EpochMs): void {
    const key = this.#keyOf(state, seen, now);
    if (key === undefined) return;
    const grid = gridOf(state, key);
    const { rows, complete } = seen;
    const start = windowStart(grid, seen.window);
    const horizon = after(now, durationMs(-AUDIT_WAIT));
    // What happened at that time may have been replayed already.
    const isLate = rows.some(([step]) => after(start, durationMs(step * state.stepMs)) < horizon);
    const fits = this.#rows + rows.length <= AUDIT_ROWS_MAX;
    if (isLate || !complete || !fits) key.trustedFrom = later(key.trustedFrom, windowEnd(grid, seen.window));
    if (windowEnd(grid, seen.window) <= horizon) return;
    const window = key.windows.get(seen.window) ?? newWindow();
    key.windows.set(seen.window, window);
    window.sources.add(source);
    this.#nextAt = Math.min(this.#nextAt, after(start, AUDIT_WAIT));
    if (isLate || !fits) return;
    window.rows.push(...rows);
    this.#rows += rows.length;
  }

  #keyOf(
    state: AuditState,
    { key: tag, offsetMs, window }: ObservedWindow,
    now: EpochMs,
  ): AuditedKey | undefined {
    const known = state.keys.get(tag);
    if (known !== undefined) return known;
    if (state.keys.size >= AUDIT_KEYS_MAX) {
      // What is left out now may come back when there is room: in the middle of its window.
      state.trustedFrom = later(state.trustedFrom, now);
      return undefined;
    }
    const { trustedFrom } = state;
    const fresh: AuditedKey = { offsetMs, exact: emptyCount(window - 1), trustedFrom, windows: new Map() };
    state.keys.set(tag, fresh);
    return fresh;
  }

  /** Replays a key's rows that are older than the horizon, in the order of time, and closes windows that ended before it. */
  #replay(state: AuditState, key: AuditedKey, horizon: EpochMs): void {
    const { policy, stepMs } = state;
    const grid = gridOf(state, key);
    const keyPolicy = { ...policy, grid };
    for (const index of [...key.windows.keys()].sort((a, b) => a - b)) {
      const window = key.windows.get(index) as AuditedWindow;
      const start = windowStart(grid, index);
      const isOver = windowEnd(grid, index) <= horizon;
      const ripe = isOver ? Number.POSITIVE_INFINITY : Math.floor((horizon - start) / stepMs);
      const rows = window.rows.filter(([step]) => step < ripe).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      if (rows.length > 0) {
        window.rows = window.rows.filter(([step]) => step >= ripe);
        this.#rows -= rows.length;
      }
      for (const [step, cost, admitted, denied, unowned] of rows) {
        const at = after(start, durationMs(step * stepMs));
        const requests = admitted + denied;
        window.admitted += admitted * cost;
        window.unowned += unowned * cost;
        window.exact += admitExactly(keyPolicy, key.exact, { window: index, at, cost, requests }) * cost;
      }
      if (isOver) {
        this.#close(state, key, keyPolicy, index, window);
        key.windows.delete(index);
      } else {
        const next = window.rows.length > 0 ? after(later(horizon, start), stepMs) : windowEnd(grid, index);
        this.#nextAt = Math.min(this.#nextAt, after(next, AUDIT_WAIT));
      }
    }
  }

  #close(state: AuditState, key: AuditedKey, policy: RulePolicy, index: number, window: AuditedWindow): void {
    const since = after(windowStart(policy.grid, index), durationMs(-memoryOf(policy)));
    if (since < key.trustedFrom) return;
    const { admitted, exact } = window;
    const slack = slackOf(policy, state.stepMs);
    const over = Math.max(0, admitted - exact - slack);
    const under = Math.max(0, exact - admitted - slack);
    const allowed = Math.max(0, allowedOf(policy, window) - exact);
    state.totals = together(state.totals, { admitted, over, under, worst: over, bound: allowed });
  }

  /** Whether the exact count says the same as an empty one, and a key that comes back is trusted as a new one is. */
  #isForgotten(state: AuditState, key: AuditedKey, horizon: EpochMs): boolean {
    const end = windowEnd(gridOf(state, key), key.exact.meter.window);
    return after(later(end, key.trustedFrom), memoryOf(state.policy)) <= horizon;
  }
}

const newWindow = (): AuditedWindow => ({ rows: [], admitted: 0, unowned: 0, exact: 0, sources: new Set() });

const gridOf = ({ policy }: AuditState, { offsetMs }: AuditedKey): WindowGrid => ({
  lengthMs: policy.grid.lengthMs,
  offsetMs,
});

/** The most that the published bound lets these sources admit in a window, with what `on_failure` adds. */
function allowedOf(
  { algorithm, limit, burst = limit, threshold = limit, grace = 0 }: RulePolicy,
  window: AuditedWindow,
) {
  const sources = window.sources.size;
  const most =
    algorithm === "token-bucket"
      ? bucketBound({ limit, burst, threshold, grace, sources, windows: 1 })
      : bound({ limit, threshold, grace, sources });
  return most + window.unowned;
}
