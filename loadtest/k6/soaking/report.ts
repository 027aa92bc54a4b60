/** What a soak has shown, and whether that is good enough. */
import { count, number, rate, table } from "../../tools/columns.ts";
import { type Step, TARGET_SHARE } from "./calibrate.ts";
import { GROWTH_MAX, type IsolateMemory, isFlat, type MemorySample, memoryOf, residentOf } from "./memory.ts";

/** Lines of the Workers that are kept for the report. */
const LINES_SHOWN = 5;

export interface SoakReport {
  /** Iterations a second. */
  readonly rate: number;
  /** The usual share of all cores that was busy, or of the cluster's thread if more, 0 to 1; and what was aimed at. */
  readonly busyShare: number;
  readonly targetShare: number;
  /** Steps of the calibration; none when the rate was given. */
  readonly steps: readonly Step[];
  /** Full minutes after the warm-up. */
  readonly minutes: number;
  /** In bytes, after a full collection; the lowest of each minute's readings. */
  readonly memory: readonly IsolateMemory[];
  /** The whole workerd process by minute, in bytes: shown, not judged. */
  readonly resident: readonly number[];
  /** Clients that hung up while they waited for an owner. */
  readonly hungUp: number;
  /** Requests that still waited after the end, and Asks that were still out. */
  readonly waiting: number;
  readonly out: number;
  /** Lines that the Workers printed when something was wrong. */
  readonly printedLines: number;
  readonly printed: readonly string[];
  /** What was not as it should be; empty for a soak that has passed. */
  readonly failures: readonly string[];
}

export interface Seen {
  readonly rate: number;
  readonly share: number;
  readonly steps: readonly Step[];
  readonly minutes: number;
  readonly samples: readonly MemorySample[];
  readonly hungUp: number;
  readonly left: { readonly waiting: number; readonly out: number };
  readonly printed: readonly string[];
  /** Of the script. */
  readonly exitCode: number;
}

export function reportOf({ rate, share, steps, minutes, samples, hungUp, left, ...seen }: Seen): SoakReport {
  const { printed, exitCode } = seen;
  const memory = memoryOf(samples, minutes);
  const growing = memory.filter((isolate) => !isFlat(isolate)).map(({ isolate }) => isolate);
  const unread = memory.length === 0 || memory.some((isolate) => isolate.minutes.length < minutes);
  const failures = [
    ...(exitCode === 0 ? [] : ["the script has failed"]),
    ...(unread ? ["memory was not read in every minute"] : []),
    ...(growing.length > 0 ? [`memory grows in ${growing.join(", ")}`] : []),
    ...(left.waiting > 0
      ? [`${count(left.waiting, "request")} still ${left.waiting === 1 ? "waits" : "wait"}`]
      : []),
    ...(left.out > 0 ? [`${count(left.out, "Ask")} ${left.out === 1 ? "is" : "are"} still out`] : []),
    ...(printed.length > 0 ? [`the Workers printed ${count(printed.length, "line")}`] : []),
  ];
  return {
    rate,
    busyShare: share,
    targetShare: TARGET_SHARE,
    steps,
    minutes,
    memory,
    resident: residentOf(samples, minutes),
    hungUp,
    ...left,
    printedLines: printed.length,
    printed: printed.slice(0, LINES_SHOWN),
    failures,
  };
}

/** Rows of the limiter's report. */
export function soakRows(soak: SoakReport): readonly (readonly [string, string])[] {
  const held = soak.steps.length === 0 ? "as given" : `calibrated for ${percent(soak.targetShare)}`;
  const judged =
    soak.minutes > 1 ? `at most ${percent(GROWTH_MAX)} from the first minute to the last` : SHORT;
  return [
    [
      "load",
      `${number(soak.rate)} iterations a second, ${held}; the machine or the cluster's thread was ${percent(soak.busyShare)} busy`,
    ],
    ["memory", `MB by minute; ${judged}`],
    ...memoryLines(soak).map((line): [string, string] => ["", line]),
    ["hung up", `${count(soak.hungUp, "client")} while they waited for an owner`],
    ["left", `${number(soak.waiting)} waiting requests, ${number(soak.out)} Asks out`],
    ["printed", soak.printedLines === 0 ? "nothing" : count(soak.printedLines, "line")],
    ...soak.printed.map((line): [string, string] => ["", line]),
    ["soak", soak.failures.length === 0 ? "✓ passed" : `✗ ${soak.failures.join("; ")}`],
  ];
}

const SHORT = "not judged, for that takes two full minutes";
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

function memoryLines({ memory, resident }: SoakReport): readonly string[] {
  const mark = (isolate: IsolateMemory): string => (isFlat(isolate) ? "✓" : "✗");
  const rows = memory.map((isolate) => [
    isolate.growth === null ? "" : mark(isolate),
    isolate.isolate,
    ...isolate.minutes.map(megabytes),
    isolate.growth === null ? "" : signed(isolate.growth),
  ]);
  if (resident.length > 0) rows.push(["", "process", ...resident.map(megabytes), ""]);
  return rows.length === 0 ? [] : table(rows, 2).split("\n");
}

const megabytes = (bytes: number): string => rate(bytes / 1e6);
const signed = (growth: number): string => `${growth < 0 ? "−" : "+"}${Math.abs(100 * growth).toFixed(1)} %`;
