/** What is no error, but perhaps not what was meant: each in one sentence that says what to do. */

import { denies, type Rule } from "../../shared/rule.ts";
import type { Place } from "../../shared/rule-problem.ts";
import { fieldOf } from "../../shared/rule-problem.ts";
import { accessWarnings } from "./access-lists.ts";
import { neverActs } from "./never-acts.ts";
import { CHOSEN_PARTS, countsByGiven, coversAllOf, kindOf } from "./overlaps.ts";
import { variantName, type WrittenRule } from "./written.ts";

export interface Warning {
  /** What it warns of: a word for programs. */
  readonly kind: string;
  readonly rule: string;
  /** Dotted path; empty when it is about the rule as a whole. */
  readonly field: string;
  readonly text: string;
  /** Where it stands in the list of rules. */
  readonly at: Place;
}

/** A finding within one rule, before it is given its name. */
export interface Finding {
  readonly kind: string;
  readonly at: Place;
  readonly text: string;
}

export function warningsOf(written: readonly WrittenRule[]): readonly Warning[] {
  return written.flatMap((one) =>
    [
      ...thresholdWarnings(one),
      ...neverActsWarnings(one, written),
      ...candidateWarnings(one),
      ...headerWarnings(one.rules[0]),
      ...keyWarnings(one, written),
      ...accessWarnings(one.rules[0]),
      ...tagWarnings(one.rules[0]),
    ].map(({ kind, at, text }) => ({ kind, rule: one.name, field: fieldOf(at), text, at: [one.at, ...at] })),
  );
}

/** So many isolates should not let a whole limit through before the first of them asks. */
const ISOLATES = 4;

/** The plan with the lowest limit says it for all. */
function thresholdWarnings({ rules }: WrittenRule): readonly Finding[] {
  const { limit, threshold, excessMax, ...rule } = rules.reduce((least, other) =>
    other.limit < least.limit ? other : least,
  );
  // What an automatic one may let through is what the rule says.
  if (excessMax !== undefined || threshold === 1 || threshold <= limit / ISOLATES) return [];
  const plan = variantName(rule);
  const limitText = `the limit ${limit}${plan === "" ? "" : ` of ${plan}`}`;
  const better = Math.max(1, Math.floor(limit / ISOLATES));
  if (threshold >= limit) {
    const advice =
      better === 1 ? "set threshold to 1" : `set threshold to ${better}, or to 1 for an exact count`;
    const text = `the threshold ${threshold} is no less than ${limitText}: each isolate by itself may let ${threshold - 1} through; ${advice}`;
    return [{ kind: "threshold-at-limit", at: ["threshold"], text }];
  }
  const silent = ISOLATES * (threshold - 1);
  const text = `the threshold ${threshold} is above a quarter of ${limitText}: ${ISOLATES} isolates may let ${silent} through before they ask; set threshold to ${better}${better === 1 ? "" : " or less"}`;
  return [{ kind: "threshold-high", at: ["threshold"], text }];
}

function neverActsWarnings(one: WrittenRule, all: readonly WrittenRule[]): readonly Finding[] {
  const others = all.filter((other) => other !== one);
  const dead = one.rules.map((rule) => ({
    rule,
    by: others.find((other) =>
      other.rules.some((variant) => neverActs(rule, variant) && !isTwin(rule, variant, one, other)),
    ),
  }));
  if (dead.every(({ by }) => by === undefined)) return [];
  if (dead.every(({ by }) => by !== undefined)) {
    const text = `the rule ${JSON.stringify(dead[0]?.by?.name)} denies every request before this one would; lower this limit, or remove the rule`;
    return [{ kind: "never-acts", at: [], text }];
  }
  return dead.flatMap(({ rule, by }) => {
    if (by === undefined) return [];
    const name = rule.plan?.name;
    const at = name === undefined ? ["limit"] : ["limits", name];
    const text = `the rule ${JSON.stringify(by.name)} denies every request of ${variantName(rule)} before this one would; lower this limit, or raise the other`;
    return [{ kind: "never-acts", at, text }];
  });
}

