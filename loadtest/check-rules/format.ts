/** The report as text for people. */
import { quote } from "../../shared/quote.ts";
import { formatProblem, type Rule } from "../../shared/rule.ts";
import { formatDuration } from "../../shared/time.ts";
import { count, number } from "../tools/columns.ts";
import type { CheckedRule, CheckReport } from "./check.ts";
import type { CostReport, RuleCost } from "./cost.ts";
import { located } from "./places.ts";
import { variantName } from "./written.ts";

/** Every problem at its place, as `FILE:LINE:COLUMN: …`. */
export function formatProblems(file: string, { problems, bindings }: CheckReport): string {
  const lines = problems.map(
    (problem) => `${located(problem.file ?? file, problem)}: ${inEnv(problem.env)}${formatProblem(problem)}`,
  );
  for (const { message, snippet, env, ...place } of bindings)
    lines.push(`${located(file, place)}: ${inEnv(env)}${message}; add:\n\n${snippet}\n`);
  return lines.join("\n");
}

const inEnv = (env: string | undefined): string => (env === undefined ? "" : `environment ${quote(env)}, `);

/** Each rule, its plans and its candidate under it. */
export function formatRules(file: string, { rules, cost }: CheckReport): string {
  const lines: string[] = [];
  let written = 0;
  for (const [index, rule] of rules.entries()) {
    const before = rules[index - 1];
    const isNew = rule.isCandidate !== true && (before?.name !== rule.name || before.env !== rule.env);
    if (isNew) {
      written += 1;
      const env = rule.env === undefined ? "" : ` (environment ${quote(rule.env)})`;
      const methods = rule.match.methods?.join(", ") ?? "all methods";
      const limits = variantName(rule) === "" ? `, ${limitsOf(rule)}` : "";
      lines.push("", `${rule.name}${env}: ${methods} on ${rule.match.paths.join(", ")}${limits}`);
    }
    lines.push(...variantLines(rule, cost.rules[index]));
  }
  return [`${file}: ${count(written, "rule")}`, ...lines].join("\n");
}

function variantLines(rule: CheckedRule, cost: RuleCost | undefined): readonly string[] {
  const name = variantName(rule);
  const lines = [rule.guarantee, ...rule.switches, ...(cost === undefined ? [] : [costLine(cost)])];
  return name === ""
    ? lines.map((line) => `  ${line}`)
    : [`  ${name}: ${limitsOf(rule)}`, ...lines.map((line) => `    ${line}`)];
}

function limitsOf(rule: Rule): string {
  const { limit, window, lease, grace, strict, spread, algorithm, burst, cost, costBy, owners } = rule;
  const parts = [`${limit} per ${formatDuration(window)}`, thresholdText(rule)];
  if (grace !== 0) parts.push(`grace ${grace}`);
  if (lease !== 0) parts.push(`lease ${lease}`);
  if (strict !== 0) parts.push(`strict ${strict}`);
  if (spread !== "off") parts.push(`spread ${spread}`);
  parts.push(algorithm);
  if (algorithm === "token-bucket") parts.push(`burst ${burst}`);
  if (costBy !== undefined) parts.push(`cost 1 to ${costBy.max} by header:${costBy.header}`);
  else if (cost !== 1) parts.push(`cost ${cost}`);
  if (owners !== 0) parts.push(`${owners} shared ${owners === 1 ? "owner" : "owners"}`);
  return parts.join(", ");
}

const thresholdText = ({ threshold, excessMax }: Rule): string =>
  excessMax === undefined
    ? `threshold ${threshold}`
    : `threshold auto (up to ${threshold}, excess_max ${excessMax})`;

const costLine = ({ asks, ownerRequests, hubMessages, rowsWritten, usd }: RuleCost): string =>
  `a million requests: ${number(asks)} wait for an owner, ${number(ownerRequests)} owner calls, ` +
  `${number(hubMessages)} hub calls, ${number(rowsWritten)} rows written: $${usd.toFixed(2)}`;

const percent = (share: number): string => `${number(Math.round(share * 10_000) / 100)} %`;

/** What the cost lines assume, once for all of them. */
export function formatMix({ mix, pricesAsOf, isolateMonthUsd }: CostReport): string {
  const { busy, blocked, isolates, pace } = mix;
  return [
    `cost: of a million requests, ${percent(1 - busy)} from clients below the threshold, ${percent(busy)} from clients that are claimed,`,
    `      seen by ${count(isolates, "isolate")} each and using ${percent(pace)} of the limit in a window; ${percent(blocked)} blocked without asking`,
    "      (--busy, --blocked, --isolates, --pace). Estimates err upwards, see docs/rules.md. Prices of",
    `      ${pricesAsOf}, monthly allowances left out; besides, $${isolateMonthUsd.toFixed(2)} a month for each isolate that listens.`,
  ].join("\n");
}

/** Warnings and notes, one line each. */
export function formatRemarks(file: string, { warnings, notes }: CheckReport): string {
  const lines = warnings.map((warning) => {
    const { rule, field, text, env, file: own = file } = warning;
    return `${located(own, warning)}: warning: ${inEnv(env)}rule ${quote(rule)}${field === "" ? "" : `, ${field}`}: ${text}`;
  });
  return [...lines, ...notes.map((note) => `note: ${note}`)].join("\n");
}
