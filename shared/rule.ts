/**
 * Rules: from what stands in `[[vars.RULES]]` to what the limiter works with. Either all rules are good, or
 * every problem of every rule is told at once: whoever deploys should not have to try again for each.
 */
import * as v from "valibot";
import { halfSipHash64, hex64, textMessage } from "./hash.ts";
import { patternSegments } from "./path.ts";
import type { Algorithm } from "./protocol/messages.ts";
import { quote } from "./quote.ts";
import { allowedFor, bad, type RuleProblem, sizeProblems, unknownFields } from "./rule-problem.ts";
import { isTable, RULES_MAX, ruleSchema, THRESHOLD_DEFAULT, type WrittenRule } from "./rule-schema.ts";
import type { DurationMs } from "./time.ts";

export { capacity } from "./capacity.ts";
export { formatProblem, type RuleProblem } from "./rule-problem.ts";

/** One rule, complete: defaults filled in. */
export interface Rule {
  /** A token, unique in a deployment. */
  readonly name: string;
  /** 16 hex digits over everything else that the rule says: rules of equal meaning have equal versions. */
  readonly version: string;
  /** Which requests it covers; see match.ts. Without `methods`, all. */
  readonly match: { readonly path: string; readonly methods?: readonly string[] };
  /** What a client is known by. */
  readonly key: readonly ["ip"];
  /** Cost admitted per window, worldwide. */
  readonly limit: number;
  readonly window: DurationMs;
  /** The request of one source, within a window, that claims the key; 1 to `limit`. 1 asks the owner always. */
  readonly threshold: number;
  readonly algorithm: Algorithm;
  /** What a full token bucket holds; under the other algorithms the limit. */
  readonly burst: number;
  /** What each request costs; 1 to `capacity`. */
  readonly cost: number;
  /** How long a denied key stays barred, from its first denial on; `undefined`: no longer than it is full. */
  readonly blockFor: DurationMs | undefined;
  /** How many owner objects the rule's keys share, a power of two; 0: each key has one of its own. */
  readonly owners: number;
  /** How a request is decided when the owner cannot be reached in time. */
  readonly onFailure: "local" | "open" | "closed";
  /** How long a request waits for the owner. */
  readonly deadline: DurationMs | "auto";
  /** Whether windows begin at a different moment for each key, or on the clock. */
  readonly align: "key" | "clock";
  /** `shadow` counts and reports, but denies nothing. */
  readonly mode: "enforce" | "shadow";
}

export type ParsedRules =
  | { readonly ok: true; readonly rules: readonly Rule[] }
  | { readonly ok: false; readonly problems: readonly RuleProblem[] };

const AS_LIST = `a list of 1 to ${RULES_MAX} rules, each a [[vars.RULES]] table`;

/**
 * Reads the rules of a deployment: a list, or the JSON text of one (a variable set in the dashboard may be
 * text). Never throws on what JSON or TOML can hold.
 */
