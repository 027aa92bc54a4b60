/** `npm run schema`: writes the JSON Schema of rules, and what docs/rules.md says of each field. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { options, runCli } from "../tools/cli.ts";
import { withFieldDocs } from "./docs.ts";
import { rulesFileSchema } from "./rules-schema.ts";

const SCHEMA = new URL("../../schema/rules.schema.json", import.meta.url);
const DOCS = new URL("../../docs/rules.md", import.meta.url);

const HELP = `Usage: npm run schema

Writes schema/rules.schema.json, for editors, and the fields in docs/rules.md, from the schema that reads rules.`;

await runCli(() => {
  options({}, HELP);
  mkdirSync(new URL(".", SCHEMA), { recursive: true });
  writeFileSync(SCHEMA, `${JSON.stringify(rulesFileSchema(), undefined, 2)}\n`);
  writeFileSync(DOCS, withFieldDocs(readFileSync(DOCS, "utf8")));
  console.log("schema/rules.schema.json and docs/rules.md are written");
});
