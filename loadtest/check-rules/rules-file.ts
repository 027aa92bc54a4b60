/** `npm run rules`: rules that outgrow a variable, from the TOML that people write to the JSON that is bundled. */
import { writeFileSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import { formatProblem, parseRules } from "../../shared/rule.ts";
import { rulesOf } from "../../shared/rules-text.ts";
import { fail, fileProblem, options, readText, runCli } from "../tools/cli.ts";

const HELP = `Usage: npm run rules -- [FILE.toml] [FILE.json]

Reads the rules ([[rules]] tables) of a TOML file, by default rules.toml, and writes them as the JSON that the Worker
bundles, by default rules.json. Nothing is written unless every rule is good. To have it done by every deploy:

  [build]
  command = "npm run rules"

Options:
  --help   this text

Exit code: 0 if the file was written, else 1.`;

function read(file: string): unknown {
  const text = readText(file);
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = ""] = error.message.split("\n");
    return fail(`${file}, line ${error.line}, column ${error.column}: ${reason}`);
  }
}

await runCli(() => {
  const { positionals } = options({}, HELP, 2);
  const [from = "rules.toml", to = "rules.json"] = positionals;
  const rules = rulesOf(read(from));
  const parsed = parseRules(rules);
  if (!parsed.ok) {
    for (const problem of parsed.problems) console.error(formatProblem(problem));
    fail(`${from}: ${parsed.problems.length} ${parsed.problems.length === 1 ? "problem" : "problems"}`);
  }
  try {
    writeFileSync(to, `${JSON.stringify({ rules }, undefined, 2)}\n`);
  } catch (error) {
    fail(fileProblem(to, error));
  }
  console.log(`${to}: ${Array.isArray(rules) ? rules.length : 0} rules of ${from}`);
  return 0;
});
