/** `npm run check-rules`: are the rules of a file good, what do they guarantee, and what do they cost? */
import { runCli } from "../tools/cli.ts";
import { checkRules } from "./command.ts";

await runCli(() => checkRules(process.argv.slice(2), "npm run check-rules --"));
