/** What the rules check finds in a file that was read already, as data. */
import { explainBound } from "../../shared/bound.ts";
import { quote } from "../../shared/quote.ts";
import { parseRules, type Rule } from "../../shared/rule.ts";
import type { Place, RuleProblem } from "../../shared/rule-problem.ts";
import { isTable } from "../../shared/rule-schema.ts";
import { rulesOf } from "../../shared/rules-text.ts";
import { type BindingProblem, bindingProblems } from "./bindings.ts";
import { type CostReport, costReport, MIX_DEFAULT, type Mix } from "./cost.ts";
import type { Position } from "./places.ts";
import { type Scope, type Scopes, scopesOf } from "./scopes.ts";
import type { Source } from "./source.ts";
import { explainSwitches } from "./switches.ts";
import { type Warning, warningsOf } from "./warnings.ts";
import { writtenRules } from "./written.ts";

/** Bytes one variable of a Worker holds; a deploy with more is refused by the platform. */
const VARIABLE_BYTES_MAX = 5 * 1024;

/** What tells where something was found: in another file than the one checked, and in an environment, if in one. */
interface Whereabouts extends Partial<Position> {
  readonly file?: string;
  readonly env?: string;
}

/** A finding, its path turned into a line and a column where it has a place. */
export type Found<T extends { readonly at: Place }> = Omit<T, "at"> & Whereabouts;

export type CheckedRule = Rule & {
  readonly guarantee: string;
  /** What the guarantee does not say of the switches that are on, a sentence each. */
  readonly switches: readonly string[];
  readonly env?: string;
};

export interface CheckReport {
  readonly ok: boolean;
  /** As the Worker holds them: a rule with plans is several, a candidate one more. None of a list with problems. */
  readonly rules: readonly CheckedRule[];
  readonly problems: readonly Found<RuleProblem>[];
  readonly bindings: readonly Found<BindingProblem>[];
  /** Nothing wrong, but perhaps not what was meant. */
  readonly warnings: readonly Found<Warning>[];
  /** Worth knowing before a deploy. */
  readonly notes: readonly string[];
  readonly cost: CostReport;
}

export interface CheckOptions {
  /** The one environment to check. */
  readonly env?: string | undefined;
  readonly mix?: Mix;
  /** The file of rules that is bundled with the Worker. */
  readonly bundled?: Source | undefined;
}

/** Checks what stands in a file. */
export function checkSource(
  source: Source,
  { env, mix = MIX_DEFAULT, bundled }: CheckOptions = {},
): CheckReport {
  const filled = bundled !== undefined && listIn(bundled).length > 0 ? bundled : undefined;
  const scopes =
    source.rulesIn === undefined ? scopesOf(source.config, env, filled !== undefined) : undefined;
  const parts = scopes?.checked.map((scope) => scopePart(scope, source, filled)) ?? [
    filePart(source, undefined),
  ];
  /** Puts a line and a column to a finding, whose path begins at the file or at a list of rules in it. */
  const found = <T extends { readonly at: Place }>(
    part: Part,
    from: Source,
    { at, ...rest }: T,
  ): Found<T> => ({
    ...rest,
    ...(from !== source && { file: from.file }),
    ...from.placeOf(at),
    ...(part.env !== undefined && { env: part.env }),
  });
  const inList = <T extends { readonly at: Place }>(part: Part, finding: T): Found<T> =>
    found(part, part.source, { ...finding, at: [...part.at, ...finding.at] });
  const problems = parts.flatMap((part) => part.problems.map((problem) => inList(part, problem)));
  const bindings = parts.flatMap((part) => part.bindings.map((problem) => found(part, source, problem)));
  const rules = parts.flatMap(({ rules: own, env: of }) =>
    own.map((rule) => ({
      ...rule,
      guarantee: explainBound(rule),
      switches: explainSwitches(rule),
      ...(of !== undefined && { env: of }),
    })),
  );
  return {
    ok: problems.length === 0 && bindings.length === 0,
    rules,
    problems,
    bindings,
    warnings: parts.flatMap((part) =>
      warningsOf(writtenRules(part.rules)).map((warning) => inList(part, warning)),
    ),
    notes: scopes === undefined ? [] : notesOf(scopes),
    cost: costReport(rules, mix),
  };
}

/** One list of rules, and what belongs to it. */
interface Part {
  readonly env: string | undefined;
  /** The file that the list is in, and where. */
  readonly source: Source;
  readonly at: Place;
  readonly rules: readonly Rule[];
  readonly problems: readonly RuleProblem[];
  readonly bindings: readonly BindingProblem[];
}

const listIn = ({ config, rulesIn = "rules" }: Source): readonly unknown[] => {
  const list = config[rulesIn];
  return Array.isArray(list) ? list : [];
};

/** The rules of a file of rules alone. */
const filePart = (source: Source, env: string | undefined): Part => {
  const { config, rulesIn = "rules" } = source;
  return { env, source, at: [rulesIn], ...checkList(config[rulesIn]), bindings: [] };
};

/** The rules of a Worker: its variable's, or else those of the bundled file. */
function scopePart(scope: Scope, source: Source, bundled: Source | undefined): Part {
  const bindings = bindingProblems(scope, source.format);
  const written = scope.vars.RULES;
  if (written === undefined && bundled !== undefined) return { ...filePart(bundled, scope.env), bindings };
  const at = [...scope.at, "vars", "RULES", ...holderIn(written)];
  const { rules, problems } = checkList(rulesOf(written));
  return { env: scope.env, source, at, rules, problems: [...problems, ...sizeProblem(written)], bindings };
}

/** Under what a variable holds its list, where that is no list itself. */
const holderIn = (written: unknown): Place =>
  isTable(written) ? [(written.rules ?? written.RULES) === written.rules ? "rules" : "RULES"] : [];

function checkList(list: unknown): Pick<Part, "rules" | "problems"> {
  const parsed = parseRules(list);
  return parsed.ok ? { rules: parsed.rules, problems: [] } : { rules: [], problems: parsed.problems };
}

function sizeProblem(rules: unknown): RuleProblem[] {
  const text = typeof rules === "string" ? rules : (JSON.stringify(rules) ?? "");
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= VARIABLE_BYTES_MAX) return [];
  const allowed = `${VARIABLE_BYTES_MAX} bytes, for one variable of a Worker holds no more; put the rules into rules.json`;
  return [{ rule: "RULES", field: "", found: `${bytes} bytes as JSON`, allowed, at: [] }];
}

const notesOf = ({ checked, withoutRules }: Scopes): readonly string[] => [
  secretNote(checked.some(({ vars }) => vars.KEY_SECRET !== undefined)),
  ...withoutRules.map(withoutRulesNote),
];

const secretNote = (isInFile: boolean): string =>
  isInFile
    ? "KEY_SECRET stands in the file for anybody to read; make it a secret (wrangler secret put KEY_SECRET)"
    : "KEY_SECRET is a secret and cannot be seen here; without it keys are hashed under a fixed key that anybody can read (wrangler secret put KEY_SECRET)";

/** Named environments inherit neither variables nor bindings: a deploy to one could go out without rules. */
const withoutRulesNote = ({ env }: Scope): string =>
  env === undefined
    ? "the top level has no RULES: a deploy that names no environment goes out without any"
    : `the environment ${quote(env)} has no RULES: it does not inherit these`;
