/** Requests as rules see them, for tests: what a test does not say is as plain as can be. */
import { ClientAddress } from "../../shared/address.ts";
import { compileMatcher } from "../../shared/match.ts";
import type { Rule } from "../../shared/rule.ts";
import type { RuleSet } from "../../shared/rule-set.ts";
import type { Traits } from "../../shared/traits.ts";

export interface Said {
  readonly method?: string;
  readonly hostname?: string;
  readonly pathname?: string;
  readonly client?: string | null;
  readonly country?: string;
  readonly asn?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: Readonly<Record<string, string | readonly string[]>>;
  readonly query?: string;
}

export const traitsOf = (said: Said = {}): Traits => ({
  method: said.method ?? "GET",
  hostname: said.hostname ?? "example.com",
  pathname: said.pathname ?? "/",
  client: said.client === undefined ? "203.0.113.9" : said.client,
  country: said.country,
  asn: said.asn,
  header: (name) => said.headers?.[name],
  cookie: (name) => [said.cookies?.[name] ?? []].flat(),
  query: (name) => new URLSearchParams(said.query).getAll(name),
});

/** The rules that a request falls under, by what a test says of it. */
export function matching(rules: readonly Rule[], enforce = true): (said: Said) => RuleSet {
  const match = compileMatcher(rules, enforce);
  return (said) => {
    const traits = traitsOf(said);
    return match(traits, new ClientAddress().read(traits.client));
  };
}