/** Of two rules that keep each other from acting, the later one is told of. */
const isTwin = (rule: Rule, other: Rule, one: WrittenRule, by: WrittenRule): boolean =>
  one.at < by.at && neverActs(other, rule);

function candidateWarnings({ rules, candidate }: WrittenRule): readonly Finding[] {
  const [rule] = rules;
  if (candidate === undefined || rules.length > 1) return [];
  if (candidate.limit !== rule.limit || candidate.window !== rule.window) return [];
  const text = "the candidate has the rule's own limit and window; give it another, or remove it";
  return [{ kind: "candidate-same", at: ["candidate"], text }];
}

/** What a rule takes from a header, a client may write. */
function headerWarnings({ plan, costBy }: Rule): readonly Finding[] {
  const warnings: Finding[] = [];
  if (plan?.by.startsWith("header:")) {
    const text = `a client can send the header ${plan.by.slice("header:".length)} itself and choose its limit; have what stands in front of the Worker set it or take it off`;
    warnings.push({ kind: "plan-by-header", at: ["limits", "by"], text });
  }
  if (costBy !== undefined) {
    const text = `a client can send the header ${costBy.header} itself, or none, and pay 1; have what stands in front of the Worker set it`;
    warnings.push({ kind: "cost-by-header", at: ["cost", "by"], text });
  }
  return warnings;
}

/** Parts of the key that a client chooses: not those of which the rule covers only values that it names. */
const chosenParts = ({ key, match }: Rule): readonly string[] =>
  key.filter((part) => {
    if (!CHOSEN_PARTS.includes(kindOf(part))) return false;
    const name = part.slice(part.indexOf(":") + 1);
    const values = { header: match.headers, query: match.query }[kindOf(part)]?.[name];
    return values === undefined || values.includes("*");
  });

/** Whether a rule limits all requests of another by something that their clients cannot change. */
function isPairOf({ rules }: WrittenRule, rule: Rule): boolean {
  // Its plans together are for every request that it matches.
  const { plan: _, ...first } = rules[0];
  return rules.every((variant) => denies(variant) && countsByGiven(variant)) && coversAllOf(first, rule);
}

function keyWarnings({ rules, ...one }: WrittenRule, all: readonly WrittenRule[]): readonly Finding[] {
  const [rule] = rules;
  const chosen = chosenParts(rule);
  if (chosen.length === 0 || !denies(rule)) return [];
  if (all.some((other) => other.at !== one.at && isPairOf(other, rule))) return [];
  const parts = chosen.join(", ");
  const pair = 'add a rule with key = ["ip"] for the same requests';
  const warnings: Finding[] = [
    {
      kind: "key-chosen",
      at: ["key"],
      text: `a client that changes ${parts} gets a new count; ${pair}`,
    },
  ];
  if (rule.missing === "skip") {
    const text = `a client that leaves out ${parts} is not limited; ${pair}, or set missing to "ip" or "deny"`;
    warnings.push({ kind: "missing-skips", at: ["missing"], text });
  }
  return warnings;
}

function tagWarnings({ action, blockFor, missing, mode }: Rule): readonly Finding[] {
  if (action.kind !== "tag" || mode === "shadow") return [];
  const warnings: Finding[] = [];
  if (blockFor !== undefined) {
    const text =
      'with action.kind = "tag" nobody is blocked and block_for only prolongs the tag; leave it out, or set action.kind to "deny"';
    warnings.push({ kind: "tag-block", at: ["block_for"], text });
  }
  if (missing === "deny") {
    const text =
      'with action.kind = "tag" nothing is denied and requests that lack a part pass uncounted; set missing to "ip"';
    warnings.push({ kind: "tag-missing", at: ["missing"], text });
  }
  return warnings;
}
