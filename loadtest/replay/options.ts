/** The command line of the replay, checked before anything is read or started. */

import { quote } from "../../shared/quote.ts";
import { type DurationMs, durationMs, type EpochMs, parseDuration } from "../../shared/time.ts";
import { fail, options } from "../tools/cli.ts";
import { SLICE_DEFAULT_MS } from "./bounds.ts";
import { parseTime } from "./log-time.ts";

const HELP = `npm run replay -- LOG [options]

Sends a slice of an access log to a cluster of POPs over HTTP, at the log's own pace, and reports what the
limiter did with it, measured against an exact count of the same requests.

LOG            common or combined format (Apache, nginx) or JSON lines; plain or gzip
--from TIME    start of the slice: 2026-01-12T07:27:00Z or 12/Jan/2026:07:27:00 +0000; without a zone UTC
               (default: the log's first request)
--for TIME     length of the slice, such as 30s, 5m or 1h (default: 1m)
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

Counting is compared in the order and at the times of sending. Requests wait for an owner when their POP has
no credit for the client; "added" times are measured against the median answer that needed none.
`;

export interface ReplayOptions {
  readonly log: string;
  readonly from?: EpochMs;
  readonly length: DurationMs;
  readonly speed: number;
  readonly spread: number;
  readonly seed: number;
  /** Path of a wrangler.toml; absent for the repository's. */
  readonly rules?: string;
  readonly pops?: readonly string[];
  /** Without a slash at the end. */
  readonly cluster?: string;
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
      json: { type: "boolean" },
    },
    HELP,
    1,
    args,
  );
  const log = positionals[0] ?? fail("which log? npm run replay -- LOG (see --help)");
  const speed = values.speed === undefined ? 1 : numberOf("--speed", values.speed, 1, 1_000);
  const cluster = values.cluster === undefined ? undefined : clusterUrl(values.cluster);
  if (cluster !== undefined && speed !== 1) {
    fail(
      "--speed needs a cluster of its own, whose windows and distances it can divide: leave out --cluster",
    );
  }
  if (cluster !== undefined && values.pops !== undefined) {
    fail("--pops names the POPs of a cluster that is started here: leave out --cluster or --pops");
  }
  return {
    log,
    ...(values.from === undefined ? {} : { from: timeOf(values.from) }),
    length: lengthOf(values.for),
    speed,
    spread: values.spread === undefined ? 1 : wholeOf("--spread", values.spread, 1, 1_000),
    seed: values.seed === undefined ? 1 : wholeOf("--seed", values.seed, 0, 0xffff_ffff),
    ...(values.rules === undefined ? {} : { rules: values.rules }),
    ...(values.pops === undefined ? {} : { pops: values.pops.split(",") }),
    ...(cluster === undefined ? {} : { cluster }),
    json: values.json ?? false,
  };
}

function numberOf(option: string, text: string, least: number, most: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  return fail(`${option} ${quote(text)}: a number from ${least} to ${most} is allowed`);
}

function wholeOf(option: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  return fail(`${option} ${quote(text)}: a whole number from ${least} to ${most} is allowed`);
}

function timeOf(text: string): EpochMs {
  const time = parseTime(text.replace(/^\[(.*)\]$/, "$1"));
  if (time !== undefined) return time.at;
  return fail(
    `--from ${quote(text)}: a time such as 2026-01-12T07:27:00Z or "12/Jan/2026:07:27:00 +0000" is allowed`,
  );
}

function lengthOf(text: string | undefined): DurationMs {
  const length = text === undefined ? durationMs(SLICE_DEFAULT_MS) : parseDuration(text);
  if (length !== undefined && length > 0) return length;
  return fail(`--for ${quote(text)}: a duration such as 30s, 5m or 1h is allowed`);
}

function clusterUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === "http:") return url.origin;
  return fail(`--cluster ${quote(text)}: a URL such as http://127.0.0.1:8787 is allowed`);
}
