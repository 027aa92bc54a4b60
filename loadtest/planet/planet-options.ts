/** What a planet run is made of. */
import { formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import type { Place } from "./places.ts";
import type { TrafficOptions } from "./traffic.ts";

export interface PlanetOptions {
  readonly places: readonly Place[];
  /** 1 to 8. */
  readonly isolatesPerPlace: number;
  readonly clients: number;
  readonly requests: number;
  readonly durationMs: number;
  /** A whole number; the same one gives the same run. */
  readonly seed: number;
  /** What a page and a log-in count under. */
  readonly rules: PlanetRules;
  /** Shares of the shapes of abuse; the crowd has the rest. */
  readonly shares: NonNullable<TrafficOptions["shares"]>;
  /** Sets of a source's credit table, and hot keys that it keeps: an isolate's memory divided by what a run has. */
  readonly sets: number;
  readonly hotKeysMax: number;
  /** For a test that sees the check fail; else what the rules guarantee. */
  readonly boundOf?: (rule: Rule, sources: number) => number;
}

/** By what a request asks for: `PAGE` and `LOGIN` are their indexes. */
export type PlanetRules = readonly [page: Rule, login: Rule];

/** The rules of a site that lets people read much and log in seldom. */
export const PLANET_RULES: PlanetRules = rulesOf([
  { name: "page", match: { path: "/**" }, limit: 200, window: "1m", threshold: 25, block_for: "1m" },
  { name: "log-in", match: { path: "/login" }, limit: 20, window: "1m", threshold: 5, block_for: "10m" },
]);

function rulesOf(written: readonly [object, object]): PlanetRules {
  const parsed = parseRules(written);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join("; "));
  return parsed.rules as unknown as PlanetRules;
}

/** Everything but the places. */
export const PLANET_DEFAULTS: Omit<PlanetOptions, "places"> = {
  isolatesPerPlace: 4,
  clients: 100_000,
  requests: 10_000_000,
  durationMs: 21_600_000,
  seed: 1,
  rules: PLANET_RULES,
  shares: { flash: 0.1, stuffing: 0.01, thin: 0.1, moving: 0.1 },
  // Sized so that the 1,356 sources of a whole planet fit into less than 2 GB; the report states the bytes.
  sets: 512,
  hotKeysMax: 1_024,
};
