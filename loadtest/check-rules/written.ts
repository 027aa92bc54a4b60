/** Rules as they were written, each with the rules it stands for: its plans, and a candidate. */
import type { Rule } from "../../shared/rule.ts";

export interface WrittenRule {
  /** Its index in the list. */
  readonly at: number;
  readonly name: string;
  /** The rule; where it has plans, the one for requests of none, and one for each plan. */
  readonly rules: readonly [Rule, ...Rule[]];
  readonly candidate: Rule | undefined;
}

/** `parseRules` keeps the order in which they were written, a rule's own one after the other. */
export function writtenRules(rules: readonly Rule[]): readonly WrittenRule[] {
  const written: { at: number; name: string; rules: [Rule, ...Rule[]]; candidate: Rule | undefined }[] = [];
  for (const rule of rules) {
    const last = written.at(-1);
    if (last !== undefined && rule.isCandidate) last.candidate = rule;
    else if (last?.name === rule.name) last.rules.push(rule);
    else written.push({ at: written.length, name: rule.name, rules: [rule], candidate: undefined });
  }
  return written;
}

/** How a variant is called beside its rule: `plan "pro"`, `no plan`, `candidate`; empty for the rule itself. */
export function variantName({ plan, isCandidate }: Pick<Rule, "plan" | "isCandidate">): string {
  if (isCandidate) return "candidate";
  if (plan === undefined) return "";
  return plan.name === undefined ? "no plan" : `plan ${JSON.stringify(plan.name)}`;
}
