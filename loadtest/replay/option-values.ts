/** Reads the values of the replay's options; what is wrong ends the command with one line that says what is allowed. */
import { quote } from "../../shared/quote.ts";
import { type DurationMs, type EpochMs, parseDuration } from "../../shared/time.ts";
import { fail } from "../tools/cli.ts";
import { asWhole } from "../tools/values.ts";
import { LIST_MAX } from "./bounds.ts";
import { parseTime } from "./log-time.ts";

/** Whole numbers with a comma between two. */
export function wholesOf(option: string, text: string, least: number, most: number): readonly number[] {
  const values = text.split(",").map(asWhole);
  if (values.length <= LIST_MAX && values.every((value) => value >= least && value <= most)) return values;
  return fail(
    `${option} ${quote(text)}: up to ${LIST_MAX} whole numbers from ${least} to ${most} with commas between them are allowed`,
  );
}

/** The same, and "auto" among them. */
export function wholesOrAuto(
  option: string,
  text: string,
  least: number,
  most: number,
): readonly (number | "auto")[] {
  const values = text.split(",").map((part) => (part === "auto" ? part : asWhole(part)));
  const isGood = values.every((value) => value === "auto" || (value >= least && value <= most));
  if (values.length <= LIST_MAX && isGood) return values;
  return fail(
    `${option} ${quote(text)}: up to ${LIST_MAX} whole numbers from ${least} to ${most}, or auto, with commas between them are allowed`,
  );
}

export function timeOf(text: string): EpochMs {
  const time = parseTime(text.replace(/^\[(.*)\]$/, "$1"));
  if (time !== undefined) return time.at;
  return fail(
    `--from ${quote(text)}: a time such as 2026-01-12T07:27:00Z or "12/Jan/2026:07:27:00 +0000" is allowed`,
  );
}

export function lengthOf(text: string): DurationMs {
  const length = parseDuration(text);
  if (length !== undefined && length > 0) return length;
  return fail(`--for ${quote(text)}: a duration such as 30s, 5m or 1h is allowed`);
}

export function clusterUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === "http:") return url.origin;
  return fail(`--cluster ${quote(text)}: a URL such as http://127.0.0.1:8787 is allowed`);
}
