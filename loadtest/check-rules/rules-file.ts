/** `npm run rules`: rules that outgrow a variable, from the TOML that people write to the JSON that is bundled. */
import { writeFileSync } from "node:fs";
import { formatProblem, parseRules } from "../../shared/rule.ts";
import type { Place } from "../../shared/rule-problem.ts";
import { rulesOf } from "../../shared/rules-text.ts";
import { fail, fileProblem, options, runCli } from "../tools/cli.ts";
import { count } from "../tools/columns.ts";
import { readSource, type Source } from "./source.ts";

const HELP = `Usage: npm run rules -- [FILE.toml] [FILE.json]

Reads the rules ([[rules]] tables) of a TOML file, by default rules.toml, and writes them as the JSON that the Worker
bundles, by default rules.json. Nothing is written unless every rule is good. To have it done by every deploy:

  [build]
  command = "npm run rules"

Options:
  --help   this text

Exit code: 0 if the file was written, else 1.`;

/** `FILE:LINE:COLUMN: ` of a problem. */
function placeIn(source: Source, at: Place): string {
  const place = source.placeOf([source.rulesIn ?? "rules", ...at]);
  return place === undefined ? `${source.file}: ` : `${source.file}:${place.line}:${place.column}: `;
}

await runCli(() => {
  const { positionals } = options({}, HELP, 2);
  const [from = "rules.toml", to = "rules.json"] = positionals;
  const source = readSource(from);
  const rules = rulesOf(source.config);
  const parsed = parseRules(rules);
  if (!parsed.ok) {
    for (const problem of parsed.problems)
      console.error(placeIn(source, problem.at) + formatProblem(problem));
    fail(`${from}: ${count(parsed.problems.length, "problem")}`);
  }
  try {
    writeFileSync(to, `${JSON.stringify({ rules }, undefined, 2)}\n`);
  } catch (error) {
    fail(fileProblem(to, error));
  }
  console.log(`${to}: ${Array.isArray(rules) ? rules.length : 0} rules of ${from}`);
  return 0;
});
