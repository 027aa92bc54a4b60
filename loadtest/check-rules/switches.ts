/** What a rule's switches change and cost, in plain words, where its guarantee (`shared/bound.ts`) does not say it. */
import { silentMost } from "../../shared/bound.ts";
import { SOURCES_FLOOR } from "../../shared/limits.ts";
import type { Rule } from "../../shared/rule.ts";
import { missProbability, spreadPlan } from "../../shared/spread/plan.ts";

type Switched = Pick<
  Rule,
  "limit" | "threshold" | "excessMax" | "lease" | "grace" | "strict" | "spread" | "algorithm"
>;

/** One sentence for each switch that is on. */
export const explainSwitches = (rule: Switched): readonly string[] => [
  ...automatic(rule),
  ...grace(rule),
  ...lease(rule),
  ...strict(rule),
  ...spread(rule),
];

function automatic({ threshold, excessMax }: Switched): readonly string[] {
  if (excessMax === undefined) return [];
  if (threshold === 1)
    return [
      `threshold = auto: excess_max = ${excessMax} leaves nothing to admit silently, so it is 1 and every request asks`,
    ];
  return [
    `threshold = auto: ${threshold} while no more than ${SOURCES_FLOOR} isolates are known to see a busy client, lower when there are more; one client that is seen everywhere lowers it for all`,
  ];
}

function grace({ grace: credit, threshold, algorithm }: Switched): readonly string[] {
  if (credit === 0) return [];
  const where = algorithm === "token-bucket" ? "" : ", also in a window that begins claimed";
  return [
    `grace = ${credit}: requests need not wait for the claim; each isolate may admit ${threshold - 1} + ${credit} before its owner has answered${where}, which the guarantee counts`,
  ];
}

function lease({ lease: share }: Switched): readonly string[] {
  if (share === 0) return [];
  const most = share === "auto" ? "what it uses in some 3 s" : `${share} of what is left`;
  return [
    `lease = ${share}: no more is admitted; most requests of a claimed client need not wait, as an isolate is granted ${most} ahead, until the limit is near`,
  ];
}

function strict(rule: Switched): readonly string[] {
  const { strict: isolates, limit } = rule;
  if (isolates === 0) return [];
  const silent = silentMost(rule);
  if (silent === 0) return ["strict: nothing is kept back, for nothing is admitted silently; leave it out"];
  return [
    `strict = ${isolates}: ${isolates * silent} of ${limit} are kept back until ${isolates} isolates have reported, and a client is denied them meanwhile; where fewer listen, ${silent} in every window for each that is missing. Every isolate that listens reports every claim, and there may be more than ${isolates}`,
  ];
}

function spread(rule: Switched): readonly string[] {
  if (rule.spread === "off") return [];
  const plan = spreadPlan(rule);
  if (plan === undefined) return ["spread = auto: does nothing with threshold 1, where every request asks"];
  const { reports, probability } = plan;
  const missed = missProbability(plan, rule.limit);
  const odds = missed === 0 ? "is always found" : `is missed with a probability of ${share(missed)}`;
  return [
    `spread = auto: a client that reaches the threshold nowhere is claimed once ${reports} of its requests in a window were picked, each with a probability of ${share(probability)}; at its limit it ${odds}. What it sends until all have heard of the claim is admitted`,
  ];
}

/** Two digits that count, as a percentage. */
const share = (part: number): string => `${Number((100 * part).toPrecision(2))} %`;
