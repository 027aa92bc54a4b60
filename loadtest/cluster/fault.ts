/** Faults that `POST /api/fault` injects, and how their JSON is read. */

import { REGIONS, type Region } from "../../shared/region.ts";

/** What a POP is linked to: all owners together, or the hub of its region. */
export type LinkEnd = "owner" | "hub";
export type LinkName = readonly [pop: string, end: LinkEnd];

/**
 * What becomes of the next call over a link, and of no other: its answer is lost, its owner is overloaded, or its
 * owner is reset once it has taken the Asks.
 */
export const NEXT_CALLS = ["lost", "overloaded", "reset"] as const;
export type NextCall = (typeof NEXT_CALLS)[number];

export type Fault =
  | { readonly kind: "kill"; readonly rule: string; readonly key: string }
  | { readonly kind: "kill-hub"; readonly region: Region }
  | { readonly kind: "cut"; readonly link: LinkName }
  | { readonly kind: "delay"; readonly link: LinkName; readonly delayMs: number }
  | { readonly kind: "next"; readonly link: LinkName; readonly next: NextCall }
  | { readonly kind: "skew"; readonly pop: string; readonly skewMs: number }
  | { readonly kind: "heal" };

export type ParsedFault =
  | { readonly ok: true; readonly fault: Fault }
  | { readonly ok: false; readonly problem: string };

/** Longest delay that can be added to each way of a link. */
const DELAY_MS_MAX = 60_000;
/** How far a POP's clock can be set off. */
const SKEW_MS_MAX = 60_000;
const ALLOWED =
  'allowed: {"kill":"owner","rule":"…","key":"ip=…"}, {"kill":"hub","region":"weur"}, {"cut":["LHR","owner"]}, {"cut":["LHR","hub"]}, ' +
  '{"delayMs":800,"link":["LHR","owner"]}, {"next":"lost","link":["LHR","owner"]}, {"skewMs":900,"pop":"LHR"}, ' +
  '{"heal":true}';
/** Each fault by the field that names it, with the fields that go with it. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  kill: ["kill", "rule", "key", "region"],
  cut: ["cut"],
  delayMs: ["delayMs", "link"],
  next: ["next", "link"],
  skewMs: ["skewMs", "pop"],
  heal: ["heal"],
};

const bad = (problem: string): ParsedFault => ({ ok: false, problem });
const show = (value: unknown): string => JSON.stringify(value) ?? "nothing";

/** Reads the body of a fault, given the names of the cluster's POPs. A problem names what was found and what is allowed. */
export function parseFault(text: string, pops: readonly string[]): ParsedFault {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return bad(`the body is no JSON; ${ALLOWED}`);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return bad(`the body is ${show(body)}, not an object; ${ALLOWED}`);
  }
  const fields = new Map<string, unknown>(Object.entries(body));
  const kinds = Object.keys(FIELDS).filter((name) => fields.has(name));
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    return bad(
      `${kind === undefined ? "no fault" : `more than one fault (${kinds.join(", ")})`}; ${ALLOWED}`,
    );
  }
  const unknown = [...fields.keys()].filter((name) => !FIELDS[kind]?.includes(name));
  if (unknown.length > 0) return bad(`unknown field ${unknown.map(show).join(", ")}; ${ALLOWED}`);
  return parseKind(kind, fields, pops);
}

function parseKind(kind: string, fields: ReadonlyMap<string, unknown>, pops: readonly string[]): ParsedFault {
  switch (kind) {
    case "kill":
      return parseKill(fields);
    case "heal":
      return fields.get("heal") === true
        ? { ok: true, fault: { kind: "heal" } }
        : bad(`"heal" is ${show(fields.get("heal"))}; allowed: true`);
    case "cut": {
      const link = parseLink("cut", fields.get("cut"), pops);
      return typeof link === "string" ? bad(link) : { ok: true, fault: { kind: "cut", link } };
    }
    case "next":
      return parseNext(fields, pops);
    case "skewMs":
      return parseSkew(fields, pops);
    default:
      return parseDelay(fields, pops);
  }
}

