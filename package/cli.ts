#!/usr/bin/env node
/** `npx onecount COMMAND`: the commands that are of use outside of this repository. */
import { fail, runCli } from "../loadtest/tools/cli.ts";
import { quote } from "../shared/quote.ts";

const HELP = `Usage: npx onecount COMMAND [options]

Commands:
  check [FILE]   checks the rules and the bindings of a wrangler.toml or wrangler.json (by default the one in
                 this folder), or the rules of a rules.json, and prints what each rule guarantees and costs

Each command has --help.
`;

const [command, ...rest] = process.argv.slice(2);

// Commands are read when they are asked for.
if (command === "check") {
  const { checkRules } = await import("../loadtest/check-rules/command.ts");
  await runCli(() => checkRules(rest, "npx onecount check"));
} else {
  await runCli(() => {
    if (command === "--help" || command === "-h") return process.stdout.write(HELP) && 0;
    return fail(
      command === undefined ? "no command (see --help)" : `unknown command ${quote(command)} (see --help)`,
    );
  });
}
