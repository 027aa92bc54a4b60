/**
 * Rules: from what stands in `[[vars.RULES]]` to what the limiter works with. Either all rules are good, or
 * every problem of every rule is told at once: whoever deploys should not have to try again for each.
 */
import * as v from "valibot";
import { halfSipHash64, hex64, textMessage } from "./hash.ts";
import { STRICT_SOURCES } from "./limits.ts";
import { EVERY_PATH, patternMeaning } from "./path-pattern.ts";
import type { Algorithm } from "./protocol/messages.ts";
import { quote } from "./quote.ts";
import { graceAuto } from "./rule-ahead.ts";
import {
  allowedFor,
  bad,
  fieldOf,
  foundIn,
  type RuleProblem,
  sizeProblems,
  unknownFields,
} from "./rule-problem.ts";
import {
  EXCESS_DEFAULT,
  GRACE_DEFAULT,
  IPV6_PREFIX_DEFAULT,
  isTable,
  LEASE_DEFAULT,
  RULES_MAX,
  ruleSchema,
  THRESHOLD_DEFAULT,
  VARIANTS_MAX,
  type WrittenConditions,
  type WrittenRule,
} from "./rule-schema.ts";
import { initialThreshold } from "./threshold.ts";
import type { DurationMs } from "./time.ts";

export { capacity } from "./capacity.ts";
export { formatProblem, type Place, type RuleProblem } from "./rule-problem.ts";

/** What a request must be to be covered; each field that is there must hold. */
export interface Conditions {
  /** Any of these patterns; see path-pattern.ts. */
  readonly paths?: readonly string[];
  readonly methods?: readonly string[];
  /** Names as `URL.hostname` has them, or `*.` and one for all below it. */
  readonly hosts?: readonly string[];
  /** Values of headers, by their names in lower case: any of these; `*` for whatever it is. */
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  /** The same of the query's parameters. */
  readonly query?: Readonly<Record<string, readonly string[]>>;
  readonly country?: readonly string[];
  readonly asn?: readonly number[];
}

export interface Match extends Conditions {
  readonly paths: readonly string[];
  /** Requests that it matches are not covered. */
  readonly not?: Conditions;
}

/** What becomes of a request over the limit: it is denied, or the origin is told with a header. */
export type Action =
  | { readonly kind: "deny"; readonly status: number; readonly body?: string; readonly contentType?: string }
  | { readonly kind: "tag"; readonly header: string };

/** What a request is denied with unless its rule says otherwise. */
export const DENY: Action = { kind: "deny", status: 429 };

/**
 * One rule, complete: defaults filled in. A written rule with plans is several of these, one for each plan and one for
 * requests of none, and a candidate is one more: they differ in limit and version, and count apart.
 */
export interface Rule {
  /** A token, unique among the written rules of a deployment; a candidate's ends in `.candidate`. */
  readonly name: string;
  /** 16 hex digits over everything else that the rule says: rules of equal meaning have equal versions. */
  readonly version: string;
  /** Which requests it covers; see match.ts. */
  readonly match: Match;
  /** What a client is known by: parts as `key-parts.ts` reads them, in order. */
  readonly key: readonly string[];
  /** What becomes of a request that lacks a part: counted by its address, not covered, or denied. */
  readonly missing: "ip" | "skip" | "deny";
  /** So many bits of an IPv6 address are one client. */
  readonly ipv6Prefix: number;
  /** Cost admitted per window, worldwide. */
  readonly limit: number;
  readonly window: DurationMs;
  /**
   * The request of one source, within a window, that claims the key; 1 to `limit`. 1 asks the owner always. Of an automatic
   * one the highest, which sources begin with.
   */
  readonly threshold: number;
  /** The share of the limit that an automatic threshold allows beyond it; absent where the threshold is fixed. */
  readonly excessMax?: number;
  /**
   * What is granted ahead of being asked for: at most this share of what is left; `auto`: what a source uses until it
   * can ask again, within LEASE_AUTO. 0: nothing.
   */
  readonly lease: "auto" | number;
  /** Cost that a source may admit beyond `threshold − 1` in a window before an owner has answered. */
  readonly grace: number;
  readonly algorithm: Algorithm;
  /** What a full token bucket holds; under the other algorithms the limit. */
  readonly burst: number;
  /** What each request costs, 1 to `capacity`; with `costBy`, what one costs that does not say it. */
  readonly cost: number;
  /** The header that says what a request costs, as a whole number, and the most that it may say. */
  readonly costBy?: { readonly header: string; readonly max: number };
  /** The plan that it is for; `undefined` for requests of none of `plans`. Absent from rules without plans. */
  readonly plan?: {
    readonly by: string;
    readonly name: string | undefined;
    readonly others: readonly string[];
  };
  /** True of what is counted beside a rule to see what another limit would do. */
  readonly isCandidate?: true;
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
  /** How many sources something is kept back for until they have reported, so that the limit is exact; 0: none. */
  readonly strict: number;
  /** Whether clients are looked for that reach the threshold nowhere; see spread/plan.ts. */
  readonly spread: "auto" | "off";
  /** `shadow` counts and reports, but denies nothing. */
  readonly mode: "enforce" | "shadow";
  /** Clients that the rule does not cover: addresses, ranges and `header:NAME=VALUE`. */
  readonly allow: readonly string[];
  /** Clients that are refused, written the same. */
  readonly deny: readonly string[];
  readonly action: Action;
}

