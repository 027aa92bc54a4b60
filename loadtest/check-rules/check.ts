/** What the rules check looks at in a wrangler.toml, as data. */
import { explainBound } from "../../shared/bound.ts";
import { parseRules, type Rule, type RuleProblem } from "../../shared/rule.ts";
import { isTable } from "../../shared/rule-schema.ts";

/** Bytes one variable of a Worker holds; a deploy with more is refused by the platform. */
const VARIABLE_BYTES_MAX = 5 * 1024;

/** The bindings the Worker cannot do without, and their classes. */
const BINDINGS = { KEY_OWNER: "KeyOwner", REGION_HUB: "RegionHub" } as const;

/** A binding that is missing or wrong, and the lines of TOML that put it right. */
export interface BindingProblem {
  /** The binding's name, or `migrations`. */
  readonly binding: string;
  readonly message: string;
  readonly snippet: string;
}

export interface CheckReport {
  readonly ok: boolean;
  readonly rules: readonly (Rule & { readonly guarantee: string })[];
  readonly problems: readonly RuleProblem[];
  readonly bindings: readonly BindingProblem[];
  /** Nothing wrong, but worth knowing before a deploy. */
  readonly notes: readonly string[];
}

/** Checks a wrangler.toml that was read already. */
export function checkConfig(config: Readonly<Record<string, unknown>>): CheckReport {
  const vars = isTable(config.vars) ? config.vars : {};
  const parsed = parseRules(vars.RULES);
  const problems = [...(parsed.ok ? [] : parsed.problems), ...sizeProblem(vars.RULES)];
  const bindings = bindingProblems(config);
  return {
    ok: problems.length === 0 && bindings.length === 0,
    rules: parsed.ok ? parsed.rules.map((rule) => ({ ...rule, guarantee: explainBound(rule) })) : [],
    problems,
    bindings,
    notes: [secretNote(vars), ...environmentNotes(config.env)],
  };
}

function sizeProblem(rules: unknown): RuleProblem[] {
  const text = typeof rules === "string" ? rules : (JSON.stringify(rules) ?? "");
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= VARIABLE_BYTES_MAX) return [];
  const allowed = `${VARIABLE_BYTES_MAX} bytes, for one variable of a Worker holds no more`;
  return [{ rule: "RULES", field: "", found: `${bytes} bytes as JSON`, allowed, at: [] }];
}

const tablesOf = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isTable) : [];

function bindingProblems(config: Readonly<Record<string, unknown>>): BindingProblem[] {
  const bound = tablesOf(isTable(config.durable_objects) ? config.durable_objects.bindings : undefined);
  const problems: BindingProblem[] = [];
  const uncreated: string[] = [];
  for (const [binding, className] of Object.entries(BINDINGS)) {
    const found = bound.find((table) => table.name === binding);
    // Another Worker may hold the class; its migrations stand in that Worker's file.
    if (found?.script_name !== undefined) continue;
    if (!hasSqliteClass(config.migrations, className)) uncreated.push(className);
    if (found?.class_name === className) continue;
    const wrong = found === undefined ? "is missing" : `must name the class ${className}`;
    const snippet = `[[durable_objects.bindings]]\nname = "${binding}"\nclass_name = "${className}"`;
    problems.push({ binding, message: `the Durable Object binding ${binding} ${wrong}`, snippet });
  }
  if (uncreated.length > 0) {
    const tag = `v${tablesOf(config.migrations).length + 1}`;
    const snippet = `[[migrations]]\ntag = "${tag}"\nnew_sqlite_classes = ${JSON.stringify(uncreated)}`;
    const message = `no migration creates ${uncreated.join(" and ")} with SQLite storage`;
    problems.push({ binding: "migrations", message, snippet });
  }
  return problems;
}

const hasSqliteClass = (migrations: unknown, className: string): boolean =>
  tablesOf(migrations).some(
    (step) =>
      (Array.isArray(step.new_sqlite_classes) && step.new_sqlite_classes.includes(className)) ||
      tablesOf(step.renamed_classes).some((renamed) => renamed.to === className),
  );

const secretNote = (vars: Record<string, unknown>): string =>
  vars.KEY_SECRET === undefined
    ? "KEY_SECRET is a secret and cannot be seen here; without it keys are hashed under a fixed key that anybody can read (wrangler secret put KEY_SECRET)"
    : "KEY_SECRET stands in the file for anybody to read; make it a secret (wrangler secret put KEY_SECRET)";

/** Named environments inherit neither variables nor bindings: a deploy to one could go out without rules. */
const environmentNotes = (env: unknown): string[] =>
  Object.entries(isTable(env) ? env : {})
    .filter(([, own]) => !isTable(own) || !isTable(own.vars) || own.vars.RULES === undefined)
    .map(([name]) => `the environment ${JSON.stringify(name)} has no RULES: it does not inherit these`);
