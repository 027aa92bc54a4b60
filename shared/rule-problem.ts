/** What can be wrong with a rule, told so that it can be put right: where, what was found, what is allowed. */
import * as v from "valibot";
import { capacity } from "./capacity.ts";
import { quote } from "./quote.ts";
import {
  ALLOWED,
  type Field,
  isTable,
  LIMIT_TIMES_WINDOW_MAX,
  REFILL_MAX,
  ruleSchema,
} from "./rule-schema.ts";
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

/** What a field is read as; `undefined` when it is left out, or is bad by itself. */
function read<S extends v.GenericSchema>(schema: S, written: unknown): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(schema, written);
  return parsed.success ? parsed.output : undefined;
}

/** What fields must be to each other; each is looked at only if it is good by itself. */
export function sizeProblems(written: Record<string, unknown>, label: string): RuleProblem[] {
  const { entries } = ruleSchema;
  const limit = read(entries.limit, written.limit);
  const burst = read(entries.burst, written.burst);
  const window = read(entries.window, written.window);
  const algorithm = read(entries.algorithm, written.algorithm);
  const threshold = read(entries.threshold, written.threshold);
  const cost = read(entries.cost, written.cost);
  const problems: RuleProblem[] = [];
  const report = (field: Field, found: number, allowed: string) =>
    problems.push(bad(label, field, quote(found), allowed));

  const isWindowed = algorithm !== undefined && algorithm !== "token-bucket";
  if (burst !== undefined && isWindowed) {
    report("burst", burst, `nothing with algorithm = "${algorithm}", for only a token-bucket has a burst`);
  }
  for (const [field, size] of [
    ["limit", limit] as const,
    ["burst", isWindowed ? undefined : burst] as const,
  ]) {
    if (size === undefined || window === undefined || size * window <= LIMIT_TIMES_WINDOW_MAX) continue;
    const most = Math.floor(LIMIT_TIMES_WINDOW_MAX / window);
    report(field, size, `a whole number from 1 to ${most} with a window of ${formatDuration(window)}`);
  }
  if (limit === undefined) return problems;
  const volume = isWindowed || burst === undefined || window === undefined ? 0 : burst * window;
  if (
    volume > limit * REFILL_MAX &&
    volume <= LIMIT_TIMES_WINDOW_MAX &&
    burst !== undefined &&
    window !== undefined
  ) {
    const most = Math.floor((limit * REFILL_MAX) / window);
    const why = `what ${limit} in ${formatDuration(window)} fill within ${formatDuration(REFILL_MAX)}`;
    report("burst", burst, `a whole number from 1 to ${most}, ${why}`);
  }
  if (threshold !== undefined && threshold > limit) {
    report("threshold", threshold, `a whole number from 1 to the limit, ${limit}`);
  }
  // With an algorithm nobody knows, or a burst that is bad, nobody can say how much a request may cost.
  const burstIsBad = written.burst !== undefined && burst === undefined;
  if (cost === undefined || algorithm === undefined || (!isWindowed && burstIsBad)) return problems;
  const most = capacity({ algorithm, limit, ...(burst !== undefined && { burst }) });
  if (cost > most)
    report("cost", cost, `a whole number from 1 to the ${mostWords(isWindowed, burst)}, ${most}`);
  return problems;
}

const mostWords = (isWindowed: boolean, burst: number | undefined): string =>
  isWindowed || burst === undefined ? "limit" : "burst";
