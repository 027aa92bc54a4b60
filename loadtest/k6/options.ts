/** The command line of the load test, checked before anything is started. */
import { quote } from "../../shared/quote.ts";
import { DEFAULT_POPS } from "../cluster/pops.ts";
import { fail, options } from "../tools/cli.ts";
import { table } from "../tools/columns.ts";
import { numberOf, wholeOf } from "../tools/values.ts";
import { PLANS, type Plan, type ScriptName } from "./plans.ts";

const RUNNERS = ["auto", "k6", "builtin"] as const;
const RATE_MAX = 10_000;
const SECONDS_MAX = 7 * 86_400;
const DISTANCE_MAX = 100;

const HELP = `npm run loadtest -- SCRIPT [options]

Starts a cluster with a rule fit for the script, runs the script against it with k6, and reports what the limiter
did. The exit code is k6's: 0, or 99 when a threshold of the script has failed. Without k6 a small runner in Node
runs the same script; it is not k6.

The soak first raises its rate until the machine, or the one thread of the cluster, is 70 % busy, warms up, and holds the
rate. It exits with 99 also when an isolate's memory is more than 5 % higher in the last minute than in the first, when a
request still waits after the end, or when a Worker has printed anything.

${table(
  Object.entries(PLANS).map(([name, { about }]) => [name, about]),
  2,
)}

--rate N           iterations a second, or their peak (default: the script's; the soak's is found as above)
--seconds N        length of the run; or --minutes N (default: the script's)
--pops LIST        POPs of the cluster (default: ${DEFAULT_POPS.join(",")})
--distance FACTOR  factor on the simulated round trips; 0 for none (default: 1)
--env NAME=VALUE   passed to the script; may be given several times. LIMIT, THRESHOLD and others (loadtest/k6/lib.ts)
                   change what the script expects, not the rule
--runner NAME      k6, builtin, or auto: k6 if there is one (default: auto)
--json             the limiter's figures as one JSON document on stdout, all else on stderr
--help             this text

k6 is looked for as $K6, else on the PATH. The scripts are plain k6 scripts:
  k6 run -e POPS='{"LHR":"http://127.0.0.1:8788"}' -e LIMIT=10 loadtest/k6/spread.ts
`;

export interface LoadOptions {
  readonly script: ScriptName;
  /** The script's, with rate and length as wished. */
  readonly plan: Plan;
  /** Whether the rate was wished for, or is the script's. */
  readonly rateGiven: boolean;
  readonly pops: readonly string[];
  readonly distance: number;
  /** What the script is told besides. */
  readonly env: Readonly<Record<string, string>>;
  readonly runner: (typeof RUNNERS)[number];
  readonly json: boolean;
}

/** Reads the command line; ends the command with one line when it is wrong. */
export function readOptions(args?: string[]): LoadOptions {
  const { values, positionals } = options(
    {
      rate: { type: "string" },
      seconds: { type: "string" },
      minutes: { type: "string" },
      pops: { type: "string" },
      distance: { type: "string" },
      env: { type: "string", multiple: true },
      runner: { type: "string" },
      json: { type: "boolean" },
    },
    HELP,
    1,
    args,
  );
  const script = scriptOf(positionals[0]);
  const plan: Plan = PLANS[script];
  const pops = values.pops?.split(",") ?? DEFAULT_POPS;
  if (script === "slide" && pops.length < 2) fail("the slide needs two POPs at least (see --help)");
  return {
    script,
    plan: {
      ...plan,
      rate: values.rate === undefined ? plan.rate : wholeOf("--rate", values.rate, 1, RATE_MAX),
      seconds: secondsOf(values) ?? plan.seconds,
    },
    rateGiven: values.rate !== undefined,
    pops,
    distance: values.distance === undefined ? 1 : numberOf("--distance", values.distance, 0, DISTANCE_MAX),
    env: Object.fromEntries((values.env ?? []).map(settingOf)),
    runner: runnerOf(values.runner ?? "auto"),
    json: values.json ?? false,
  };
}

function scriptOf(name: string | undefined): ScriptName {
  const known = Object.keys(PLANS).join(", ");
  if (name === undefined) return fail(`which script? One of ${known} (see --help)`);
  if (!isScript(name)) return fail(`there is no script ${quote(name)}: known are ${known}`);
  return name;
}

const isScript = (name: string): name is ScriptName => Object.hasOwn(PLANS, name);

function secondsOf(given: { seconds?: string; minutes?: string }): number | undefined {
  if (given.seconds !== undefined && given.minutes !== undefined) {
    fail("--seconds and --minutes are two lengths of one run: leave out one of them");
  }
  if (given.minutes !== undefined) return 60 * numberOf("--minutes", given.minutes, 0.1, SECONDS_MAX / 60);
  return given.seconds === undefined ? undefined : numberOf("--seconds", given.seconds, 1, SECONDS_MAX);
}

function settingOf(text: string): readonly [string, string] {
  const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) return fail(`--env ${quote(text)}: NAME=VALUE is allowed`);
  return [name, value];
}

function runnerOf(text: string): LoadOptions["runner"] {
  const found = RUNNERS.find((known) => known === text);
  return found ?? fail(`--runner ${quote(text)}: ${RUNNERS.join(", ")} are allowed`);
}
