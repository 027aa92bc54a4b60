/** The command line of the benchmark, checked before anything is measured. */
import { quote } from "../../shared/quote.ts";
import { fail, options } from "../tools/cli.ts";
import { wholeOf } from "../tools/values.ts";

/** Fewer rounds make no median worth its name. */
export const ROUNDS_MIN = 7;
const ROUNDS_DEFAULT = 15;
const ROUNDS_MAX = 1_000;

const helpOf = (parts: readonly string[]): string => `npm run bench [-- options]

Measures the limiter against others of its kind on this machine, and against its own goals: what a decision
takes, what a key takes in memory, what an owner has to bear, how much later answers come at four POPs, and what the
Worker takes in workerd, beside one without a limiter. Variants run interleaved, and a ratio counts only where it
exceeds what a variant shows against itself. A profile tells which functions of the Worker take how much. The live page
is measured in Chromium, under a made-up stream.

--only LIST   some of ${parts.join(", ")} (default: all)
--rounds N    rounds of each comparison, at least ${ROUNDS_MIN} (default: ${ROUNDS_DEFAULT}); latency takes half as many
--json        one JSON document on stdout
--help        this text

It takes minutes, and measures Redis only where redis-server is installed, the page only where Chromium is; leave the machine alone meanwhile.
`;

export interface BenchOptions {
  /** In the order of the parts, each once. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly json: boolean;
}

/**
 * Reads the command line; ends the command with one line when it is wrong.
 * @param parts the names of all parts
 */
export function readOptions(parts: readonly string[], args?: string[]): BenchOptions {
  const { values } = options(
    { only: { type: "string" }, rounds: { type: "string" }, json: { type: "boolean" } },
    helpOf(parts),
    0,
    args,
  );
  return {
    only: values.only === undefined ? parts : partsOf(values.only, parts),
    rounds:
      values.rounds === undefined
        ? ROUNDS_DEFAULT
        : wholeOf("--rounds", values.rounds, ROUNDS_MIN, ROUNDS_MAX),
    json: values.json ?? false,
  };
}

function partsOf(text: string, parts: readonly string[]): readonly string[] {
  const wanted = text.split(",");
  if (wanted.some((name) => !parts.includes(name))) {
    fail(`--only ${quote(text)}: some of ${parts.join(", ")} are allowed`);
  }
  return parts.filter((name) => wanted.includes(name));
}
