/** Pass or fail, as the scripts' `thresholds` say. */
import { RunnerError } from "./error.ts";
import type { Registry, Series } from "./metrics.ts";

const OPERATORS = {
  "<=": (a: number, b: number) => a <= b,
  ">=": (a: number, b: number) => a >= b,
  "==": (a: number, b: number) => a === b,
  "!=": (a: number, b: number) => a !== b,
  "<": (a: number, b: number) => a < b,
  ">": (a: number, b: number) => a > b,
} as const;

export interface Condition {
  readonly aggregate: string;
  readonly operator: keyof typeof OPERATORS;
  readonly value: number;
}

/** Reads a threshold such as `p(95)<1000`. Throws `RunnerError` for what is none. */
export function parseCondition(text: unknown): Condition {
  if (typeof text === "string") {
    const found = /^\s*([a-z]+(?:\([\d.]+\))?)\s*(<=|>=|==|!=|<|>)\s*(-?\d+(?:\.\d+)?)\s*$/.exec(text);
    const [, aggregate = "", operator = "", value = ""] = found ?? [];
    if (isOperator(operator)) return { aggregate, operator, value: Number(value) };
  }
  throw new RunnerError(`the built-in runner cannot read the threshold ${JSON.stringify(text)}`);
}

const isOperator = (text: string): text is Condition["operator"] => Object.hasOwn(OPERATORS, text);

export interface Threshold {
  /** A metric, possibly with tags. */
  readonly metric: string;
  readonly text: string;
  readonly condition: Condition;
  readonly series: Series;
}

/** Reads all thresholds and makes the registry collect what they need: before the first sample. */
export function readThresholds(given: unknown, registry: Registry): readonly Threshold[] {
  if (given === undefined) return [];
  if (typeof given !== "object" || given === null) throw new RunnerError("thresholds is not an object");
  return Object.entries(given).flatMap(([metric, texts]) => {
    if (!Array.isArray(texts)) throw new RunnerError(`the thresholds of ${metric} are not a list`);
    const series = registry.watch(metric);
    return texts.map((text: unknown) => {
      const condition = parseCondition(text);
      // An aggregate that the metric does not have shows now and not after the run.
      series.aggregate(condition.aggregate, 1);
      return { metric, text: String(text), condition, series };
    });
  });
}

export interface Verdict extends Threshold {
  readonly found: number;
  readonly passed: boolean;
}

/** What became of a threshold in a run of `seconds`. */
export function evaluate(threshold: Threshold, seconds: number): Verdict {
  const { aggregate, operator, value } = threshold.condition;
  const found = threshold.series.aggregate(aggregate, seconds);
  return { ...threshold, found, passed: OPERATORS[operator](found, value) };
}
