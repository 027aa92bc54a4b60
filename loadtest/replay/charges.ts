/** What a limiter with these rules counts a request under: its rules, keys and windows. */

import { ClientAddress } from "../../shared/address.ts";
import { gridOf } from "../../shared/grid.ts";
import { KeyHasher, keyText } from "../../shared/key.ts";
import { compileMatcher } from "../../shared/match.ts";
import type { Rule } from "../../shared/rule.ts";
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
  const byName = new Map(
    rules.run.map((rule) => [
      rule.name,
      { rule: { ...rule, mode: modeOf(rule, rules) }, hasher: new KeyHasher(rules.secret, rule.version) },
    ]),
  );
  return {
    measured: [...byName.values()].map(({ rule }) => rule),
    chargesOf: (request, client) => {
      // The path as the Worker sees it.
      const { pathname } = new URL(`http://pop${request.target}`);
      const address = new ClientAddress().read(client);
      return match(request.method, pathname).rules.flatMap(({ name }) => {
        const found = byName.get(name);
        if (found === undefined) return [];
        const key = keyText(found.rule, address.text);
        found.hasher.tag(address);
        return [{ rule: found.rule, key, grid: gridOf(found.rule, found.hasher.lo) }];
      });
    },
  };
}

/** The mode a rule is run in. */
export const modeOf = (rule: Rule, rules: ReplayRules): Rule["mode"] =>
  rules.enforce ? rule.mode : "shadow";
