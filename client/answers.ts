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
  const { admitted, rule, how, limit, remaining, retryAfterSeconds } = decision;
  const resetAtMs = millisecondsOf(decision.resetAt);
  if (
    typeof admitted !== "boolean" ||
    typeof rule !== "string" ||
    typeof how !== "string" ||
    typeof limit !== "number" ||
    typeof remaining !== "number" ||
    resetAtMs === undefined
  )
    return failed("server", "the answer's decision is incomplete");
  const decided = { rule, how, limit, remaining, resetAtMs };
  if (admitted) return { kind: "admitted", ...decided };
  const seconds = typeof retryAfterSeconds === "number" ? retryAfterSeconds : undefined;
  return { kind: "denied", ...decided, retryAfterSeconds: seconds };
}

/** A time as milliseconds of the epoch or as ISO 8601 has it. */
function millisecondsOf(time: unknown): number | undefined {
  const milliseconds = typeof time === "string" ? Date.parse(time) : time;
  return typeof milliseconds === "number" && Number.isFinite(milliseconds) ? milliseconds : undefined;
}
