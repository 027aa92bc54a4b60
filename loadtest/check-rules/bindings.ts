/** The bindings and migrations that the Worker cannot do without. */
import type { Place } from "../../shared/rule-problem.ts";
import { isTable } from "../../shared/rule-schema.ts";
import type { Scope } from "./scopes.ts";

/** The bindings, and their classes. */
const BINDINGS = { KEY_OWNER: "KeyOwner", REGION_HUB: "RegionHub" } as const;

/** A binding that is missing or wrong, and the lines that put it right. */
export interface BindingProblem {
  /** The binding's name, or `migrations`. */
  readonly binding: string;
  readonly message: string;
  readonly snippet: string;
  /** Where in the file the wrong one stands, or what it is missing from. */
  readonly at: Place;
}

export const tablesOf = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isTable) : [];

export function bindingProblems(scope: Scope, format: "toml" | "json"): BindingProblem[] {
  const { durableObjects, migrations, migrationsAt } = scope;
  const listed = isTable(durableObjects) ? durableObjects.bindings : undefined;
  const bound = tablesOf(listed);
  const problems: BindingProblem[] = [];
  const uncreated: string[] = [];
  for (const [binding, className] of Object.entries(BINDINGS)) {
    const found = bound.find((table) => table.name === binding);
    // Another Worker may hold the class; its migrations stand in that Worker's file.
    if (found?.script_name !== undefined) continue;
    if (!hasSqliteClass(migrations, className)) uncreated.push(className);
    if (found?.class_name === className) continue;
    const wrong = found === undefined ? "is missing" : `must name the class ${className}`;
    const index = Array.isArray(listed) && found !== undefined ? [listed.indexOf(found), "class_name"] : [];
    problems.push({
      binding,
      message: `the Durable Object binding ${binding} ${wrong}`,
      snippet: bindingSnippet(scope, format, binding, className),
      at: [...scope.at, "durable_objects", "bindings", ...index],
    });
  }
  if (uncreated.length > 0) {
    const steps = tablesOf(migrations).length;
    const message = `no migration creates ${uncreated.join(" and ")} with SQLite storage`;
    const snippet = migrationSnippet(format, `v${steps + 1}`, uncreated);
    problems.push({ binding: "migrations", message, snippet, at: [...migrationsAt, "migrations"] });
  }
  return problems;
}

const hasSqliteClass = (migrations: unknown, className: string): boolean =>
  tablesOf(migrations).some(
    (step) =>
      (Array.isArray(step.new_sqlite_classes) && step.new_sqlite_classes.includes(className)) ||
      tablesOf(step.renamed_classes).some((renamed) => renamed.to === className),
  );

function bindingSnippet({ at }: Scope, format: "toml" | "json", name: string, className: string): string {
  if (format === "json")
    return `"durable_objects": { "bindings": [{ "name": "${name}", "class_name": "${className}" }] }`;
  const table = [...at.map(tomlKey), "durable_objects", "bindings"].join(".");
  return `[[${table}]]\nname = "${name}"\nclass_name = "${className}"`;
}

function migrationSnippet(format: "toml" | "json", tag: string, classes: readonly string[]): string {
  const list = JSON.stringify(classes);
  return format === "json"
    ? `"migrations": [{ "tag": "${tag}", "new_sqlite_classes": ${list} }]`
    : `[[migrations]]\ntag = "${tag}"\nnew_sqlite_classes = ${list}`;
}

const tomlKey = (key: string | number): string =>
  /^[\w-]+$/.test(String(key)) ? String(key) : JSON.stringify(key);
