/** The figures of added latency as text for people. */
import { ms, number, table } from "../tools/columns.ts";
import { formatGoals, section, spread, times } from "./format.ts";
import type { LatencyReport } from "./latency.ts";
import type { LatencyFigure } from "./latency-figures.ts";
import { type Load, SHAPES, type Shape } from "./latency-load.ts";

const titleOf = (shape: Shape, load: Load): string => {
  switch (shape) {
    case "quiet":
      return "Quiet clients: each comes once to every POP";
    case "sequential":
      return "A busy client far from its limit, one request after another at each POP";
    case "random":
      return `The same client, ${load.perSecond} requests a second at random moments at each POP`;
    case "inFlight":
      return `The same client, ${load.inFlight} requests in flight at each POP, the next as soon as one is answered`;
  }
};

export function formatLatency({ rounds, load, pops, figures, skipped, goals }: LatencyReport): string {
  const [nearest] = pops;
  return section(
    `Added latency, ms beyond an answer that calls no limiter; what counts stands next to ${nearest?.name}.\n` +
      `p50: medians of ${rounds} rounds; p99: of the requests of all rounds`,
    [
      ...skipped.map((why) => `SKIPPED ${why}`),
      ...SHAPES.map((shape) => formatShape(shape, load, figures)),
      formatGoals(goals),
    ],
  );
}

const HEAD = [
  "",
  "RTT",
  "way",
  "p50",
  "in RTT",
  "rounds",
  "p99",
  "requests",
  "zero",
  "against itself",
  "rounds",
];

function formatShape(shape: Shape, load: Load, figures: readonly LatencyFigure[]): string {
  const mine = figures.filter((figure) => figure.shape === shape);
  const rows = mine.map((figure, index) => rowOf(figure, mine[index - 1]?.pop === figure.pop));
  const decided = formatDecisions(mine);
  return [`${titleOf(shape, load)}`, table([HEAD, ...rows], 1, [2]), ...decided].join("\n");
}

function rowOf(figure: LatencyFigure, samePop: boolean): string[] {
  const { pop, roundTripMs, way, p50Ms, p99Ms, requests, zeroMs, same } = figure;
  return [
    samePop ? "" : pop,
    samePop ? "" : ms(roundTripMs),
    way,
    ms(p50Ms),
    (p50Ms / roundTripMs).toFixed(2),
    spread(figure.spread, ms),
    ms(p99Ms),
    number(requests),
    ms(zeroMs),
    times(same.median),
    spread(same.spread, times),
  ];
}

/** How requests were decided, by the way that says so. */
function formatDecisions(figures: readonly LatencyFigure[]): string[] {
  const counts = new Map<string, Map<string, number>>();
  for (const { way, decisions } of figures) {
    const ofWay = counts.get(way) ?? new Map<string, number>();
    counts.set(way, ofWay);
    for (const [decision, count] of Object.entries(decisions)) {
      ofWay.set(decision, (ofWay.get(decision) ?? 0) + count);
    }
  }
  return [...counts]
    .filter(([, ofWay]) => ofWay.size > 0)
    .map(([way, ofWay]) => {
      const words = [...ofWay].map(([decision, count]) => `${number(count)} by ${decision}`);
      return `${way}, decided: ${words.join(", ")}`;
    });
}
