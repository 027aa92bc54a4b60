/** What a trial is made of, drawn from its seed: rules, places, clients, and which faults it may suffer. */
import { regionOf } from "../../shared/region.ts";
import { formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import { initialThreshold } from "../../shared/threshold.ts";
import { CITIES } from "../cluster/cities.ts";
import { drawBelow, type Random, shuffled } from "../tools/random.ts";
import type { Fault } from "./faults.ts";
import type { WorldPlace } from "./world.ts";

export interface Plan {
  readonly rules: readonly Rule[];
  readonly places: readonly WorldPlace[];
  readonly isolatesPerPlace: number;
  readonly clients: readonly string[];
  readonly requests: number;
  readonly lengthMs: number;
  readonly faults: ReadonlySet<Fault>;
  /** Sets of the credit table. */
  readonly sets: number;
}

/** Of the built-in cities, as places of a world. */
export const CITY_PLACES: readonly WorldPlace[] = Array.from(CITIES.values(), (city) => ({
  code: city.code,
  latitude: city.latitude,
  longitude: city.longitude,
  region: regionOf(city.continent, city.longitude),
}));

const pick = <T>(random: Random, of: readonly T[]): T => of[drawBelow(random, of.length)] as T;

export interface PlanOptions {
  /** Those that may happen: each trial draws some of them, one in eight none. */
  readonly faults: readonly Fault[];
  /** Where POPs may stand; the built-in cities unless given. */
  readonly places?: readonly WorldPlace[];
  /** How many POPs there are; drawn from 1 to 4 unless given. Those beyond the places share them. */
  readonly pops?: number;
  /** Whether rules lease and have grace: drawn unless given. */
  readonly ahead?: "none";
  /**
   * Whether rules may be strict, and look for thinly spread clients; they do not unless given. `all`: each trial has one
   * rule, which is strict for as many isolates as there are and three that may be born.
   */
  readonly strict?: "drawn" | "none" | "all";
  /** Whether thresholds may be automatic; they are not unless given. */
  readonly auto?: "drawn";
}

type MaybeDrawn = { readonly [K in "ahead" | "strict" | "auto"]: Random | undefined };

/** Randomness of their own for what came later: a trial without it is the one it was before there was any. */
export interface Later {
  readonly commands: Random;
  readonly ahead: Random;
  readonly strict: Random;
  readonly auto: Random;
}

export function draw(random: Random, later: Later, options: PlanOptions): Plan {
  const { commands } = later;
  const { faults: allowed, places = CITY_PLACES, pops } = options;
  const quiet = random() < 0.125;
  const others = allowed.filter((fault) => fault !== "command");
  const faults = new Set<Fault>(quiet ? [] : others.filter(() => random() < 0.5));
  if (allowed.includes("command") && commands() < 0.5) faults.add("command");
  const rules = drawRules(random, {
    ahead: options.ahead === "none" ? undefined : later.ahead,
    strict: options.strict === "drawn" ? later.strict : undefined,
    auto: options.auto && later.auto,
  });
  const longest = Math.max(...rules.map((rule) => rule.window));
  const plan = {
    rules,
    places: popsAt(shuffled(places, random), pops ?? 1 + drawBelow(random, 4)),
    isolatesPerPlace: 1 + drawBelow(random, 3),
    clients: Array.from({ length: 1 + drawBelow(random, 3) }, (_, index) => `ip=c${index}`),
    requests: 60 + drawBelow(random, 140),
    lengthMs: Math.min(30_000, longest * (1.5 + 2.5 * random())),
    faults,
    sets: faults.has("evict") ? 1 : 16,
  };
  return options.strict === "all" ? strictPlan(plan, later.strict) : plan;
}

/** The same with one strict rule, under which nothing is ever forgotten: its limit is exact. */
function strictPlan(plan: Plan, random: Random): Plan {
  const [threshold, grace] = [2 + drawBelow(random, 2), drawBelow(random, 2)];
  const strict = plan.places.length * plan.isolatesPerPlace + 3;
  const rule = {
    name: "strict",
    limit: strict * (threshold - 1 + grace) + 1 + drawBelow(random, 8),
    window: pick(random, ["2s", "5s", "10s"]),
    threshold,
    grace,
    lease: pick(random, [0, "auto", 0.5]),
    strict,
    algorithm: pick(random, ["fixed-window", "sliding-window"]),
    on_failure: pick(random, ["local", "open", "closed"]),
    align: pick(random, ["key", "clock"]),
  };
  const parsed = parseRules([rule]);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join("; "));
  const faults = new Set([...plan.faults].filter((fault) => fault !== "evict"));
  return { ...plan, rules: parsed.rules, clients: plan.clients.slice(0, 1), requests: 200, faults, sets: 16 };
}

