/** Requests that `POST /api/send` sends to a POP, and how their JSON is read. */
import { ClientAddress } from "../../shared/address.ts";

export interface SendRequest {
  readonly pop: string;
  /** The client's address, or the first of several clients'. */
  readonly ip: string;
  readonly path: string;
  readonly method: string;
  readonly count: number;
  /** So many clients take turns, from `ip` on. */
  readonly clients: number;
  /** Undefined: each is sent when the one before was answered. */
  readonly perSecond: number | undefined;
}

export type ParsedSend =
  | { readonly ok: true; readonly send: SendRequest }
  | { readonly ok: false; readonly problem: string };

const COUNT_MAX = 1_000;
const CLIENTS_MAX = 1_000;
const PER_SECOND_MAX = 500;
/** How long the requests of one call may take to be sent. */
const SECONDS_MAX = 30;
/** Sent one after the other they take a round trip each. */
const COUNT_UNPACED_MAX = 100;
const PATH_CHARACTERS_MAX = 2_000;
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const FIELDS: readonly string[] = ["pop", "ip", "path", "method", "count", "clients", "perSecond"];
const ALLOWED =
  'allowed: {"pop":"LHR","ip":"203.0.113.9","path":"/login","method":"POST","count":20,"clients":1,"perSecond":10}, ' +
  "of which pop and ip must be there";

const bad = (problem: string): ParsedSend => ({ ok: false, problem });
const show = (value: unknown): string => JSON.stringify(value) ?? "nothing";

/** Reads the body, given the names of the cluster's POPs. A problem names what was found and what is allowed. */
export function parseSend(text: string, pops: readonly string[]): ParsedSend {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return bad(`the body is no JSON; ${ALLOWED}`);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body))
    return bad(`the body is ${show(body)}, not an object; ${ALLOWED}`);
  const fields = new Map<string, unknown>(Object.entries(body));
  const unknown = [...fields.keys()].filter((name) => !FIELDS.includes(name));
  if (unknown.length > 0) return bad(`unknown field ${unknown.map(show).join(", ")}; ${ALLOWED}`);
  const pop = fields.get("pop");
  if (typeof pop !== "string" || !pops.includes(pop))
    return bad(`"pop" is ${show(pop)}; allowed: ${pops.join(", ")}`);
  const where = readWhere(fields);
  if (typeof where === "string") return bad(where);
  const numbers = readNumbers(fields);
  if (typeof numbers === "string") return bad(numbers);
  if (numbers.clients > 1 && lastOf(where.ip, numbers.clients) === undefined)
    return bad(
      `"ip" is ${show(where.ip)}; allowed with several clients: an IPv4 address with as many after it`,
    );
  return { ok: true, send: { pop, ...where, ...numbers } };
}

function readWhere(
  fields: ReadonlyMap<string, unknown>,
): Pick<SendRequest, "ip" | "path" | "method"> | string {
  const [ip, path = "/", method = "GET"] = ["ip", "path", "method"].map((name) => fields.get(name));
  if (typeof ip !== "string" || new ClientAddress().read(ip).bytes === 0)
    return `"ip" is ${show(ip)}; allowed: an address such as "203.0.113.9"`;
  if (typeof path !== "string" || !/^\/[!-~]*$/.test(path) || path.length > PATH_CHARACTERS_MAX)
    return `"path" is ${show(path)}; allowed: a path that begins with "/", of at most ${PATH_CHARACTERS_MAX} printable ASCII characters`;
  if (!METHODS.some((known) => known === method))
    return `"method" is ${show(method)}; allowed: ${METHODS.join(", ")}`;
  return { ip, path, method: String(method) };
}

function readNumbers(
  fields: ReadonlyMap<string, unknown>,
): Pick<SendRequest, "count" | "clients" | "perSecond"> | string {
  const [count = 1, clients = 1, perSecond] = ["count", "clients", "perSecond"].map((name) =>
    fields.get(name),
  );
  if (!isWhole(count, COUNT_MAX))
    return `"count" is ${show(count)}; allowed: a whole number from 1 to ${COUNT_MAX}`;
  if (!isWhole(clients, CLIENTS_MAX))
    return `"clients" is ${show(clients)}; allowed: a whole number from 1 to ${CLIENTS_MAX}`;
  if (perSecond === undefined) {
    if (count > COUNT_UNPACED_MAX)
      return `"count" is ${count} without "perSecond"; allowed is at most ${COUNT_UNPACED_MAX} one after the other`;
    return { count, clients, perSecond };
  }
  if (typeof perSecond !== "number" || !(perSecond > 0 && perSecond <= PER_SECOND_MAX))
    return `"perSecond" is ${show(perSecond)}; allowed: a number above 0, at most ${PER_SECOND_MAX}`;
  if (count / perSecond > SECONDS_MAX)
    return `${count} requests at ${perSecond} a second take ${Math.ceil(count / perSecond)} s; allowed: ${SECONDS_MAX} s`;
  return { count, clients, perSecond };
}

const isWhole = (value: unknown, most: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most;

/** The address of client `index`, if the first one's is `ip`. */
export function addressOf(ip: string, index: number): string {
  return index === 0 ? ip : (shifted(ip, index) ?? ip);
}

const lastOf = (ip: string, clients: number): string | undefined => shifted(ip, clients - 1);

function shifted(ip: string, by: number): string | undefined {
  const octets = ip.split(".").map(Number);
  if (octets.length !== 4) return undefined;
  const number = octets.reduce((sum, octet) => sum * 256 + octet, 0) + by;
  if (number >= 2 ** 32) return undefined;
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}
