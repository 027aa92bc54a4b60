/** What rules ask of a request besides its path and method, prepared for many requests. */
import type { ClientAddress } from "./address.ts";
import { type IpRange, IpRanges, readIpRange } from "./ip-ranges.ts";
import { canonicalValue, partOf, readKeyPart } from "./key-parts.ts";
import type { Conditions, Rule } from "./rule.ts";
import { readHeaderValue } from "./rule-schema.ts";
import type { Traits } from "./traits.ts";
import { withoutDot } from "./url.ts";

/** Whether a request has what is asked. */
export type Condition = (traits: Traits) => boolean;

/** What stands for any value of a header or a parameter. */
const ANY = "*";

/**
 * All that a table asks of a request but its paths and methods.
 * @param narrow of several values of a parameter all must be right: an origin may take any of them
 */
export function conditionsOf(
  { hosts, headers, query, country, asn }: Conditions,
  narrow = false,
): readonly Condition[] {
  const conditions: Condition[] = [];
  if (hosts !== undefined) conditions.push(hostIn(hosts));
  for (const [name, values] of Object.entries(headers ?? {}))
    conditions.push((traits) => isAmong(traits.header(name), values));
  for (const [name, values] of Object.entries(query ?? {}))
    conditions.push(parameterIn(name, values, narrow));
  if (country !== undefined) conditions.push((traits) => includes(country, traits.country));
  if (asn !== undefined) conditions.push((traits) => includes(asn, traits.asn));
  return conditions;
}

const includes = <T>(values: readonly T[], value: T | undefined): boolean =>
  value !== undefined && values.includes(value);

const isAmong = (value: string | undefined, values: readonly string[]): boolean =>
  value !== undefined && (values.includes(value) || values.includes(ANY));

function parameterIn(name: string, values: readonly string[], all: boolean): Condition {
  const isRight = (value: string): boolean => isAmong(value, values);
  return (traits) => {
    const said = traits.query(name);
    return said.some(isRight) && (!all || said.every(isRight));
  };
}

function hostIn(hosts: readonly string[]): Condition {
  const exact = new Set(hosts.filter((host) => !host.startsWith("*.")));
  const endings = hosts.filter((host) => host.startsWith("*.")).map((host) => host.slice(1));
  return ({ hostname }) => {
    const host = withoutDot(hostname);
    return exact.has(host) || endings.some((ending) => host.endsWith(ending));
  };
}

/** Whether a request is of the plan that a rule is for; rules without plans are for all. */
export function planOf({ plan }: Rule): Condition | undefined {
  if (plan === undefined) return undefined;
  const part = readKeyPart(plan.by);
  if (part === undefined || part.kind === "ip") return () => false;
  const { name, others } = plan;
  if (name !== undefined) {
    const wanted = canonicalValue(part, name);
    return (traits) => partOf(part, traits) === wanted;
  }
  const known = others.map((other) => canonicalValue(part, other));
  return (traits) => !includes(known, partOf(part, traits));
}

/** A list of addresses, ranges and header values. */
export class AccessList {
  readonly #ranges: IpRanges;
  readonly #headers = new Map<string, Set<string>>();

  constructor(written: readonly string[]) {
    const ranges: IpRange[] = [];
    for (const item of written) {
      const range = readIpRange(item);
      const header = readHeaderValue(item);
      if (range !== undefined) ranges.push(range);
      else if (header !== undefined) this.#add(header.name, header.value);
    }
    this.#ranges = new IpRanges(ranges);
  }

  #add(name: string, value: string): void {
    const values = this.#headers.get(name) ?? new Set();
    this.#headers.set(name, values.add(value));
  }

  /** Whether the client of a request, or one of its headers, is in the list. */
  has(traits: Traits, client: ClientAddress): boolean {
    if (!this.#ranges.isEmpty && this.#ranges.has(client)) return true;
    for (const [name, values] of this.#headers) {
      const value = traits.header(name);
      if (value !== undefined && values.has(value)) return true;
    }
    return false;
  }
}