/** The second POP at LHR is called LHR2. */
const popsAt = (places: readonly WorldPlace[], count: number): readonly WorldPlace[] =>
  Array.from({ length: count }, (_, index) => {
    const place = places[index % places.length] as WorldPlace;
    const round = Math.floor(index / places.length);
    return round === 0 ? place : { ...place, code: `${place.code}${round + 1}` };
  });

function drawRules(random: Random, { ahead, strict, auto }: MaybeDrawn): readonly Rule[] {
  const written = Array.from({ length: random() < 0.3 ? 2 : 1 }, (_, index) => {
    const limit = 2 + drawBelow(random, pick(random, [4, 20]));
    const algorithm = pick(random, [
      "fixed-window",
      "fixed-window",
      "sliding-window",
      "sliding-window",
      "token-bucket",
    ]);
    const window = pick(random, ["1s", "2s", "5s", "10s"]);
    const threshold = Math.min(limit, pick(random, [1, 2, 3, 4, 8]));
    return {
      name: `rule-${index}`,
      limit,
      window,
      threshold,
      ...drawAhead(ahead, algorithm, limit - threshold + 1),
      algorithm,
      ...(algorithm === "token-bucket" && random() < 0.5 && { burst: limit + drawBelow(random, limit) }),
      ...(random() < 0.15 && { block_for: pick(random, ["1s", "3s"]) }),
      ...(random() < 0.25 && { owners: pick(random, [1, 2]) }),
      on_failure: pick(random, ["local", "open", "closed"]),
      deadline: pick(random, ["auto", "200ms", "500ms"]),
      align: pick(random, ["key", "clock"]),
    };
  });
  const parsed = parseRules(
    written.map((rule) => {
      const strictly = drawStrict(strict, rule);
      // What a strict rule keeps back must be known.
      return { ...rule, ...strictly, ...("strict" in strictly ? {} : drawAuto(auto, rule)) };
    }),
  );
  if (parsed.ok) return parsed.rules;
  // Two rules that came out the same: one will do.
  const single = parseRules(written.slice(0, 1));
  if (!single.ok) throw new Error(single.problems.map(formatProblem).join("; "));
  return single.rules;
}

/** Half of the rules hold something ahead. */
function drawAhead(random: Random | undefined, algorithm: string, graceMost: number): object {
  const isPlain = random === undefined || random() < 0.5;
  if (isPlain) return { lease: 0, grace: 0 };
  const lease = pick(random, ["auto", "auto", 0.1, 0.5, 0]);
  const grace = pick(random, ["auto", "auto", 0, 1, 8]);
  return {
    lease: algorithm === "token-bucket" ? 0 : lease,
    grace: typeof grace === "number" ? Math.min(grace, graceMost) : grace,
  };
}

/** Every sixth threshold is automatic: with so much excess that isolates begin with one above 1. */
function drawAuto(
  random: Random | undefined,
  { limit, grace = 0 }: { limit: number; grace?: unknown },
): object {
  if (random === undefined || random() >= 1 / 6) return {};
  const excess = pick(random, [0.25, 0.5, 1, 1]);
  const most = limit - initialThreshold(limit, excess) + 1;
  return {
    threshold: "auto",
    excess_max: excess,
    ...(typeof grace === "number" && { grace: Math.min(grace, most) }),
  };
}

/**
 * Every third rule that may be strict is, for as many isolates as its limit allows, or a few. As many look for thinly
 * spread clients.
 */
function drawStrict(
  random: Random | undefined,
  {
    algorithm,
    limit,
    threshold,
    grace = 0,
  }: { algorithm: string; limit: number; threshold: number; grace?: unknown },
): object {
  if (random === undefined) return {};
  const spread = random() < 1 / 3 ? "auto" : "off";
  const silent = threshold - 1 + (grace === "auto" ? Math.floor(threshold / 2) : Number(grace));
  const most = silent === 0 ? 0 : Math.floor((limit - 1) / silent);
  if (random() < 2 / 3 || algorithm === "token-bucket" || most === 0) return { spread };
  return { spread, strict: random() < 0.7 ? most : 1 + drawBelow(random, most) };
}