export function parseRules(input: unknown): ParsedRules {
  const list = typeof input === "string" ? fromJson(input) : input;
  if (!Array.isArray(list)) return { ok: false, problems: [bad("RULES", "", quote(input), AS_LIST)] };
  const problems: RuleProblem[] = [];
  if (list.length === 0 || list.length > RULES_MAX) problems.push(bad("RULES", "", quote(list), AS_LIST));
  const rules: Rule[] = [];
  const names = new Map<string, number>();
  const versions = new Map<string, string>();
  list.forEach((written: unknown, at) => {
    const number = `#${at + 1}`;
    const before = nameTakenBy(names, written, at);
    const label = before === undefined ? labelOf(written, number) : number;
    if (before !== undefined) {
      const found = `${quote(labelOf(written, number))}, which rule #${before + 1} has too`;
      problems.push(bad(number, "name", found, "a name of its own"));
    }
    const parsed = parseRule(written, label);
    problems.push(...parsed.problems);
    if (parsed.rule === undefined) return;
    const twin = versions.get(parsed.rule.version);
    if (twin === undefined) versions.set(parsed.rule.version, label);
    else if (before === undefined) {
      problems.push(bad(label, "", `the same as in rule ${twin}, but for the name`, "a rule that differs"));
    }
    rules.push(parsed.rule);
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, rules };
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What to call a rule in a problem: its name if that can be one. */
function labelOf(written: unknown, number: string): string {
  const name = isTable(written) ? written.name : undefined;
  return v.is(ruleSchema.entries.name, name) ? name : number;
}

/** Notes the name of rule `at`; the rule that had it before, if one did. */
function nameTakenBy(names: Map<string, number>, written: unknown, at: number): number | undefined {
  const name = labelOf(written, "");
  const before = names.get(name);
  if (name !== "" && before === undefined) names.set(name, at);
  return before;
}

function parseRule(written: unknown, label: string): { rule?: Rule; problems: readonly RuleProblem[] } {
  if (!isTable(written)) {
    return { problems: [bad(label, "", quote(written), `a table with name, limit and window at least`)] };
  }
  const problems = [...unknownFields(written, label), ...sizeProblems(written, label)];
  const parsed = v.safeParse(ruleSchema, written);
  if (parsed.success) return problems.length > 0 ? { problems } : { rule: complete(parsed.output), problems };
  // One problem for each field: that a limit of -1.5 is wrong twice over helps nobody.
  const found = new Map<string, unknown>();
  for (const issue of parsed.issues) {
    const keys = issue.path?.map((item) => item.key) ?? [];
    const field = keys.filter((key) => typeof key === "string").join(".");
    if (!found.has(field)) found.set(field, issue.path?.at(-1)?.value);
  }
  for (const [field, value] of found) problems.push(bad(label, field, quote(value), allowedFor(field)));
  return { problems };
}

function complete(written: WrittenRule): Rule {
  const { name, match, key, limit, window, algorithm, cost, deadline, align, mode } = written;
  const burst = written.burst ?? limit;
  const { path, methods } = match;
  const rule = {
    match: methods === undefined ? { path } : { path, methods },
    key,
    limit,
    window,
    // By itself a source should not let more through at once than a full bucket would.
    threshold: written.threshold ?? Math.min(THRESHOLD_DEFAULT, limit, burst),
    algorithm,
    burst,
    cost,
    blockFor: written.block_for,
    owners: written.owners ?? 0,
    onFailure: written.on_failure,
    deadline,
    align,
    mode,
  };
  return { name, version: versionOf(rule), ...rule };
}

/** Not a secret: the version tells rules apart, and nobody but their author can choose them. */
const VERSION_KEY = [0x6f6e6563, 0x6f756e74] as const;

/** Rules of one meaning may be spelled in several ways: methods in any order, a path with a trailing slash. */
function versionOf(rule: Omit<Rule, "name" | "version">): string {
  const { path, methods } = rule.match;
  const match = [patternSegments(path), methods === undefined ? null : [...methods].sort()];
  const { key, limit, window, threshold, algorithm, onFailure, deadline, align, mode } = rule;
  const meaning = [match, key, limit, window, threshold, algorithm, onFailure, deadline, align, mode];
  const out = new Int32Array(2);
  const text = JSON.stringify([...meaning, ...laterMeaning(rule)]);
  halfSipHash64(...VERSION_KEY, textMessage(text), out);
  return hex64(out[0] ?? 0, out[1] ?? 0);
}

/**
 * Fields that came with later releases, only where a rule uses them: a rule that does not keeps the version it
 * always had, and with it the objects that hold its counts.
 */
function laterMeaning({ limit, burst, cost, blockFor, owners }: Omit<Rule, "name" | "version">): unknown[] {
  const used = {
    ...(burst !== limit && { burst }),
    ...(cost !== 1 && { cost }),
    ...(blockFor !== undefined && { blockFor }),
    ...(owners !== 0 && { owners }),
  };
  return Object.keys(used).length === 0 ? [] : [used];
}
