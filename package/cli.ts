#!/usr/bin/env node
/** `npx onecount COMMAND`: the commands that are of use outside of this repository. */
import { fail, runCli } from "../loadtest/tools/cli.ts";
import { quote } from "../shared/quote.ts";

const HELP = `Usage: npx onecount COMMAND [options]

Commands:
  check [FILE]   checks the rules and the bindings of a wrangler.toml (default ./wrangler.toml), and
                 prints what each rule guarantees

Each command has --help.
`;

const [command, ...rest] = process.argv.slice(2);

// What a command imports runs it: it is imported when it is asked for.
if (command === "check") {
  const named = rest.some((argument) => !argument.startsWith("-"));
  process.argv.splice(2, Infinity, ...rest, ...(named ? [] : ["wrangler.toml"]));
  await import("../loadtest/check-rules/main.ts");
} else {
  await runCli(() => {
    if (command === "--help" || command === "-h") return process.stdout.write(HELP) && 0;
    return fail(
      command === undefined ? "no command (see --help)" : `unknown command ${quote(command)} (see --help)`,
    );
  });
}