/** Whether a rule denies requests and tells clients of their quota. Shadow rules and those that tag do neither. */
export const denies = ({ mode, action }: Pick<Rule, "mode" | "action">): boolean =>
  mode === "enforce" && action.kind === "deny";

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
      problems.push(bad(number, "name", found, "a name of its own", [at, "name"]));
    }
    const parsed = parseRule(written, label);
    problems.push(...parsed.problems.map((problem) => ({ ...problem, at: [at, ...problem.at] })));
    if (parsed.rules === undefined) return;
    const [{ version } = { version: "" }] = parsed.rules;
    const twin = versions.get(version);
    if (twin === undefined) versions.set(version, label);
    else if (before === undefined) {
      const found = `the same as in rule ${twin}, but for the name`;
      problems.push(bad(label, "", found, "a rule that differs", [at]));
    }
    rules.push(...parsed.rules);
  });
  for (const { name, isCandidate } of rules) {
    const at = isCandidate ? names.get(name) : undefined;
    if (at === undefined) continue;
    const found = `${quote(name)}, the name of another rule's candidate`;
    problems.push(bad(`#${at + 1}`, "name", found, "a name of its own", [at, "name"]));
  }
  if (rules.length > VARIANTS_MAX)
    problems.push(
      bad("RULES", "", `${rules.length} rules, plans and candidates`, `at most ${VARIANTS_MAX} in all`),
    );
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

/** One rule; the places of its problems are within it. */
function parseRule(
  written: unknown,
  label: string,
): { rules?: readonly Rule[]; problems: readonly RuleProblem[] } {
  if (!isTable(written)) {
    return { problems: [bad(label, "", quote(written), `a table with name, limit and window at least`)] };
  }
  const problems = [...unknownFields(written, label), ...sizeProblems(written, label)];
  const parsed = v.safeParse(ruleSchema, written);
  if (parsed.success)
    return problems.length > 0 ? { problems } : { rules: variantsOf(parsed.output), problems };
  // One problem for each field or item: that a limit of -1.5 is wrong twice over helps nobody.
  const found = new Map<string, RuleProblem>();
  for (const issue of parsed.issues) {
    const path = pathOf(issue);
    const at = path.map(({ key }) => key).filter((key) => typeof key === "string" || typeof key === "number");
    const place = JSON.stringify(at);
    const field = fieldOf(at);
    const last = path.at(-1);
    // A name that is wrong is shown itself; one that is missing has no value.
    const isName = last?.origin === "key" && last.value !== undefined;
    const value = foundIn(field, isName ? last.key : last?.value);
    if (!found.has(place)) found.set(place, bad(label, field, value, allowedFor(field), at));
  }
  return { problems: [...problems, ...found.values()] };
}

/** The way to what is wrong. Where a list or a single item would do, it leads to the item of the list. */
function pathOf({ path, issues }: v.BaseIssue<unknown>): readonly v.IssuePathItem[] {
  const within = issues?.find((issue) => issue.path !== undefined);
  return [...(path ?? []), ...(within === undefined ? [] : pathOf(within))];
}

/** What the name of a candidate ends in. */
const CANDIDATE = ".candidate";

/** A written rule as the rules it stands for: without a plan, with each plan, and the candidate. */
function variantsOf(written: WrittenRule): readonly Rule[] {
  const { limits, candidate } = written;
  const rules: Rule[] = [];
  if (limits === undefined) rules.push(complete(written));
  else {
    const { by, plans } = limits;
    const others = Object.keys(plans);
    rules.push(complete(written, { plan: { by, name: undefined, others } }));
    for (const [name, limit] of Object.entries(plans))
      rules.push(complete({ ...written, limit }, { plan: { by, name, others: [] } }));
  }
  if (candidate !== undefined) {
    const { limit, window } = candidate;
    const name = written.name + CANDIDATE;
    rules.push(
      complete({ ...written, name, limit, window, mode: "shadow", deny: [] }, { isCandidate: true }),
    );
  }
  return rules;
}

