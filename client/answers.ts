/** From the limiter's JSON to outcomes. What is not exactly a decision is a failure, never a guess. */
import { failed } from "./exchange.ts";
import type { Outcome } from "./outcome.ts";

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function outcomeOf(answer: unknown): Outcome {
  const decision = isObject(answer) ? answer.decision : undefined;
  return outcome(decision);
}

/** One outcome for each of the requests, in their order. */
export function outcomesOf(answer: unknown, requests: number): readonly Outcome[] {
  const decisions: unknown = isObject(answer) ? answer.decisions : undefined;
  if (Array.isArray(decisions) && decisions.length === requests) return decisions.map(outcome);
  return Array<Outcome>(requests).fill(failed("server", `the answer is not one of ${requests} decisions`));
}

function outcome(decision: unknown): Outcome {
  if (!isObject(decision)) return failed("server", "the answer holds no decision");
  if (isObject(decision.error)) return failedOne(decision.error);
  const { admitted, rule, how, limit, remaining, resetAt, retryAfterSeconds } = decision;
  if (
    typeof admitted !== "boolean" ||
    typeof rule !== "string" ||
    typeof how !== "string" ||
    typeof limit !== "number"
  )
    return failed("server", "the answer's decision is incomplete");
  const decided = { rule, how, limit, remaining: numberOf(remaining), resetAtMs: millisecondsOf(resetAt) };
  if (admitted) return { kind: "admitted", ...decided };
  return { kind: "denied", ...decided, retryAfterSeconds: numberOf(retryAfterSeconds) };
}

/** One of a batch that could not be decided. */
function failedOne({ code, message }: Json): Outcome {
  const reason = code === "bad-request" || code === "unknown-rule" ? "bad-request" : "server";
  return failed(reason, typeof message === "string" ? message : String(code));
}

const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

/** A time as milliseconds since 1970 or as ISO 8601 has it. */
function millisecondsOf(time: unknown): number | undefined {
  const milliseconds = numberOf(typeof time === "string" ? Date.parse(time) : time);
  return Number.isFinite(milliseconds) ? milliseconds : undefined;
}
