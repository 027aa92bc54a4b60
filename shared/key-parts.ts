/** What a rule may count by, as it is written: `ip`, `header:x-api-key`, `country`, … */
import type { Traits } from "./traits.ts";

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

/** What a request has of a part; `undefined` when it lacks it. An empty value is no value. */
export function partOf(part: Exclude<KeyPart, { kind: "ip" }>, traits: Traits): string | undefined {
  const value = read(part, traits);
  return value === "" ? undefined : value;
}

function read(part: Exclude<KeyPart, { kind: "ip" }>, traits: Traits): string | undefined {
  switch (part.kind) {
    case "header":
      return traits.header(part.name);
    case "cookie":
      return traits.cookie(part.name);
    case "query":
      return traits.query(part.name)[0];
    case "path":
      return traits.pathname;
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
