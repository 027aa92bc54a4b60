/** When the iterations of an arrival-rate scenario start. */
import { RunnerError } from "./error.ts";

export interface Stage {
  readonly target: number;
  readonly durationMs: number;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A length of time as k6 writes it: `1500ms`, `90s`, `5m`. Throws `RunnerError` for anything else. */
export function durationOf(what: string, text: unknown): number {
  const [, value, unit = ""] =
    typeof text === "string" ? (/^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []) : [];
  if (value === undefined)
    throw new RunnerError(`${what} is ${JSON.stringify(text)}: a length such as 90s is needed`);
  return Number(value) * (UNIT_MS[unit] ?? 1);
}

/** Ms from the start at which iterations start at a constant rate: the first at once, none at the end. */
export function* constantArrivals(rate: number, unitMs: number, durationMs: number): Generator<number> {
  for (let number = 0; (number * unitMs) / rate < durationMs; number += 1) yield (number * unitMs) / rate;
}

/**
 * The same for a rate that changes linearly within each stage, from the last stage's target to its own:
 * the n-th iteration starts when the area under the rate reaches n.
 */
export function* rampingArrivals(
  startRate: number,
  unitMs: number,
  stages: readonly Stage[],
): Generator<number> {
  let from = startRate / unitMs;
  let began = 0;
  let done = 0;
  let number = 1;
  for (const { target, durationMs } of stages) {
    const to = target / unitMs;
    const slope = durationMs === 0 ? 0 : (to - from) / durationMs;
    const area = ((from + to) / 2) * durationMs;
    // A thousandth of an iteration is rounding, as in 0.1 + 0.2.
    for (; number <= done + area + 0.001; number += 1) {
      yield began + Math.min(durationMs, timeOfArea(from, slope, number - done));
    }
    done += area;
    began += durationMs;
    from = to;
  }
}

/** The t at which `from·t + slope·t²/2` reaches `area`. */
function timeOfArea(from: number, slope: number, area: number): number {
  if (slope === 0) return area / from;
  // The form without a difference of two close numbers; below zero only by rounding, at the end of a ramp to 0.
  return (2 * area) / (from + Math.sqrt(Math.max(0, from * from + 2 * slope * area)));
}
