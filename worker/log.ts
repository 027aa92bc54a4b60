/** The isolate's lines in the log: `shared/telemetry/log.ts` says which, and how many. */
import { EventLog, type LogEvent } from "../shared/telemetry/log.ts";
import { epochMs } from "../shared/time.ts";

/** One for the isolate, whatever it has of limiters: the log is one, too. */
const log = new EventLog((time) => new Date(time).toISOString());

/**
 * Writes a line, unless too many were written lately. Never throws.
 * @param how `error` where somebody has to do something about it
 */
export function writeLog(how: "info" | "warn" | "error", event: () => LogEvent): void {
  try {
    const line = log.line(event, epochMs(Date.now()));
    if (line !== undefined) console[how](line);
  } catch {
    // What cannot be logged is no reason to decide otherwise.
  }
}
