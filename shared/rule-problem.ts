/** What can be wrong with a rule, told so that it can be put right: where, what was found, what is allowed. */
import * as v from "valibot";
import { capacity } from "./capacity.ts";
import { STRICT_SOURCES } from "./limits.ts";
import { patternProblem } from "./path-pattern.ts";
import { quote } from "./quote.ts";
import { graceAuto } from "./rule-ahead.ts";
import {
  ALLOWED,
  EXCESS_DEFAULT,
  type Field,
  isTable,
  LIMIT_TIMES_WINDOW_MAX,
  REFILL_MAX,
  ruleSchema,
  THRESHOLD_DEFAULT,
} from "./rule-schema.ts";
import { initialThreshold } from "./threshold.ts";
import { formatDuration } from "./time.ts";

/** Keys of tables and indexes of lists, from the outside in. */
export type Place = readonly (string | number)[];

/** One thing that is wrong with the rules. The four texts are short and safe to print. */
export interface RuleProblem {
  /** The rule's name, `#3` (from 1) when it has none of its own, or `RULES` for the list as a whole. */
  readonly rule: string;
  /** Dotted path, such as `match.path`; empty when it is about the rule as a whole. */
  readonly field: string;
  readonly found: string;
  readonly allowed: string;
  /** Where it stands in the list of rules: the rule's index, then as written; empty for the list as a whole. */
  readonly at: Place;
}

export const bad = (
  rule: string,
  field: string,
  found: string,
  allowed: string,
  at: Place = [],
): RuleProblem => ({ rule, field, found, allowed, at });

/** A field's dotted path, cut where a name that people choose would make it long. */
export const fieldOf = (at: Place): string =>
  at
    .filter((key) => typeof key === "string")
    .map((key) => (/^[\w-]{1,64}$/.test(key) ? key : quote(key)))
    .join(".");

/** `rule "login", limit: found 0; allowed is a whole number from 1`. */
export function formatProblem({ rule, field, found, allowed }: Omit<RuleProblem, "at">): string {
  const subject = rule === "RULES" || rule.startsWith("#") ? rule : `"${rule}"`;
  const place = rule === "RULES" ? subject : `rule ${subject}`;
  return `${place}${field === "" ? "" : `, ${field}`}: found ${found}; allowed is ${allowed}`;
}

const isField = (name: string): name is Field => Object.hasOwn(ALLOWED, name);

/** What a field may be, in words; of one that is not known, such as a header's name, what holds it. */
export function allowedFor(field: string): string {
  if (isField(field)) return ALLOWED[field];
  if (field.startsWith("limits.")) return ALLOWED.limit;
  const own = field.startsWith("match.not.") ? `match.${field.slice("match.not.".length)}` : field;
  if (isField(own)) return ALLOWED[own];
  const dot = own.lastIndexOf(".");
  return dot < 0 ? "what docs/rules.md says" : allowedFor(own.slice(0, dot));
}

/** A value that is wrong, and of a path what is wrong with it. */
export function foundIn(field: string, value: unknown): string {
  const isPath = field === "match.path" || field === "match.not.path";
  const problem = isPath && typeof value === "string" ? patternProblem(value) : undefined;
  return problem === undefined ? quote(value) : `${quote(value)}, ${problem}`;
}

/** The fields nobody knows, of the rule and of its tables; places are within the rule. */
export function unknownFields(written: Record<string, unknown>, label: string): RuleProblem[] {
  const problems: RuleProblem[] = [];
  const report = (table: unknown, prefix: string, fields = prefix) => {
    if (!isTable(table)) return;
    const known = Object.keys(ALLOWED)
      .filter((field) => field.startsWith(fields) && !field.slice(fields.length).includes("."))
      .map((field) => field.slice(fields.length))
      .filter((field) => prefix === fields || field !== "not");
    for (const name of Object.keys(table)) {
      if (known.includes(name)) continue;
      const field = /^[\w-]{1,40}$/.test(name) ? name : quote(name);
      const at = [...prefix.split(".").slice(0, -1), name];
      problems.push(bad(label, `${prefix}${field}`, "an unknown field", `one of ${known.join(", ")}`, at));
    }
  };
  report(written, "");
  report(written.match, "match.");
  if (isTable(written.match)) report(written.match.not, "match.not.", "match.");
  report(written.cost, "cost.");
  report(written.candidate, "candidate.");
  report(written.action, "action.");
  return problems;
}

/** What a field is read as; `undefined` when it is left out, or is bad by itself. */
function read<S extends v.GenericSchema>(schema: S, written: unknown): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(schema, written);
  return parsed.success ? parsed.output : undefined;
}