function complete(written: WrittenRule, own: Pick<Rule, "plan" | "isCandidate"> = {}): Rule {
  const { name, limit, window, algorithm, deadline, align, spread, mode, missing, allow, deny } = written;
  const burst = written.burst ?? limit;
  const { lease, grace } = aheadOf(written);
  const { not } = written.match;
  const rule = {
    match: {
      ...conditionsOf(written.match),
      paths: written.match.path ?? [EVERY_PATH],
      ...(not !== undefined && { not: conditionsOf(not) }),
    },
    key: written.key,
    missing,
    ipv6Prefix: written.ipv6_prefix,
    limit,
    window,
    threshold: thresholdOf(written),
    ...(written.threshold === "auto" && { excessMax: written.excess_max ?? EXCESS_DEFAULT }),
    lease,
    grace,
    algorithm,
    burst,
    ...costOf(written.cost),
    ...own,
    blockFor: written.block_for,
    owners: written.owners ?? 0,
    onFailure: written.on_failure,
    deadline,
    align,
    strict: written.strict === true ? STRICT_SOURCES : Number(written.strict),
    spread,
    mode,
    allow,
    deny,
    action: actionOf(written.action),
  };
  return { name, version: versionOf(rule), ...rule };
}

// A plan's or a candidate's limit may be below what is written. And unless told, a source should not let more
// through by itself at once than a full bucket would.
function thresholdOf({
  threshold,
  burst,
  limit,
  excess_max: excessMax = EXCESS_DEFAULT,
}: WrittenRule): number {
  if (threshold === "auto") return Math.min(initialThreshold(limit, excessMax), burst ?? limit);
  return Math.min(threshold ?? Math.min(THRESHOLD_DEFAULT, burst ?? limit), limit);
}

/** What a rule lets its sources do before an owner has answered. */
function aheadOf(written: WrittenRule): Pick<Rule, "lease" | "grace"> {
  const { limit, burst = limit, algorithm, lease, grace } = written;
  const threshold = thresholdOf(written);
  // What one source admits by itself must stay within what it could be granted: the guarantee rests on that.
  const most = Math.max(0, Math.min(limit, burst) - (threshold - 1));
  return {
    lease: algorithm === "token-bucket" ? 0 : lease,
    grace: Math.min(most, grace === "auto" ? graceAuto(threshold) : grace),
  };
}

function conditionsOf({ path, methods, hosts, headers, query, country, asn }: WrittenConditions): Conditions {
  return {
    ...(path !== undefined && { paths: path }),
    ...(methods !== undefined && { methods }),
    ...(hosts !== undefined && { hosts }),
    ...(headers !== undefined && { headers }),
    ...(query !== undefined && { query }),
    ...(country !== undefined && { country }),
    ...(asn !== undefined && { asn }),
  };
}

function costOf(cost: WrittenRule["cost"]): Pick<Rule, "cost" | "costBy"> {
  if (typeof cost === "number") return { cost };
  return { cost: 1, costBy: { header: cost.by.slice(cost.by.indexOf(":") + 1), max: cost.max } };
}

function actionOf(action: WrittenRule["action"]): Action {
  if (action.kind === "tag") return action;
  const { status, body, content_type: contentType } = action;
  return {
    kind: "deny",
    status,
    ...(body !== undefined && { body }),
    ...(contentType !== undefined && { contentType }),
  };
}

/** Not a secret: the version tells rules apart, and nobody but their author can choose them. */
const VERSION_KEY = [0x6f6e6563, 0x6f756e74] as const;

/** Rules of one meaning may be spelled in several ways: methods in any order, a path with a trailing slash. */
function versionOf(rule: Omit<Rule, "name" | "version">): string {
  const { paths, methods } = rule.match;
  const [path = EVERY_PATH] = paths;
  const match = [patternMeaning(path), methods === undefined ? null : [...methods].sort()];
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
function laterMeaning(rule: Omit<Rule, "name" | "version">): unknown[] {
  const { limit, burst, lease, grace, cost, costBy, blockFor, owners, missing, ipv6Prefix, plan } = rule;
  const { isCandidate, action } = rule;
  const { paths, methods: _, ...conditions } = rule.match;
  const used = {
    ...(rule.excessMax !== undefined && { excessMax: rule.excessMax }),
    ...(burst !== limit && { burst }),
    ...(lease !== LEASE_DEFAULT && { lease }),
    ...(grace !== GRACE_DEFAULT && { grace }),
    ...(cost !== 1 && { cost }),
    ...(blockFor !== undefined && { blockFor }),
    ...(owners !== 0 && { owners }),
    ...(rule.strict !== 0 && { strict: rule.strict }),
    ...(rule.spread !== "off" && { spread: rule.spread }),
    ...(paths.length > 1 && { paths: paths.slice(1).map(patternMeaning) }),
    ...(Object.keys(conditions).length > 0 && { conditions }),
    ...(missing !== "ip" && { missing }),
    ...(ipv6Prefix !== IPV6_PREFIX_DEFAULT && { ipv6Prefix }),
    ...(costBy !== undefined && { costBy }),
    ...(plan !== undefined && { plan: [plan.by, plan.name ?? null] }),
    ...(isCandidate === true && { isCandidate }),
    ...(rule.allow.length > 0 && { allow: rule.allow }),
    ...(rule.deny.length > 0 && { deny: rule.deny }),
    ...((action.kind !== "deny" || Object.keys(action).length > 2 || action.status !== 429) && { action }),
  };
  return Object.keys(used).length === 0 ? [] : [used];
}