function parseKill(fields: ReadonlyMap<string, unknown>): ParsedFault {
  const [target, rule, key] = ["kill", "rule", "key"].map((name) => fields.get(name));
  if (target === "hub") return parseKillHub(fields);
  if (target !== "owner") return bad(`"kill" is ${show(target)}; allowed: "owner", "hub"`);
  if (fields.has("region")) return bad('"region" names a hub; "kill" is "owner"');
  if (typeof rule !== "string" || rule === "") {
    return bad(`"rule" is ${show(rule)}; allowed: the name of a rule`);
  }
  if (typeof key !== "string" || key === "") {
    return bad(`"key" is ${show(key)}; allowed: a key as /api/state shows it, such as "ip=203.0.113.9"`);
  }
  return { ok: true, fault: { kind: "kill", rule, key } };
}

function parseKillHub(fields: ReadonlyMap<string, unknown>): ParsedFault {
  if (fields.has("rule") || fields.has("key")) return bad('"rule" and "key" name an owner; "kill" is "hub"');
  const region = REGIONS.find((known) => known === fields.get("region"));
  if (region === undefined)
    return bad(`"region" is ${show(fields.get("region"))}; allowed: ${REGIONS.map(show).join(", ")}`);
  return { ok: true, fault: { kind: "kill-hub", region } };
}

function parseDelay(fields: ReadonlyMap<string, unknown>, pops: readonly string[]): ParsedFault {
  const delayMs = fields.get("delayMs");
  if (typeof delayMs !== "number" || !(delayMs >= 0 && delayMs <= DELAY_MS_MAX)) {
    return bad(`"delayMs" is ${show(delayMs)}; allowed: a number from 0 to ${DELAY_MS_MAX}`);
  }
  const link = parseLink("link", fields.get("link"), pops);
  return typeof link === "string" ? bad(link) : { ok: true, fault: { kind: "delay", link, delayMs } };
}

function parseNext(fields: ReadonlyMap<string, unknown>, pops: readonly string[]): ParsedFault {
  const next = NEXT_CALLS.find((known) => known === fields.get("next"));
  if (next === undefined) {
    return bad(`"next" is ${show(fields.get("next"))}; allowed: ${NEXT_CALLS.map(show).join(", ")}`);
  }
  const link = parseLink("link", fields.get("link"), pops);
  if (typeof link === "string") return bad(link);
  if (link[1] !== "owner") return bad('"link" ends at "hub"; calls go to owners: [POP, "owner"]');
  return { ok: true, fault: { kind: "next", link, next } };
}

function parseSkew(fields: ReadonlyMap<string, unknown>, pops: readonly string[]): ParsedFault {
  const [skewMs, pop] = [fields.get("skewMs"), fields.get("pop")];
  if (typeof skewMs !== "number" || !(Math.abs(skewMs) <= SKEW_MS_MAX)) {
    return bad(`"skewMs" is ${show(skewMs)}; allowed: a number from -${SKEW_MS_MAX} to ${SKEW_MS_MAX}`);
  }
  if (typeof pop !== "string" || !pops.includes(pop)) {
    return bad(`"pop" is ${show(pop)}; allowed: ${pops.join(", ")}`);
  }
  return { ok: true, fault: { kind: "skew", pop, skewMs } };
}

function parseLink(field: string, value: unknown, pops: readonly string[]): LinkName | string {
  const allowed = `allowed: [POP, "owner"] or [POP, "hub"], POP one of ${pops.join(", ")}`;
  if (!Array.isArray(value) || value.length !== 2) return `"${field}" is ${show(value)}; ${allowed}`;
  const [pop, end]: unknown[] = value;
  if (typeof pop !== "string" || !pops.includes(pop)) return `"${field}" names ${show(pop)}; ${allowed}`;
  if (end !== "owner" && end !== "hub") return `"${field}" ends at ${show(end)}; ${allowed}`;
  return [pop, end];
}
