/**
 * The same requests under three ways of counting: this limiter, one that forwards every request to the
 * object of its key, and one that counts in each POP alone.
 */

import type { ChargedRequest } from "./charged.ts";
import type { RuleFigures } from "./figures.ts";
import { type MeasuredRule, measure } from "./measure.ts";
import { exactCounter, windowIndex } from "./oracle.ts";
import type { Bill } from "./prices.ts";
import { billPerMillion, type Messages, NO_MESSAGES } from "./usage.ts";
import type { VirtualRun } from "./virtual.ts";

/** One way of counting, and what came of it. */
export interface Counting {
  readonly name: "onecount" | "forward everything" | "per-POP only";
  /** Over all rules that are enforced; absent when none is. */
  readonly excess?: number;
  readonly missing?: number;
  /** The rule that came nearest to what its way of counting can admit in one window, or furthest beyond it. */
  readonly peak: Peak;
  /** Of the whole run. */
  readonly messages: Messages;
  /** For a million such requests. */
  readonly bill: Bill;
}

export interface Peak {
  readonly rule: string;
  /** The most that was admitted for one client in one window. */
  readonly admitted: number;
  readonly bound: number;
}

/** The requests of a run, and the rules they are measured by. */
export interface Compared {
  readonly requests: readonly ChargedRequest[];
  readonly rules: readonly MeasuredRule[];
}

/** What came of this limiter. @param boundOf by a rule's index */
export function onecount(
  run: VirtualRun,
  figures: readonly RuleFigures[],
  boundOf: (index: number) => number,
): Counting {
  const { calls, asks, rowsWritten, announcements, frames, connections } = run.tally;
  const messages = { calls, asks, rowsWritten, announcements, frames, connections, opened: run.opened };
  return {
    name: "onecount",
    ...wrongIn(figures),
    peak: peakOf(figures, boundOf),
    messages,
    bill: billPerMillion(messages, run.sent.length, run.farthestHubMs),
  };
}

/** Every request goes to the object of each of its keys, which counts exactly and writes what it admits. */
export function forwardEverything(compared: Compared): Counting {
  const counter = exactCounter();
  const opened = accountsOpened(compared.requests);
  let [calls, rowsWritten] = [0, 0];
  const figures = figuresOf(compared, ({ sentAt, charges }) => {
    const admitted = counter.admits(sentAt, enforced(charges));
    calls += charges.length;
    if (admitted) rowsWritten += charges.length;
    return admitted;
  });
  const messages = { ...NO_MESSAGES, calls, asks: calls, rowsWritten, opened };
  return {
    name: "forward everything",
    ...wrongIn(figures),
    peak: peakOf(figures, (index) => perWindow(compared.rules[index])),
    messages,
    bill: billPerMillion(messages, compared.requests.length, 0),
  };
}

/** Every POP counts exactly what it sees, and nobody tells anybody. @param spread POPs that a client uses */
export function perPopOnly(compared: Compared, spread: number): Counting {
  const counters = new Map<number, ReturnType<typeof exactCounter>>();
  const figures = figuresOf(compared, ({ planned, sentAt, charges }) => {
    const counter = counters.get(planned.pop) ?? exactCounter();
    counters.set(planned.pop, counter);
    return counter.admits(sentAt, enforced(charges));
  });
  return {
    name: "per-POP only",
    ...wrongIn(figures),
    peak: peakOf(figures, (index) => spread * perWindow(compared.rules[index])),
    messages: NO_MESSAGES,
    bill: billPerMillion(NO_MESSAGES, compared.requests.length, 0),
  };
}

const enforced = (charges: ChargedRequest["charges"]): ChargedRequest["charges"] =>
  charges.filter(({ rule }) => rule.mode === "enforce");

/** The most that an exact count admits in one window, in requests. */
function perWindow(rule: MeasuredRule | undefined): number {
  if (rule === undefined) return 0;
  const { algorithm, limit, burst, cost } = rule;
  return Math.floor((algorithm === "token-bucket" ? burst + limit : limit) / cost);
}

/** The figures of a limiter that decides by `admits`, called for each request in the order sent. */
function figuresOf(
  { requests, rules }: Compared,
  admits: (request: ChargedRequest) => boolean,
): readonly RuleFigures[] {
  const chargesBy = new Map(requests.map(({ planned, charges }) => [planned, charges]));
  return measure({
    sent: requests.map((request) => ({
      planned: request.planned,
      sentAt: request.sentAt,
      lateMs: 0,
      tookMs: 0,
      answer: { status: admits(request) ? 200 : 429, decision: "owner" },
    })),
    rules,
    chargesOf: ({ planned }) => chargesBy.get(planned) ?? [],
    popNames: [],
  }).rules;
}

/** Sums over the rules that are enforced. */
function wrongIn(figures: readonly RuleFigures[]): Pick<Counting, "excess" | "missing"> {
  const measured = figures.filter(({ excess }) => excess !== undefined);
  if (measured.length === 0) return {};
  const sum = (of: (rule: RuleFigures) => number | undefined): number =>
    measured.reduce((total, rule) => total + (of(rule) ?? 0), 0);
  return { excess: sum(({ excess }) => excess), missing: sum(({ falseDenials }) => falseDenials) };
}

function peakOf(figures: readonly RuleFigures[], boundOf: (index: number) => number): Peak {
  const peaks = figures.map(({ name, admittedPerWindowMax }, index) => ({
    rule: name,
    admitted: admittedPerWindowMax,
    bound: boundOf(index),
  }));
  return peaks.reduce((most, one) => (one.admitted / one.bound > most.admitted / most.bound ? one : most));
}

/** Objects that would be made: a key whose window and the next one passed without a request is forgotten. */
function accountsOpened(requests: readonly ChargedRequest[]): number {
  const lastWindows = new Map<string, number>();
  let opened = 0;
  for (const { sentAt, charges } of requests) {
    for (const { rule, key, grid } of charges) {
      const name = `${rule.name} ${key}`;
      const window = windowIndex(grid, sentAt);
      if (window - (lastWindows.get(name) ?? Number.NEGATIVE_INFINITY) > 1) opened += 1;
      lastWindows.set(name, window);
    }
  }
  return opened;
}
