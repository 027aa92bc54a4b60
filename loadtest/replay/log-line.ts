/**
 * One line of an access log: common or combined format (Apache, nginx), or a JSON object. The format is
 * told line by line, so a file may mix them.
 */
import { isIP } from "node:net";
import type { EpochMs } from "../../shared/time.ts";
import { parseJsonLine } from "./json-line.ts";
import { parseTime } from "./log-time.ts";
import { type LoggedRequest, parseRequestLine, unescapeLogged } from "./request-line.ts";

export interface LogEntry {
  readonly at: EpochMs;
  /** The log gave no more than the second. */
  readonly wholeSecond: boolean;
  /** The client's address, as logged, without a port. */
  readonly client: string;
  readonly request: LoggedRequest;
}

/** An entry, or why there is none. */
export type ParsedLine = { readonly entry: LogEntry } | { readonly problem: string };

/**
 * host ident user [time] "request" … A user name may hold spaces, but no bracket or quote: the client
 * chooses that name, and with a bracket in it could pass off a time and a request of its own making.
 */
const COMMON = /^(\S+) (\S+) ([^[\]"]+) \[([^\]]*)\] "((?:[^"\\]|\\.)*)"(?: |$)/;

/** Reads one line, without its line end. */
export function parseLine(line: string): ParsedLine {
  if (line.trim() === "") return { problem: "an empty line" };
  if (line.trimStart().startsWith("{")) return parseJsonLine(line);
  const found = COMMON.exec(line);
  if (found === null) return { problem: "neither the common or combined log format nor JSON" };
  const [, host = "", , , stamp = "", requestLine = ""] = found;
  const time = parseTime(stamp);
  if (time === undefined) return { problem: "an unreadable time" };
  const client = clientAddress(host);
  if (client === undefined) return { problem: "the client is no IP address" };
  return { entry: { ...time, client, request: parseRequestLine(unescapeLogged(requestLine)) } };
}

/** The address in `203.0.113.9`, `203.0.113.9:51554`, `2001:db8::1` or `[2001:db8::1]:443`. */
export function clientAddress(text: string): string | undefined {
  if (isIP(text) !== 0) return text;
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1];
  return bare !== undefined && isIP(bare) !== 0 ? bare : undefined;
}
