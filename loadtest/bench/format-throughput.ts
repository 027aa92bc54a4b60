/** The figures of the throughput as text for people. */
import { number, table } from "../tools/columns.ts";
import { formatGoals, section, spread, times } from "./format.ts";
import { PER_REQUESTS, type SideFigures, type ThroughputFigures } from "./throughput.ts";

export function formatThroughput(figures: ThroughputFigures): string {
  const { rounds, requestsPerTurn, connections, scenarios, goals } = figures;
  const rows = scenarios.flatMap((scenario) => [
    row(`${scenario.text}, without`, scenario.without),
    row(`${scenario.text}, with`, scenario.with),
  ]);
  const ratios = scenarios.map(
    ({ text, ratio, spread: range, noise }) =>
      `${text}: ${hundredths(ratio)} of the throughput is left (${spread(range, hundredths)}), noise ${(100 * noise).toFixed(1)} %`,
  );
  return section(
    `The Worker in workerd without a limiter and with it, over ${connections} connections: processor seconds of the server
for ${number(PER_REQUESTS)} requests, medians of ${rounds} rounds of 2 × ${number(requestsPerTurn)} requests`,
    [
      table([["", "CPU s", "rounds", "against itself", "rounds", "requests/s"], ...rows], 1),
      ratios.join("\n"),
      formatGoals(goals),
    ],
  );
}

function row(name: string, { cpuSeconds, spread: range, same, requestsPerSecond }: SideFigures): string[] {
  return [
    name,
    hundredths(cpuSeconds),
    spread(range, hundredths),
    times(same.median),
    spread(same.spread, times),
    number(Math.round(requestsPerSecond)),
  ];
}

const hundredths = (value: number): string => value.toFixed(2);
