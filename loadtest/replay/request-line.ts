/**
 * What a client asked for, as far as HTTP can carry it again.
 *
 * A log also holds what was no HTTP at all (TLS or SSH bytes, empty lines). The client did hit the server,
 * so such a line stays a request: it is sent as `GET /` and counted as changed.
 */

/** `malformed`: no HTTP request line. `unsendable`: HTTP, but its method or target cannot be sent to a POP. */
export type RequestChange = "malformed" | "unsendable";

export interface LoggedRequest {
  readonly method: string;
  /** Origin form: starts with `/`, holds visible ASCII only. */
  readonly target: string;
  /** Why this is not what the log says; absent when it is. */
  readonly changed?: RequestChange;
}

/** Methods that workerd's HTTP server takes (kj-http); it answers 501 to others before any Worker runs. */
const METHODS = new Set(
  (
    "GET HEAD POST PUT DELETE PATCH PURGE OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH " +
    "UNLOCK ACL REPORT MKACTIVITY CHECKOUT MERGE NOTIFY SUBSCRIBE UNSUBSCRIBE"
  ).split(" "),
);
/** RFC 9110 §5.6.2. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const REQUEST_LINE = /^(\S+) +(\S.*?)(?: +HTTP\/\d(?:\.\d)?)?$/;
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*(.*)$/;

const MALFORMED: LoggedRequest = { method: "GET", target: "/", changed: "malformed" };

/** Reads `GET /path HTTP/1.1`; the version may be missing, as in HTTP/0.9. */
export function parseRequestLine(line: string): LoggedRequest {
  const found = REQUEST_LINE.exec(line);
  if (found?.[1] === undefined || found[2] === undefined) return MALFORMED;
  return sendable(found[1], found[2]);
}

/** The request that can be sent for a method and a target given apart. */
export function sendable(method: string, target: string): LoggedRequest {
  if (!TOKEN.test(method)) return MALFORMED;
  const known = METHODS.has(method);
  // A proxy's client names the whole URL; a server takes its path and query (RFC 9112 §3.2.2).
  const origin = target.startsWith("/") ? target : ABSOLUTE.exec(target)?.[1];
  if (origin !== undefined) {
    const path = encodeTarget(origin.startsWith("/") ? origin : `/${origin}`);
    return known ? { method, target: path } : { method: "GET", target: path, changed: "unsendable" };
  }
  // `OPTIONS *` and `CONNECT host:port` are HTTP without a path.
  if (target === "*" && method === "OPTIONS") return { method, target: "/", changed: "unsendable" };
  if (method === "CONNECT") return { method: "GET", target: "/", changed: "unsendable" };
  return MALFORMED;
}

/** Percent-encodes what a request line cannot hold: controls, spaces, `#` and everything past ASCII. */
function encodeTarget(target: string): string {
  return target.replace(/[^\x21-\x7e]+|#/gu, (part) =>
    Array.from(
      Buffer.from(part, "utf8"),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    ).join(""),
  );
}

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/**
 * Undoes the escapes of Apache and nginx: `\xHH`, `\"`, `\\` and the C letters. Bytes above 7F are joined as UTF-8.
 */
export function unescapeLogged(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/(?:\\x[0-9A-Fa-f]{2})+|\\(.)/g, (whole: string, single: string | undefined) => {
    if (single !== undefined) return NAMED_ESCAPES[single] ?? single;
    return Buffer.from(whole.replaceAll("\\x", ""), "hex").toString("utf8");
  });
}
