/** What a limiter with these rules counts a request under: its rules, keys and windows. */

import { ClientAddress } from "../../shared/address.ts";
import { gridOf } from "../../shared/grid.ts";
import { KeyHasher } from "../../shared/key.ts";
import { compileMatcher } from "../../shared/match.ts";
import { Counting } from "../../shared/requested.ts";
import type { Rule } from "../../shared/rule.ts";
import type { Traits } from "../../shared/traits.ts";
import type { MeasuredCharge, MeasuredRule } from "./measure.ts";
import type { LoggedRequest } from "./request-line.ts";
import type { ReplayRules } from "./rules.ts";

export interface Charges {
  /** The rules as run, in their order. */
  readonly measured: readonly MeasuredRule[];
  /** The rules that a client's request falls under, in the same order. */
  readonly chargesOf: (request: LoggedRequest, client: string) => readonly MeasuredCharge[];
}

export function chargesUnder(rules: ReplayRules): Charges {
  const match = compileMatcher(rules.run);
  const counted = rules.run.map((rule) => ({
    rule: { ...rule, mode: modeOf(rule, rules) },
    hasher: new KeyHasher(rules.secret, rule.version),
    counting: new Counting(rule),
  }));
  return {
    measured: counted.map(({ rule }) => rule),
    chargesOf: (request, client) => {
      const traits = traitsOf(request, client);
      const address = new ClientAddress().read(client);
      return match(traits, address).indexes.flatMap((index) => {
        const found = counted[index];
        if (found === undefined) return [];
        const { rule, hasher, counting } = found;
        hasher.tag(counting.keyOf(traits, address));
        return [{ rule, key: counting.textOf(traits, address), grid: gridOf(rule, hasher.lo) }];
      });
    },
  };
}

/** What a log tells of a request, as the Worker would see it. It has neither headers nor places. */
function traitsOf({ method, target }: LoggedRequest, client: string): Traits {
  const { pathname, hostname, searchParams } = new URL(`http://pop${target}`);
  return {
    method,
    hostname,
    pathname,
    client,
    country: undefined,
    asn: undefined,
    header: () => undefined,
    cookie: () => [],
    query: (name) => searchParams.getAll(name),
  };
}

/** The mode a rule is run in. */
export const modeOf = (rule: Rule, rules: ReplayRules): Rule["mode"] =>
  rules.enforce ? rule.mode : "shadow";
