/**
 * What a rule may count by, as it is written: `ip`, `header:x-api-key`, `country`, …
 *
 * A value has one spelling, on the side of counting too much together: an origin may take `/Login/` for `/login`,
 * `"v"` and `%76` in a cookie for `v`, and `example.com.` for `example.com`, and each other spelling would be another
 * quota. Of two values under one name some origins take the first and some the last, so neither is counted by; nor is a
 * path that origins read in more ways than two.
 */
import { lenientReading, readingsOf, strictReading } from "./path.ts";
import type { Traits } from "./traits.ts";
import { withoutDot } from "./url.ts";

const PLAIN_PARTS = ["ip", "path", "host", "method", "country", "asn", "all"] as const;
const NAMED_PARTS = ["header", "cookie", "query"] as const;
/** Longest name of a header, a cookie or a parameter. */
const NAME_MAX = 128;
/** A token of RFC 9110 §5.6.2: what headers and cookies are called. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export type PlainPart = (typeof PLAIN_PARTS)[number];
export type NamedPart = (typeof NAMED_PARTS)[number];

/** A part of a key, read. */
export type KeyPart = { readonly kind: PlainPart } | { readonly kind: NamedPart; readonly name: string };

/** Reads a part; `undefined` when it is none. Names of headers are the same in any case. */
export function readKeyPart(written: string): KeyPart | undefined {
  const plain = PLAIN_PARTS.find((part) => part === written);
  if (plain !== undefined) return { kind: plain };
  const colon = written.indexOf(":");
  const kind = NAMED_PARTS.find((part) => part === written.slice(0, Math.max(0, colon)));
  const name = written.slice(colon + 1);
  if (kind === undefined || name === "" || name.length > NAME_MAX) return undefined;
  if (kind === "query") return /[\p{C}]/u.test(name) ? undefined : { kind, name };
  if (!TOKEN.test(name)) return undefined;
  return { kind, name: kind === "header" ? name.toLowerCase() : name };
}

/** A part as it is written, each in one spelling. */
export const partText = (part: KeyPart): string => ("name" in part ? `${part.kind}:${part.name}` : part.kind);

type OtherPart = Exclude<KeyPart, { kind: "ip" }>;

/**
 * What a request has of a part; `undefined` when it lacks it. An empty value is no value, and several that differ are
 * none.
 */
export function partOf(part: OtherPart, traits: Traits): string | undefined {
  const value = read(part, traits);
  return value === undefined || value === "" ? undefined : canonicalValue(part, value);
}

/** A part's value in its one spelling. A cookie's comes in that already: what is left of its escapes are none. */
export function canonicalValue({ kind }: OtherPart, value: string): string {
  switch (kind) {
    case "path":
      return lenientReading(strictReading(value));
    case "host":
      return withoutDot(value);
    default:
      return value;
  }
}

/** Whether a request has several values of a part that differ. */
export function isTorn(part: KeyPart, traits: Traits): boolean {
  if (part.kind === "path") return isTornPath(traits.pathname);
  const values = valuesOf(part, traits);
  return values.length > 1 && theOne(values) === undefined;
}

/** Whether origins may read a path in more ways than two: then it is neither as it stands nor the lenient reading. */
const isTornPath = (path: string): boolean => readingsOf(strictReading(path)).length > 2;

/** The values of a part that may have several. */
function valuesOf(part: KeyPart, traits: Traits): readonly string[] {
  if (part.kind === "query") return traits.query(part.name);
  return part.kind === "cookie" ? traits.cookie(part.name).map(plainCookie) : [];
}

const theOne = (values: readonly string[]): string | undefined =>
  values.every((value) => value === values[0]) ? values[0] : undefined;

/** A cookie's value as most origins read it: without quotes, escapes decoded. */
function plainCookie(value: string): string {
  const plain = value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  if (!plain.includes("%")) return plain;
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}

function read(part: OtherPart, traits: Traits): string | undefined {
  switch (part.kind) {
    case "header":
      return traits.header(part.name);
    case "cookie":
    case "query":
      return theOne(valuesOf(part, traits));
    case "path":
      return isTornPath(traits.pathname) ? undefined : traits.pathname;
    case "host":
      return traits.hostname;
    case "method":
      return traits.method;
    case "country":
      return traits.country;
    case "asn":
      return traits.asn?.toString();
    case "all":
      return "1";
    default:
      return undefined;
  }
}
