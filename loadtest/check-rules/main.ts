/** `npm run check-rules`: are the rules of a wrangler.toml good, and what do they guarantee? */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, TomlError } from "smol-toml";
import { formatProblem, type Rule } from "../../shared/rule.ts";
import { formatDuration } from "../../shared/time.ts";
import { fail, options, readText, runCli } from "../tools/cli.ts";
import { type CheckReport, checkConfig } from "./check.ts";

const DEFAULT_FILE = relative(process.cwd(), fileURLToPath(new URL("../../wrangler.toml", import.meta.url)));

const HELP = `Usage: npm run check-rules [-- [FILE] [--json]]

Checks the rules ([[vars.RULES]]) and the bindings of a wrangler.toml, by default this repository's, and
prints what each rule guarantees. Every error of every rule is told at once.

Options:
  --json   one JSON document on stdout: { file, ok, rules, problems, bindings, notes }
  --help   this text

Exit code: 0 if all is well, else 1.`;

function readConfig(file: string): Record<string, unknown> {
  const text = readText(file);
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The library goes on to draw the place over several lines.
    const [reason = ""] = error.message.split("\n");
    return fail(`${file}, line ${error.line}, column ${error.column}: ${reason}`);
  }
}

function limitsOf({ limit, window, threshold, algorithm, burst, cost, owners }: Rule): string {
  const parts = [`${limit} per ${formatDuration(window)}`, `threshold ${threshold}`, algorithm];
  if (algorithm === "token-bucket") parts.push(`burst ${burst}`);
  if (cost !== 1) parts.push(`cost ${cost}`);
  if (owners !== 0) parts.push(`${owners} shared ${owners === 1 ? "owner" : "owners"}`);
  return parts.join(", ");
}

function printRules(file: string, { rules }: CheckReport): void {
  console.log(`${file}: ${rules.length} ${rules.length === 1 ? "rule" : "rules"}`);
  for (const rule of rules) {
    const methods = rule.match.methods?.join(", ") ?? "all methods";
    console.log(`\n${rule.name}: ${methods} on ${rule.match.paths.join(", ")}, ${limitsOf(rule)}`);
    console.log(`  ${rule.guarantee}`);
  }
}

function printProblems(file: string, { problems, bindings }: CheckReport): never {
  for (const problem of problems) console.error(formatProblem(problem));
  for (const { message, snippet } of bindings) console.error(`${message}; add:\n\n${snippet}\n`);
  const count = problems.length + bindings.length;
  return fail(`${file}: ${count} ${count === 1 ? "problem" : "problems"}`);
}

await runCli(() => {
  const { values, positionals } = options({ json: { type: "boolean" } }, HELP, 1);
  const file = positionals[0] ?? DEFAULT_FILE;
  const report = checkConfig(readConfig(file));
  if (values.json) {
    console.log(JSON.stringify({ file, ...report }, undefined, 2));
    return report.ok ? 0 : 1;
  }
  if (!report.ok) printProblems(file, report);
  printRules(file, report);
  console.log("");
  for (const note of report.notes) console.log(`note: ${note}`);
  return 0;
});
