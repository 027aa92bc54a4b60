/** What the command takes. */
import { fail, options } from "../tools/cli.ts";
import { numberOf, wholeOf } from "../tools/values.ts";
import { MIX_DEFAULT, type Mix } from "./cost.ts";
import { defaultFile } from "./source.ts";

/** More isolates than see any one client: there are some 340 places, each with a few. */
const ISOLATES_MAX = 10_000;

const help = (
  usage: string,
): string => `Usage: ${usage} [FILE] [--env NAME] [--strict] [--json] [--busy S] [--blocked S] [--isolates N] [--pace S]

Checks rules and prints what each one guarantees and costs. Every error of every rule is told at once, with its
line and column.

FILE is a wrangler.toml, wrangler.json or wrangler.jsonc with [[vars.RULES]], whose bindings and migrations are checked
too (by default the one in this folder; without RULES, the rules.json beside it), or a rules.toml or rules.json with
a list "rules".

Options:
  --env NAME    check the environment NAME alone; else the top level, and all environments with RULES of their own
  --strict      exit with 1 on warnings, too
  --json        one JSON document on stdout: { file, ok, rules, problems, bindings, warnings, notes, cost }
  --help        this text

The traffic that the cost of a million requests is told for (S is a share from 0 to 1):
  --busy S      requests from clients that are claimed (${MIX_DEFAULT.busy})
  --blocked S   requests that are denied without asking, at most --busy (${MIX_DEFAULT.blocked})
  --isolates N  isolates that see a claimed client in a window (${MIX_DEFAULT.isolates})
  --pace S      how much of its limit a claimed client uses in a window (${MIX_DEFAULT.pace})

Exit code: 0 if all is well, else 1.`;

export interface Wish {
  readonly file: string;
  readonly env: string | undefined;
  readonly strict: boolean;
  readonly json: boolean;
  readonly mix: Mix;
}

/** Reads the command line; ends the command when it is wrong. */
export function readWish(args: string[], usage: string): Wish {
  const spec = {
    env: { type: "string" },
    strict: { type: "boolean" },
    json: { type: "boolean" },
    busy: { type: "string" },
    blocked: { type: "string" },
    isolates: { type: "string" },
    pace: { type: "string" },
  } as const;
  const { values, positionals } = options(spec, help(usage), 1, args);
  const share = (name: "busy" | "blocked" | "pace"): number => {
    const text = values[name];
    return text === undefined ? MIX_DEFAULT[name] : numberOf(`--${name}`, text, 0, 1);
  };
  const busy = share("busy");
  // Who says how few are busy need not say as well that still fewer are blocked.
  const blocked = values.blocked === undefined ? Math.min(MIX_DEFAULT.blocked, busy) : share("blocked");
  if (blocked > busy)
    fail(`--blocked ${blocked}: at most --busy is allowed, ${busy}, for who is blocked was claimed`);
  const isolates =
    values.isolates === undefined
      ? MIX_DEFAULT.isolates
      : wholeOf("--isolates", values.isolates, 1, ISOLATES_MAX);
  return {
    file: positionals[0] ?? defaultFile(),
    env: values.env,
    strict: values.strict === true,
    json: values.json === true,
    mix: { busy, blocked, isolates, pace: share("pace") },
  };
}
