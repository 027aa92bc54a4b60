/** Host and path of a request's URL, without building a URL where there is nothing to resolve or to escape. */
import { isDottedIPv4 } from "./address.ts";

export interface HostAndPath {
  /** As `URL.hostname` has it. */
  readonly hostname: string;
  /** As `URL.pathname` has it. */
  readonly pathname: string;
}

/** Bits of what a character may stand in, for the ASCII characters that a URL keeps as they are. */
const HOST = 1;
const PATH = 2;
const KEPT = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  const host = /[a-z0-9.-]/.test(character) ? HOST : 0;
  return host | (/[A-Za-z0-9._~!$&'()*+,;=:@/-]/.test(character) ? PATH : 0);
});

const SLASH = 0x2f;
const COLON = 0x3a;
const DOT = 0x2e;
const PORT_MAX = 65_535;

/**
 * Reads `https://host:port/path?query` when host and path are spelled as `URL` would write them. `undefined` for
 * everything else, wrong or only uncommon: `URL` has to read it.
 */
export function hostAndPath(url: string): HostAndPath | undefined {
  const start = url.startsWith("https://") ? 8 : url.startsWith("http://") ? 7 : -1;
  if (start < 0) return undefined;
  const path = url.indexOf("/", start);
  const hostEnd = path < 0 ? -1 : endOfHost(url, start, path);
  const end = hostEnd < 0 ? -1 : endOfPath(url, path);
  if (end < 0) return undefined;
  return { hostname: url.slice(start, hostEnd), pathname: url.slice(path, end) };
}

/** Where the name ends, before a port; −1 when it is none that is kept. Names that `URL` would look into are not. */
function endOfHost(url: string, start: number, end: number): number {
  let at = start;
  while (at < end && isKept(url.charCodeAt(at), HOST)) at++;
  if (!isPlainHost(url.slice(start, at))) return -1;
  if (at === end) return at;
  if (url.charCodeAt(at) !== COLON) return -1;
  let port = 0;
  for (let digit = at + 1; digit < end; digit++) {
    const code = url.charCodeAt(digit);
    if (code < 0x30 || code > 0x39) return -1;
    port = 10 * port + code - 0x30;
    if (port > PORT_MAX) return -1;
  }
  return at;
}

/**
 * Whether `URL` takes a name as it is. It checks `xn--` names, and takes those that end in a number for addresses,
 * which it spells anew: `0x7f.1` is 127.0.0.1.
 */
function isPlainHost(host: string): boolean {
  const last = host.charCodeAt(host.lastIndexOf(".") + 1);
  if (last >= 0x30 && last <= 0x39) return isDottedIPv4(host);
  return host !== "" && !host.includes("xn--") && !host.endsWith(".");
}

/** Where the path ends, before a query or a fragment; −1 when it is not kept as it is: dots are resolved. */
function endOfPath(url: string, start: number): number {
  let before = 0;
  for (let at = start; at < url.length; at++) {
    const code = url.charCodeAt(at);
    if (code === 0x3f || code === 0x23) return at;
    if (!isKept(code, PATH) || (code === DOT && before === SLASH)) return -1;
    before = code;
  }
  return url.length;
}

/** `example.com.` is example.com. */
export const withoutDot = (host: string): string => (host.endsWith(".") ? host.slice(0, -1) : host);

const isKept = (code: number, where: number): boolean => code < 128 && ((KEPT[code] as number) & where) !== 0;
