/** The command line of the replay, checked before anything is read or started. */

import { LIMIT_MAX } from "../../shared/rule-schema.ts";
import { type DurationMs, durationMs, type EpochMs } from "../../shared/time.ts";
import { fail, options } from "../tools/cli.ts";
import { numberOf, wholeOf } from "../tools/values.ts";
import { SLICE_DEFAULT_MS } from "./bounds.ts";
import { clusterUrl, lengthOf, timeOf, wholesOf, wholesOrAuto } from "./option-values.ts";

const HELP = `npm run replay -- LOG [options]

Sends a slice of an access log to a cluster of POPs over HTTP, at the log's own pace, and reports what the
limiter did with it, measured against an exact count of the same requests. With --virtual the same code runs
in a simulated network and simulated time instead: the whole log in seconds, and the report says besides what
owners and hubs had to do, what that costs, and what simpler ways of counting make of the same requests.

LOG            common or combined format (Apache, nginx) or JSON lines; plain or gzip
--from TIME    start of the slice: 2026-01-12T07:27:00Z or 12/Jan/2026:07:27:00 +0000; without a zone UTC
               (default: the log's first request)
--for TIME     length of the slice, such as 30s, 5m or 1h (default: 1m; with --virtual all that follows)
--speed N      N times faster. Windows, blocks, distances, explicit deadlines and pauses are all divided by N, so
               that the outcome keeps its meaning; no window may fall below 1 s. Deadlines of "auto" keep
               their range: they measure the machine (default: 1)
--spread N     POPs that each client uses, drawn by the seed (default: 1)
--seed N       for the draws: POPs, and where in its second each request lies (default: 1)
--rules FILE   a wrangler.toml with the rules (default: the repository's)
--pops LIST    POPs of the cluster that is started (default: LHR,CDG,CHI,TYO)
--cluster URL  use this running cluster instead of starting one. Its rules must be those of --rules, its
               POPs are its own, and --speed must be 1. Clients it has counted before count on
--json         one JSON document on stdout
--help         this text

--virtual          in virtual time, at the log's own times. --pops may be a number: so many of the built-in cities
--thresholds LIST  with --virtual: instead of a report one table, with a run for each of these thresholds, such
                   as 1,2,4 or auto. They take the place of every rule's own; above a rule's limit it is the limit,
                   and auto keeps to the rule's excess_max or else to 0.05
--spreads LIST     with --thresholds: and with each of them for each of these spreads

Counting is compared in the order and at the times of sending. Requests wait for an owner when their POP has
no credit for the client; "added" times are measured against the median answer that needed none.
`;

const SPREAD_MAX = 1_000;

export type SweptThreshold = number | "auto";

/** One run for each of these. */
export interface SweepWish {
  readonly thresholds: readonly SweptThreshold[];
  readonly spreads: readonly number[];
}

export interface ReplayOptions {
  readonly log: string;
  readonly from?: EpochMs;
  /** Absent: all that follows. */
  readonly length?: DurationMs;
  readonly speed: number;
  readonly spread: number;
  readonly seed: number;
  /** Path of a wrangler.toml; absent for the repository's. */
  readonly rules?: string;
  /** In virtual time a single number may stand for that many cities. */
  readonly pops?: readonly string[];
  /** Without a slash at the end. */
  readonly cluster?: string;
  /** In virtual time. */
  readonly virtual: boolean;
  /** Several runs in virtual time. */
  readonly sweep?: SweepWish;
  readonly json: boolean;
}

/** Reads the command line; ends the command with one line when it is wrong. */
export function readOptions(args?: string[]): ReplayOptions {
  const { values, positionals } = options(
    {
      from: { type: "string" },
      for: { type: "string" },
      speed: { type: "string" },
      spread: { type: "string" },
      seed: { type: "string" },
      rules: { type: "string" },
      pops: { type: "string" },
      cluster: { type: "string" },
      virtual: { type: "boolean" },
      thresholds: { type: "string" },
      spreads: { type: "string" },
      json: { type: "boolean" },
    },
    HELP,
    1,
    args,
  );
  const log = positionals[0] ?? fail("which log? npm run replay -- LOG (see --help)");
  refuseContradictions(values);
  const virtual = values.virtual ?? false;
  const speed = values.speed === undefined ? 1 : numberOf("--speed", values.speed, 1, 1_000);
  const cluster = values.cluster === undefined ? undefined : clusterUrl(values.cluster);
  if (cluster !== undefined && speed !== 1) {
    fail(
      "--speed needs a cluster of its own, whose windows and distances it can divide: leave out --cluster",
    );
  }
  const spread = values.spread === undefined ? 1 : wholeOf("--spread", values.spread, 1, SPREAD_MAX);
  const sweep = sweepOf(values, spread);
  return {
    log,
    ...(values.from === undefined ? {} : { from: timeOf(values.from) }),
    ...(values.for === undefined && virtual ? {} : { length: sliceLength(values.for) }),
    speed,
    spread,
    seed: values.seed === undefined ? 1 : wholeOf("--seed", values.seed, 0, 0xffff_ffff),
    ...(values.rules === undefined ? {} : { rules: values.rules }),
    ...(values.pops === undefined ? {} : { pops: values.pops.split(",") }),
    ...(cluster === undefined ? {} : { cluster }),
    virtual,
    ...(sweep === undefined ? {} : { sweep }),
    json: values.json ?? false,
  };
}

/** Options as they were written. */
type Given = Readonly<Partial<Record<string, string | boolean>>>;

function refuseContradictions(given: Given): void {
  const has = (name: string): boolean => given[name] !== undefined;
  if (has("cluster") && has("pops") && !has("virtual")) {
    fail("--pops names the POPs of a cluster that is started here: leave out --cluster or --pops");
  }
  if (has("virtual") && has("cluster")) {
    fail("--virtual simulates its POPs and needs no cluster: leave out --virtual or --cluster");
  }
  if (has("virtual") && has("speed")) {
    fail("--virtual does not wait for time to pass: leave out --virtual or --speed");
  }
  if (has("thresholds") && !has("virtual")) {
    fail("--thresholds compares many runs, which only virtual time makes short: add --virtual");
  }
  if (has("spreads") && !has("thresholds")) {
    fail("--spreads belongs to the table of --thresholds: add that, or use --spread for one run");
  }
  if (has("spreads") && has("spread")) fail("--spread is one of --spreads: leave out one of the two");
}

const sliceLength = (text: string | undefined): DurationMs =>
  text === undefined ? durationMs(SLICE_DEFAULT_MS) : lengthOf(text);

function sweepOf(given: { thresholds?: string; spreads?: string }, spread: number): SweepWish | undefined {
  if (given.thresholds === undefined) return undefined;
  return {
    thresholds: wholesOrAuto("--thresholds", given.thresholds, 1, LIMIT_MAX),
    spreads: given.spreads === undefined ? [spread] : wholesOf("--spreads", given.spreads, 1, SPREAD_MAX),
  };
}
