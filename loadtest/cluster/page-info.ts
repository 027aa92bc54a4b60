/** What the page is told of the cluster that it is in. Pure. */
import type { Rule } from "../../shared/rule.ts";
import type { ClusterInfo, SlideRule, Target } from "../../worker/page/cluster-info.ts";
import type { Pop } from "./shapes.ts";

/** A slide is played one request after the other, within one window. */
const SLIDE_LIMIT_MAX = 50;
const SLIDE_THRESHOLD_MAX = 4;
const SLIDE_WINDOW_MIN_MS = 60_000;

export const pageInfo = (pops: readonly Pop[], rules: readonly Rule[], token: unknown): ClusterInfo => ({
  token: String(token),
  pops: pops.map(({ name, city }) => ({ name, city: city.name })),
  targets: rules.flatMap((rule) => targetOf(rule) ?? []),
  slide: slideOf(pops, rules),
});

/** A request that the rule covers; undefined where it takes more than a path and a method to make one. */
function targetOf({ name, match, key, plan, isCandidate }: Rule): Target | undefined {
  const { paths, methods, ...conditions } = match;
  if (Object.keys(conditions).length > 0 || isCandidate || plan?.name !== undefined) return undefined;
  const path = paths.map(pathOf).find((found) => found !== undefined);
  if (path === undefined) return undefined;
  const isByAddress = key.length === 1 && key[0] === "ip";
  return { rule: name, method: methods?.[0] ?? "GET", path, isByAddress };
}

/** A path of a pattern that has nothing but a star at its end. */
function pathOf(pattern: string): string | undefined {
  const path = pattern.replace(/\/\*{1,2}$/, "/");
  return /^\/[\w\-.~%/]*$/.test(path) ? path : undefined;
}

function slideOf(pops: readonly Pop[], rules: readonly Rule[]): SlideRule | string {
  if (pops.length < 2) return "The slide takes two POPs at least.";
  // The lower the limit, the sooner it is reached.
  for (const rule of rules.toSorted((a, b) => a.limit - b.limit)) {
    const target = targetOf(rule);
    if (target?.isByAddress === true && suits(rule))
      return { ...target, limit: rule.limit, threshold: rule.threshold };
  }
  return (
    'The slide takes a rule for a plain path with key ["ip"], a fixed or sliding window of a minute at least, ' +
    `a threshold from 2 to ${SLIDE_THRESHOLD_MAX}, and a limit of at most ${SLIDE_LIMIT_MAX} and well above it. None of these rules is one.`
  );
}

/** Whether the three steps can be seen with it: some count for themselves, one claims, some are left. */
const suits = (rule: Rule): boolean =>
  rule.algorithm !== "token-bucket" &&
  rule.window >= SLIDE_WINDOW_MIN_MS &&
  rule.align === "key" &&
  rule.mode === "enforce" &&
  rule.action.kind === "deny" &&
  rule.plan === undefined &&
  rule.cost === 1 &&
  rule.costBy === undefined &&
  rule.allow.length + rule.deny.length === 0 &&
  rule.excessMax === undefined &&
  rule.threshold >= 2 &&
  rule.threshold <= SLIDE_THRESHOLD_MAX &&
  rule.limit >= 2 * rule.threshold &&
  rule.limit <= SLIDE_LIMIT_MAX;
