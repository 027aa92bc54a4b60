/** What can be wrong with a rule, told so that it can be put right: where, what was found, what is allowed. */
import * as v from "valibot";
import { quote } from "./quote.ts";
import { ALLOWED, type Field, isTable, LIMIT_TIMES_WINDOW_MAX, ruleSchema } from "./rule-schema.ts";
import { formatDuration } from "./time.ts";

/** One thing that is wrong with the rules. All four are short and safe to print. */
export interface RuleProblem {
  /** The rule's name, `#3` (from 1) when it has none of its own, or `RULES` for the list as a whole. */
  readonly rule: string;
  /** Dotted path, such as `match.path`; empty when it is about the rule as a whole. */
  readonly field: string;
  readonly found: string;
  readonly allowed: string;
}

export const bad = (rule: string, field: string, found: string, allowed: string): RuleProblem => ({
  rule,
  field,
  found,
  allowed,
});

/** `rule "login", limit: found 0; allowed is a whole number from 1`. */
export function formatProblem({ rule, field, found, allowed }: RuleProblem): string {
  const subject = rule === "RULES" || rule.startsWith("#") ? rule : `"${rule}"`;
  const place = rule === "RULES" ? subject : `rule ${subject}`;
  return `${place}${field === "" ? "" : `, ${field}`}: found ${found}; allowed is ${allowed}`;
}

const isField = (name: string): name is Field => Object.hasOwn(ALLOWED, name);

/** What a field may be, in words. */
export const allowedFor = (field: string): string =>
  isField(field) ? ALLOWED[field] : "what the README says";

/** The fields nobody knows, of the rule and of its `match`. */
export function unknownFields(written: Record<string, unknown>, label: string): RuleProblem[] {
  const problems: RuleProblem[] = [];
  const report = (table: Record<string, unknown>, prefix: string) => {
    const known = Object.keys(ALLOWED)
      .filter((field) => field.startsWith(prefix) && !field.slice(prefix.length).includes("."))
      .map((field) => field.slice(prefix.length));
    for (const name of Object.keys(table)) {
      if (known.includes(name)) continue;
      const field = /^[\w-]{1,40}$/.test(name) ? name : quote(name);
      problems.push(bad(label, `${prefix}${field}`, "an unknown field", `one of ${known.join(", ")}`));
    }
  };
  report(written, "");
  if (isTable(written.match)) report(written.match, "match.");
  return problems;
}

/** What fields must be to each other; each is looked at only if it is good by itself. */
export function sizeProblems(written: Record<string, unknown>, label: string): RuleProblem[] {
  const problems: RuleProblem[] = [];
  const limit = v.safeParse(ruleSchema.entries.limit, written.limit);
  if (!limit.success) return problems;
  const window = v.safeParse(ruleSchema.entries.window, written.window);
  if (window.success && limit.output * window.output > LIMIT_TIMES_WINDOW_MAX) {
    const most = Math.floor(LIMIT_TIMES_WINDOW_MAX / window.output);
    const allowed = `a whole number from 1 to ${most} with a window of ${formatDuration(window.output)}`;
    problems.push(bad(label, "limit", quote(limit.output), allowed));
  }
  const threshold = v.safeParse(ruleSchema.entries.threshold, written.threshold);
  if (threshold.success && threshold.output !== undefined && threshold.output > limit.output) {
    const allowed = `a whole number from 1 to the limit, ${limit.output}`;
    problems.push(bad(label, "threshold", quote(threshold.output), allowed));
  }
  return problems;
}
