/** The command line of the simulator, checked before anything runs. */

import { quote } from "../../shared/quote.ts";
import { fail, options, readText } from "../tools/cli.ts";
import { wholeOf } from "../tools/values.ts";
import { FAULT_NAMES, FAULTS, type Fault } from "./faults.ts";
import { parsePlanet } from "./place-file.ts";
import type { PlanOptions } from "./plan.ts";

const HELP = `npm run simulate [-- options]

Tries to break the limiter: sources, owners and hubs of the production code in simulated time, a network and
machines that fail, and checkers that look at every step. A seed repeats everything to the last message.

Trials: one small world for each seed
--seeds N      so many trials (default: 100)
--from N       the first of them has this seed (default: 1)
--seed N       this one
--transcript   with --seed: every request, message and row, a line each
--faults LIST  all, none, or names with commas between them (default: all). Each trial draws some of these:
${FAULT_NAMES.map((name) => `                 ${name.padEnd(10)} ${FAULTS[name]}`).join("\n")}
--pops N       POPs in each trial (default: 1 to 4, drawn); when there are more than places, they share them
--planet FILE  places from this list of data centres (JSON by IATA code, each with city, cca2, region, lat,
               lon); without it some 60 large cities
--json         one JSON document on stdout
--help         this text

Exit 0 when nothing was violated; else 1, and each violation with the command that replays it.
`;

const SEED_MAX = 0xffff_ffff;
const SEEDS_MAX = 10_000_000;
const POPS_MAX = 1_000;

export interface TrialsWish extends PlanOptions {
  readonly kind: "trials";
  readonly from: number;
  readonly seeds: number;
  readonly json: boolean;
  /** The options that a replay needs besides its seed. */
  readonly more: string;
}

export interface TranscriptWish extends PlanOptions {
  readonly kind: "transcript";
  readonly seed: number;
}

export type Wish = TrialsWish | TranscriptWish;

/** Reads the command line; ends the command with one line when it is wrong. */
export function readOptions(args?: string[]): Wish {
  const { values } = options(
    {
      seeds: { type: "string" },
      from: { type: "string" },
      seed: { type: "string" },
      transcript: { type: "boolean" },
      faults: { type: "string" },
      pops: { type: "string" },
      planet: { type: "string" },
      json: { type: "boolean" },
    },
    HELP,
    0,
    args,
  );
  refuseContradictions(values);
  const plan: PlanOptions = {
    faults: faultsOf(values.faults ?? "all"),
    ...(values.pops !== undefined && { pops: wholeOf("--pops", values.pops, 1, POPS_MAX) }),
    ...(values.planet !== undefined && {
      places: parsePlanet(readText(values.planet), values.planet).places,
    }),
  };
  const seed = values.seed === undefined ? undefined : seedOf("--seed", values.seed);
  if (seed !== undefined && values.transcript === true) return { kind: "transcript", seed, ...plan };
  return {
    kind: "trials",
    from: seed ?? (values.from === undefined ? 1 : seedOf("--from", values.from)),
    seeds:
      seed !== undefined
        ? 1
        : values.seeds === undefined
          ? 100
          : wholeOf("--seeds", values.seeds, 1, SEEDS_MAX),
    json: values.json ?? false,
    more: moreOf(values),
    ...plan,
  };
}

type Given = Readonly<Partial<Record<string, string | boolean>>>;

function refuseContradictions(given: Given): void {
  const both = (one: string, other: string, why: string): void => {
    if (given[one] !== undefined && given[other] !== undefined) fail(`--${one} and --${other}: ${why}`);
  };
  both("seed", "seeds", "one trial or many, not both");
  both("seed", "from", "--from is for many trials");
  both("transcript", "json", "a transcript is text");
  if (given.transcript === true && given.seed === undefined)
    fail("--transcript shows one trial: say which with --seed N");
}

const seedOf = (option: string, text: string): number => wholeOf(option, text, 0, SEED_MAX);

function faultsOf(text: string): readonly Fault[] {
  if (text === "all") return FAULT_NAMES;
  if (text === "none") return [];
  const names = text.split(",");
  const unknown = names.find((name) => !Object.hasOwn(FAULTS, name));
  if (unknown !== undefined)
    fail(`--faults ${quote(unknown)}: all, none, or some of ${FAULT_NAMES.join(", ")} are allowed`);
  return FAULT_NAMES.filter((name) => names.includes(name));
}

const moreOf = (given: Given): string =>
  ["faults", "pops", "planet"]
    .map((name) => (given[name] === undefined ? "" : ` --${name} ${given[name]}`))
    .join("");
