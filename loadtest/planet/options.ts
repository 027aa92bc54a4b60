/** The command line of the simulator, checked before anything runs. */

import { quote } from "../../shared/quote.ts";
import { fail, options, readText } from "../tools/cli.ts";
import { wholeOf } from "../tools/values.ts";
import { FAULT_NAMES, FAULTS, type Fault } from "./faults.ts";
import { parsePlanet } from "./place-file.ts";
import { builtInPlaces, choosePops, type Place } from "./places.ts";
import type { PlanOptions } from "./plan.ts";
import { CLIENTS_MAX } from "./planet-keys.ts";
import { PLANET_DEFAULTS } from "./planet-options.ts";
import type { PlanetSize } from "./planet-thread.ts";
import type { ThinWish } from "./thin-runs.ts";

const SEED_MAX = 0xffff_ffff;
const SEEDS_MAX = 10_000_000;
const POPS_MAX = 1_000;
const REQUESTS_MAX = 1_000_000_000;
/** Each shape of traffic has one at least. */
const CLIENTS_MIN = 5;
const ISOLATES_MAX = 8;
/** Each isolate of a run takes up to 0.6 MB. */
const ALL_ISOLATES_MAX = 4_000;
const MINUTES_MAX = 1_440;
const MINUTE_MS = 60_000;
const THIN_SEEDS = 1_000;
const THIN_SEEDS_MAX = 100_000;

const HELP = `npm run simulate [-- options]

Sources, owners and hubs of the production code in simulated time. A seed repeats everything to the last message.

Trials: one small world for each seed, where network and machines fail and checkers look at every step
--seeds N      so many trials (default: 100)
--from N       the first of them has this seed (default: 1)
--seed N       this one
--transcript   with --seed: every request, message and row, a line each
--faults LIST  all, none, or names with commas between them (default: all). Each trial draws some of these:
${FAULT_NAMES.map((name) => `                 ${name.padEnd(10)} ${FAULTS[name]}`).join("\n")}
--strict WHICH all: each trial has one rule, a strict one; none: no rule is strict or looks for thin clients
               (default: a third of them each, drawn)
--ahead none   no rule leases or has grace (default: half of them, drawn)
--auto drawn   every sixth rule has an automatic threshold (default: none)
--pops N       POPs in each trial (default: 1 to 4, drawn); when there are more than places, they share them
--planet FILE  with --seeds, --from or --seed: places from this list of data centres

Planet: a whole one without faults, all shapes of traffic at once: decisions, the guarantee, block skew, messages.
It runs when any of the first four is given, or --planet without --seeds, --from and --seed.
--requests N   so many requests (default: ${PLANET_DEFAULTS.requests})
--clients N    of so many clients (default: ${PLANET_DEFAULTS.clients})
--isolates N   isolates of each POP, 1 to ${ISOLATES_MAX} (default: ${PLANET_DEFAULTS.isolatesPerPlace})
--minutes N    within so much simulated time (default: ${PLANET_DEFAULTS.durationMs / MINUTE_MS})
--seed N       with one of these: the run's seed (default: ${PLANET_DEFAULTS.seed})
--planet FILE  POPs from this list
--pops N       so many of them (default: all)

Thin clients: each of their requests goes to another isolate, so that they reach a threshold nowhere
--thin         how soon they are found with spread = "auto", and what gets through with and without it
--seeds N      so many clients at each rate (default: ${THIN_SEEDS})
--isolates N, --pops N, --planet FILE as for a planet

All
--planet FILE  data centres (JSON by IATA code, each with city, cca2, region, lat, lon); without it some 70
               large cities
--json         one JSON document on stdout
--help         this text

Exit 0 when nothing was violated; else 1, and what was: of trials with the command that replays it.
`;

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

export interface PlanetWish extends PlanetSize {
  readonly kind: "planet";
  readonly json: boolean;
}

export interface ThinClientsWish extends ThinWish {
  readonly kind: "thin";
  readonly json: boolean;
}

export type Wish = TrialsWish | TranscriptWish | PlanetWish | ThinClientsWish;

