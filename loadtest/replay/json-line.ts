/**
 * Access logs in JSON lines. Field names differ per server, so the usual ones are known: nginx's variables,
 * Caddy (its fields lie in `request`), Traefik, Logstash and Cloudflare Logpush. Case does not matter.
 */
import { clientAddress, type ParsedLine } from "./log-line.ts";
import { type LoggedTime, parseEpoch, parseTime } from "./log-time.ts";
import { type LoggedRequest, parseRequestLine, sendable } from "./request-line.ts";

const FIELDS = {
  time: "time timestamp @timestamp ts datetime time_local time_iso8601 msec edgestarttimestamp startutc",
  client: "remote_addr client_ip clientip remote_ip ip client clienthost",
  line: "request request_line",
  method: "method request_method verb requestmethod clientrequestmethod",
  target: "request_uri uri path url requestpath clientrequesturi",
} as const;

type Field = keyof typeof FIELDS;
type Fields = ReadonlyMap<string, unknown>;

/** Reads one JSON object. */
export function parseJsonLine(line: string): ParsedLine {
  const fields = fieldsOf(line);
  if (fields === undefined) return { problem: "broken JSON" };
  const stamp = firstOf(fields, "time");
  const time = timeOf(stamp);
  if (time === undefined) return { problem: stamp === undefined ? missing("time") : "an unreadable time" };
  const host = firstOf(fields, "client");
  if (host === undefined) return { problem: missing("client") };
  const client = clientAddress(String(host));
  if (client === undefined) return { problem: "the client is no IP address" };
  const request = requestOf(fields);
  if (request === undefined) return { problem: missing("line") };
  return { entry: { ...time, client, request } };
}

function fieldsOf(line: string): Fields | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(parsed)) return undefined;
  const fields = new Map<string, unknown>();
  const nested = parsed.request;
  // The outer field wins: it is added last.
  for (const source of isObject(nested) ? [nested, parsed] : [parsed]) {
    for (const [name, value] of Object.entries(source)) fields.set(name.toLowerCase(), value);
  }
  return fields;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The first of a field's names that holds a text or a number. */
function firstOf(fields: Fields, field: Field): string | number | undefined {
  for (const name of FIELDS[field].split(" ")) {
    const value = fields.get(name);
    if (typeof value === "number" || (typeof value === "string" && value !== "")) return value;
  }
  return undefined;
}

function timeOf(stamp: string | number | undefined): LoggedTime | undefined {
  if (stamp === undefined) return undefined;
  if (typeof stamp === "number") return parseEpoch(stamp);
  return /^\d+(\.\d+)?$/.test(stamp) ? parseEpoch(Number(stamp)) : parseTime(stamp);
}

function requestOf(fields: Fields): LoggedRequest | undefined {
  const method = firstOf(fields, "method");
  const target = firstOf(fields, "target");
  if (method !== undefined && target !== undefined) return sendable(String(method), String(target));
  const line = fields.get("request") ?? fields.get("request_line");
  // An empty request line is a client that sent nothing; a missing one is a log without requests.
  return typeof line === "string" ? parseRequestLine(line) : undefined;
}

const missing = (field: Field): string => {
  const names = FIELDS[field].split(" ").slice(0, 4).join(", ");
  return field === "line" ? "no request (request, or method and path)" : `no ${field} (${names}, …)`;
};
