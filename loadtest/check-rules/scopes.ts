/** What of a file is deployed together: the top level, or one named environment. */

import { quote } from "../../shared/quote.ts";
import type { Place } from "../../shared/rule-problem.ts";
import { isTable } from "../../shared/rule-schema.ts";
import { fail } from "../tools/cli.ts";

export interface Scope {
  /** The environment's name; `undefined` for the top level. */
  readonly env: string | undefined;
  /** Where it stands in the file. */
  readonly at: Place;
  readonly vars: Readonly<Record<string, unknown>>;
  readonly durableObjects: unknown;
  /** Unlike variables and bindings, an environment inherits these. */
  readonly migrations: unknown;
  readonly migrationsAt: Place;
}

type Config = Readonly<Record<string, unknown>>;

const tableOf = (value: unknown): Config => (isTable(value) ? value : {});

const topLevel = (config: Config): Scope => ({
  env: undefined,
  at: [],
  vars: tableOf(config.vars),
  durableObjects: config.durable_objects,
  migrations: config.migrations,
  migrationsAt: [],
});

function environment(config: Config, env: string, own: unknown): Scope {
  const table = tableOf(own);
  const at = ["env", env];
  return {
    env,
    at,
    vars: tableOf(table.vars),
    durableObjects: table.durable_objects,
    migrations: table.migrations ?? config.migrations,
    migrationsAt: table.migrations === undefined ? [] : at,
  };
}

const hasRules = ({ vars }: Scope): boolean => vars.RULES !== undefined;

/** The parts to check, and those that are deployed without rules. */
export interface Scopes {
  readonly checked: readonly Scope[];
  readonly withoutRules: readonly Scope[];
}

/**
 * The environment `env`; without one the top level and every environment that has rules of its own. The top level
 * needs none where environments have some: then nobody deploys it.
 * @param bundled whether parts without rules of their own have those of a bundled file
 */
export function scopesOf(config: Config, env: string | undefined, bundled: boolean): Scopes {
  const top = topLevel(config);
  const named = Object.entries(tableOf(config.env)).map(([name, own]) => environment(config, name, own));
  if (env !== undefined) {
    const wanted = named.find((scope) => scope.env === env);
    const known = named.map((scope) => quote(scope.env)).join(", ");
    const there = known === "" ? "there are none" : `there are ${known}`;
    if (wanted === undefined) return fail(`there is no environment ${quote(env)} in the file: ${there}`);
    return { checked: [wanted], withoutRules: [] };
  }
  const own = named.filter(hasRules);
  const checksTop = hasRules(top) || bundled || own.length === 0;
  const without = [...(checksTop ? [] : [top]), ...named.filter((scope) => !hasRules(scope))];
  return { checked: checksTop ? [top, ...own] : own, withoutRules: bundled ? [] : without };
}
