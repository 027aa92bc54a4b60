/** The command, whatever it is called by. */

import { fail } from "../tools/cli.ts";
import { count } from "../tools/columns.ts";
import { checkSource } from "./check.ts";
import { formatMix, formatProblems, formatRemarks, formatRules } from "./format.ts";
import { readWish } from "./options.ts";
import { bundledBeside, readSource } from "./source.ts";

/**
 * Runs it and returns the exit code. Only within `runCli`.
 * @param usage how it was called, for its help
 */
export function checkRules(args: string[], usage: string): number {
  const { file, env, strict, json, mix } = readWish(args, usage);
  const source = readSource(file);
  if (source.rulesIn !== undefined && env !== undefined)
    fail(`--env ${env}: a file of rules has no environments`);
  const bundled = source.rulesIn === undefined ? bundledBeside(file) : undefined;
  const report = checkSource(source, { env, mix, bundled });
  const { ok, problems, bindings, warnings } = report;
  const exitCode = ok && !(strict && warnings.length > 0) ? 0 : 1;
  if (json) {
    console.log(JSON.stringify({ file, ...report }, undefined, 2));
    return exitCode;
  }
  if (!ok) {
    console.error(formatProblems(file, report));
    fail(`${file}: ${count(problems.length + bindings.length, "problem")}`);
  }
  console.log(`${formatRules(file, report)}\n\n${formatMix(report.cost)}`);
  const remarks = formatRemarks(file, report);
  if (remarks !== "") console.log(`\n${remarks}`);
  if (exitCode !== 0) fail(`${file}: ${count(warnings.length, "warning")} (--strict)`);
  return exitCode;
}
