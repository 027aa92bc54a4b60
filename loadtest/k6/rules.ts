/** The rule that the cluster has for a script, and what it guarantees. */
import { bound } from "../../shared/bound.ts";
import { type Plan, type RuledBy, type ScriptName, SOAK_LOGIN } from "./plans.ts";

/** How long after its last second a run may still send: k6 takes a while to start, and an iteration may be long. */
const MARGIN_SECONDS = 10;

/** The rule as it would stand in a wrangler.toml. */
export const ruleOf = (name: string, plan: RuledBy) => ({
  name,
  match: { path: plan.path, methods: [plan.method] },
  limit: plan.limit,
  threshold: plan.threshold,
  window: `${plan.windowSeconds}s`,
  algorithm: plan.algorithm,
  ...(plan.owners !== undefined && { owners: plan.owners }),
  // Windows that begin at the same moments for all clients, so that it is known how many a run touches.
  align: "clock",
  // A slow machine may not turn into answers by `on_failure`, which are beyond the guarantee.
  deadline: "10s",
});

/** All rules that the cluster has for a script: its own, and the soak's second one. */
export const rulesOf = (name: ScriptName, plan: Plan) =>
  name === "soak" ? [ruleOf(name, plan), ruleOf("login", SOAK_LOGIN)] : [ruleOf(name, plan)];

/** Windows that a run touches when it starts now, at most. */
export function windowsTouched(plan: Plan, nowMs: number): number {
  const windowOf = (ms: number): number => Math.floor(ms / (1_000 * plan.windowSeconds));
  return windowOf(nowMs + 1_000 * (plan.seconds + MARGIN_SECONDS)) - windowOf(nowMs) + 1;
}

/** POPs that count for one client. */
export const sourcesOf = (plan: Plan, pops: number): number => Math.min(pops, plan.sources ?? pops);

/** What is admitted for one client in one window at most. */
export const boundOf = (plan: Plan, pops: number): number =>
  bound({ ...plan, sources: sourcesOf(plan, pops) });