/** Reads the command line; ends the command with one line when it is wrong. */
export function readOptions(args?: string[]): Wish {
  const { values } = options(
    {
      seeds: { type: "string" },
      from: { type: "string" },
      seed: { type: "string" },
      transcript: { type: "boolean" },
      faults: { type: "string" },
      ahead: { type: "string" },
      strict: { type: "string" },
      auto: { type: "string" },
      pops: { type: "string" },
      planet: { type: "string" },
      requests: { type: "string" },
      clients: { type: "string" },
      isolates: { type: "string" },
      minutes: { type: "string" },
      thin: { type: "boolean" },
      json: { type: "boolean" },
    },
    HELP,
    0,
    args,
  );
  refuseContradictions(values);
  if (values.thin === true) return thinOf(values);
  if (isPlanet(values)) return planetOf(values);
  const plan: PlanOptions = {
    strict: values.strict === undefined ? "drawn" : strictOf(values.strict),
    faults: faultsOf(values.faults ?? "all"),
    ...(values.ahead !== undefined && { ahead: noneOf("ahead", values.ahead) }),
    ...(values.auto !== undefined && { auto: autoOf(values.auto) }),
    ...(values.pops !== undefined && { pops: wholeOf("--pops", values.pops, 1, POPS_MAX) }),
    ...(values.planet !== undefined && { places: placesIn(values.planet) }),
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

/** Options that only a planet run has. */
const PLANET_OPTIONS = ["requests", "clients", "isolates", "minutes"] as const;
type PlanetGiven = Readonly<
  Partial<Record<(typeof PLANET_OPTIONS)[number] | "seed" | "pops" | "planet", string> & { json: boolean }>
>;

const isPlanet = (given: Given): boolean =>
  PLANET_OPTIONS.some((name) => given[name] !== undefined) ||
  (given.planet !== undefined && ["seeds", "from", "seed"].every((name) => given[name] === undefined));

function planetOf(given: PlanetGiven): PlanetWish {
  const whole = (name: keyof PlanetGiven, least: number, most: number, otherwise: number): number =>
    given[name] === undefined ? otherwise : wholeOf(`--${name}`, String(given[name]), least, most);
  const defaults = PLANET_DEFAULTS;
  const size = {
    requests: whole("requests", 1, REQUESTS_MAX, defaults.requests),
    clients: whole("clients", CLIENTS_MIN, CLIENTS_MAX, defaults.clients),
    isolatesPerPlace: whole("isolates", 1, ISOLATES_MAX, defaults.isolatesPerPlace),
    durationMs: MINUTE_MS * whole("minutes", 1, MINUTES_MAX, defaults.durationMs / MINUTE_MS),
    seed: whole("seed", 0, SEED_MAX, defaults.seed),
  };
  return { kind: "planet", json: given.json ?? false, ...size, places: popsOf(given, size.isolatesPerPlace) };
}

function popsOf({ planet, pops }: Given, isolatesPerPlace: number): readonly Place[] {
  const all = planet === undefined ? builtInPlaces() : placesIn(String(planet));
  const count = pops === undefined ? all.length : wholeOf("--pops", String(pops), 1, POPS_MAX);
  const places = choosePops(all, count);
  const isolates = places.length * isolatesPerPlace;
  if (isolates > ALL_ISOLATES_MAX) {
    const most = Math.floor(ALL_ISOLATES_MAX / isolatesPerPlace);
    fail(
      `${isolates} isolates are too many for one run, ${ALL_ISOLATES_MAX} are allowed: --pops ${most}, or fewer --isolates`,
    );
  }
  return places;
}

/** Options that clients which are spread thinly do not have. */
const NOT_THIN = ["requests", "clients", "minutes", "seed", "from", "transcript", "faults"] as const;

function thinOf(given: Given): ThinClientsWish {
  for (const name of NOT_THIN)
    if (given[name] !== undefined)
      fail(`--thin and --${name}: --seeds, --isolates, --pops and --planet go with --thin`);
  const isolatesPerPlace =
    given.isolates === undefined
      ? PLANET_DEFAULTS.isolatesPerPlace
      : wholeOf("--isolates", String(given.isolates), 1, ISOLATES_MAX);
  return {
    kind: "thin",
    json: given.json === true,
    places: popsOf(given, isolatesPerPlace),
    isolatesPerPlace,
    seeds:
      given.seeds === undefined ? THIN_SEEDS : wholeOf("--seeds", String(given.seeds), 1, THIN_SEEDS_MAX),
  };
}

const placesIn = (path: string): readonly Place[] => parsePlanet(readText(path), path).places;

function refuseContradictions(given: Given): void {
  const both = (one: string, other: string, why: string): void => {
    if (given[one] !== undefined && given[other] !== undefined) fail(`--${one} and --${other}: ${why}`);
  };
  for (const name of PLANET_OPTIONS) {
    both(name, "seeds", "a planet run has one seed, --seed N");
    both(name, "from", "a planet run has one seed, --seed N");
    both(name, "transcript", "only a trial has a transcript");
    both(name, "faults", "a planet run has no faults");
    both(name, "ahead", "the rules of a planet run are what they are");
    both(name, "strict", "the rules of a planet run are what they are");
    both(name, "auto", "the rules of a planet run are what they are");
  }
  both("seed", "seeds", "one trial or many, not both");
  both("seed", "from", "--from is for many trials");
  both("transcript", "json", "a transcript is text");
  if (given.transcript === true && given.seed === undefined)
    fail("--transcript shows one trial: say which with --seed N");
  if (isPlanet(given)) both("planet", "faults", "a planet run has no faults; for trials add --seeds N");
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

/** Of an option that takes rules of a kind away. */
function noneOf(option: string, text: string): "none" {
  return text === "none" ? text : fail(`--${option} ${quote(text)}: only none is allowed`);
}

function strictOf(text: string): "none" | "all" {
  if (text === "none" || text === "all") return text;
  return fail(`--strict ${quote(text)}: all or none is allowed`);
}

function autoOf(text: string): "drawn" {
  return text === "drawn" ? text : fail(`--auto ${quote(text)}: only drawn is allowed`);
}

const moreOf = (given: Given): string =>
  ["faults", "ahead", "strict", "auto", "pops", "planet"]
    .map((name) => (given[name] === undefined ? "" : ` --${name} ${given[name]}`))
    .join("");
