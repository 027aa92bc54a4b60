/** What a request may wait for the limiter, in round trips to the owner. Pure. */
import type { Goal } from "./decide.ts";
import type { LatencyFigure } from "./latency-figures.ts";
import type { Shape } from "./latency-load.ts";

/** One request after another: one Ask each, and what a machine takes to carry it. */
const SEQUENTIAL_SLACK_MS = 5;
/**
 * At the same time: a key has one Ask out, so a request that comes meanwhile waits for the rest of that one, half
 * of it on average, and then for its own.
 */
const TOGETHER_P50_TRIPS = 1.6;
const TOGETHER_P99_TRIPS = 2;
const TOGETHER_P99_SLACK_MS = 25;

/** @param ours the figures of our own way */
export function latencyGoals(ours: readonly LatencyFigure[]): readonly Goal[] {
  const of = (shape: Shape): readonly LatencyFigure[] => ours.filter((figure) => figure.shape === shape);
  return [
    quietGoal(of("quiet")),
    ...of("sequential").map(sequentialGoal),
    ...of("random").flatMap((figure) => togetherGoals(figure, "at random moments")),
    ...of("inFlight").flatMap((figure) => togetherGoals(figure, "always in flight")),
    degradedGoal(ours.filter(({ shape }) => shape !== "quiet")),
  ];
}

/** @param ours the figures of our own way under a rule that leases */
export function leasedGoals(ours: readonly LatencyFigure[]): readonly Goal[] {
  const of = (shape: Shape, when: string): readonly Goal[] =>
    ours
      .filter((figure) => figure.shape === shape)
      .flatMap((figure) => togetherGoals(figure, `with leases, ${when}`));
  return [...of("random", "at random moments"), ...of("inFlight", "always in flight")];
}

const countOf = (figures: readonly LatencyFigure[], decision: string): number =>
  figures.reduce((sum, { decisions }) => sum + (decisions[decision] ?? 0), 0);

const requestsOf = (figures: readonly LatencyFigure[]): number =>
  figures.reduce((sum, { requests }) => sum + requests, 0);

function quietGoal(figures: readonly LatencyFigure[]): Goal {
  const actual = requestsOf(figures) - countOf(figures, "credit");
  return {
    text: "no request of a quiet client waits: those not decided by credit",
    actual,
    met: requestsOf(figures) > 0 && actual === 0,
  };
}

function sequentialGoal({ pop, roundTripMs, p50Ms }: LatencyFigure): Goal {
  const most = roundTripMs + SEQUENTIAL_SLACK_MS;
  return {
    text: `one after another, ${pop}: p50 at most 1 RTT + ${SEQUENTIAL_SLACK_MS} ms, ${most.toFixed(1)} ms`,
    actual: p50Ms,
    met: p50Ms <= most,
  };
}

function togetherGoals({ pop, roundTripMs, p50Ms, p99Ms }: LatencyFigure, when: string): readonly Goal[] {
  const p50Most = TOGETHER_P50_TRIPS * roundTripMs;
  const p99Most = TOGETHER_P99_TRIPS * roundTripMs + TOGETHER_P99_SLACK_MS;
  return [
    {
      text: `${when}, ${pop}: p50 at most ${TOGETHER_P50_TRIPS} RTT, ${p50Most.toFixed(1)} ms`,
      actual: p50Ms,
      met: p50Ms <= p50Most,
    },
    {
      text: `${when}, ${pop}: p99 at most ${TOGETHER_P99_TRIPS} RTT + ${TOGETHER_P99_SLACK_MS} ms, ${p99Most.toFixed(1)} ms`,
      actual: p99Ms,
      met: p99Ms <= p99Most,
    },
  ];
}

function degradedGoal(figures: readonly LatencyFigure[]): Goal {
  const actual = countOf(figures, "degraded");
  return {
    text: "no request of a busy client is degraded on a healthy link",
    actual,
    met: requestsOf(figures) > 0 && actual === 0,
  };
}