/** What fields must be to each other; each is looked at only if it is good by itself. Places are within the rule. */
export function sizeProblems(written: Record<string, unknown>, label: string): RuleProblem[] {
  const { entries } = ruleSchema;
  const limit = read(entries.limit, written.limit);
  const burst = read(entries.burst, written.burst);
  const window = read(entries.window, written.window);
  const algorithm = read(entries.algorithm, written.algorithm);
  const saidThreshold = read(entries.threshold, written.threshold);
  const excessMax = read(entries.excess_max, written.excess_max);
  const cost = read(entries.cost, written.cost);
  const problems: RuleProblem[] = [];
  const report = (at: Place, found: number, allowed: string) =>
    problems.push(bad(label, fieldOf(at), quote(found), allowed, at));

  const isWindowed = algorithm !== undefined && algorithm !== "token-bucket";
  if (burst !== undefined && isWindowed) {
    report(["burst"], burst, `nothing with algorithm = "${algorithm}", for only a token-bucket has a burst`);
  }
  const plans = read(entries.limits, written.limits)?.plans ?? {};
  const candidate = read(entries.candidate, written.candidate);
  for (const [at, size, span] of [
    [["limit"], limit, window] as const,
    [["burst"], isWindowed ? undefined : burst, window] as const,
    [["candidate", "limit"], candidate?.limit, candidate?.window] as const,
    ...Object.entries(plans).map(([plan, own]) => [["limits", plan], own, window] as const),
  ]) {
    if (typeof size !== "number" || span === undefined || size * span <= LIMIT_TIMES_WINDOW_MAX) continue;
    const most = Math.floor(LIMIT_TIMES_WINDOW_MAX / span);
    report(at, size, `a whole number from 1 to ${most} with a window of ${formatDuration(span)}`);
  }
  const thresholdIsGood = written.threshold === undefined || saidThreshold !== undefined;
  if (excessMax !== undefined && saidThreshold !== "auto" && thresholdIsGood)
    report(["excess_max"], excessMax, 'nothing without threshold = "auto", the one that keeps to it');
  if (limit === undefined) return problems;
  const threshold =
    saidThreshold === "auto"
      ? Math.min(initialThreshold(limit, excessMax ?? EXCESS_DEFAULT), burst ?? limit)
      : saidThreshold;
  const volume = isWindowed || burst === undefined || window === undefined ? 0 : burst * window;
  if (
    volume > limit * REFILL_MAX &&
    volume <= LIMIT_TIMES_WINDOW_MAX &&
    burst !== undefined &&
    window !== undefined
  ) {
    const most = Math.floor((limit * REFILL_MAX) / window);
    const why = `what ${limit} in ${formatDuration(window)} fill within ${formatDuration(REFILL_MAX)}`;
    report(["burst"], burst, `a whole number from 1 to ${most}, ${why}`);
  }
  if (threshold !== undefined && threshold > limit) {
    report(["threshold"], threshold, `a whole number from 1 to the limit, ${limit}`);
  }
  const lease = read(entries.lease, written.lease);
  if (lease !== undefined && lease !== 0 && lease !== "auto" && algorithm === "token-bucket") {
    const why = 'with algorithm = "token-bucket": what it lends and gets back would come on top of its burst';
    report(["lease"], lease, `0 or "auto", which is 0, ${why}`);
  }
  const grace = read(entries.grace, written.grace);
  const graceMost = Math.max(
    0,
    Math.min(limit, isWindowed ? limit : (burst ?? limit)) - (threshold ?? THRESHOLD_DEFAULT) + 1,
  );
  if (typeof grace === "number" && grace > graceMost) {
    report(["grace"], grace, `a whole number from 0 to limit - threshold + 1, ${graceMost}`);
  }
  const strict = read(entries.strict, written.strict) ?? false;
  const sources = strict === true ? STRICT_SOURCES : Number(strict);
  if (sources > 0 && algorithm === "token-bucket")
    report(
      ["strict"],
      sources,
      'nothing with algorithm = "token-bucket", which knows no windows to be exact in',
    );
  else if (sources > 0 && saidThreshold === "auto")
    report(
      ["strict"],
      sources,
      'nothing with threshold = "auto": what is kept back must be known beforehand',
    );
  else if (sources > 0 && threshold !== 1) {
    const said = Math.min(threshold ?? THRESHOLD_DEFAULT, limit);
    const silent = said - 1 + (grace === "auto" ? graceAuto(said) : (grace ?? 0));
    const why = `isolates times the ${silent} that each may admit silently must be less than the limit, ${limit}`;
    if (sources * silent >= limit)
      report(["strict"], sources, `a whole number from 1 to ${Math.floor((limit - 1) / silent)}: ${why}`);
  }
  // With an algorithm nobody knows, or a burst that is bad, nobody can say how much a request may cost.
  const burstIsBad = written.burst !== undefined && burst === undefined;
  if (cost === undefined || algorithm === undefined || (!isWindowed && burstIsBad)) return problems;
  const most = capacity({ algorithm, limit, ...(burst !== undefined && { burst }) });
  const [at, highest] = typeof cost === "number" ? [["cost"], cost] : [["cost", "max"], cost.max];
  if (highest > most)
    report(at, highest, `a whole number from 1 to the ${mostWords(isWindowed, burst)}, ${most}`);
  return problems;
}

const mostWords = (isWindowed: boolean, burst: number | undefined): string =>
  isWindowed || burst === undefined ? "limit" : "burst";
