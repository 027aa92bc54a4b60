/**
 * How often a claimed client's requests lead to a call of its owner in one window, and how many of them wait for it: all,
 * unless the rule holds credit ahead. Requests are taken to come evenly. In doubt it is too much.
 *
 *   brought    by one Ask: what is used until the next has to leave, which is after AHEAD_HORIZON but for two round trips
 *              (`auto`), and when three quarters of a lease's life are over; no more than the owner gives of what is left,
 *              k = 2·share ÷ (isolates + 1) of it, rounded down
 *   calls      used ÷ brought while that is what it would like; (1 ÷ k)·ln(left before ÷ left after) while the owner gives
 *              less; one for each request where that is less than a request costs. One more hands the last lease back
 *   waiting    the first request at each isolate, unless there is grace for it, and all where an owner gives nothing ahead;
 *              and one for every sixth call, as requests do not come evenly
 *   slowly     who comes to an isolate less often than a lease lives asks each time, and it is handed back each time
 */
import { AHEAD_HORIZON, LEASE_AUTO, LEASE_RENEWAL, ROUND_TRIP_GUESS } from "../../shared/limits.ts";
import type { Rule } from "../../shared/rule.ts";
import { aheadMin, leaseLife } from "../../shared/rule-ahead.ts";

/** In `test/unit/lease-figures.test.ts` one waits for every eighth call with leases by use, and for every fifth by share. */
const UNEVEN = 1 / 6;

export type Asking = Pick<Rule, "limit" | "cost" | "window" | "lease" | "grace">;

/** Of one client in one window. */
export interface Questions {
  readonly calls: number;
  readonly waiting: number;
}

/** @param requests that it makes in a window, at so many isolates together */
export function questionsOf(rule: Asking, requests: number, isolates: number): Questions {
  const { cost, window, lease, grace } = rule;
  const places = Math.min(isolates, requests);
  const byGrace = Math.floor(grace / cost);
  // Each isolate has its grace once in a window. What an Ask brings that nobody waits for is no more than that.
  if (lease === 0) return { calls: requests, waiting: Math.max(0, requests - places * byGrace) };
  const life = leaseLife(rule);
  if ((window * places) / requests >= life)
    return { calls: 2 * requests, waiting: byGrace > 0 ? 0 : requests };
  const { calls, waiting } = leased(rule, requests, places);
  return { calls: Math.min(requests, calls) + places, waiting: waiting + (byGrace > 0 ? 0 : places) };
}

/** Calls that bring something, and requests that wait near the limit. */
function leased({ limit, cost, window, lease }: Asking, requests: number, places: number): Questions {
  const used = requests * cost;
  const pace = used / places / window;
  const wish =
    lease === "auto" ? Math.max(aheadMin({ limit }), pace * (AHEAD_HORIZON - 2 * ROUND_TRIP_GUESS)) : limit;
  const renewed = pace * (1 - LEASE_RENEWAL) * leaseLife({ window });
  const brought = Math.max(cost, Math.min(wish, renewed));
  const k = (2 * (lease === "auto" ? LEASE_AUTO : lease)) / (places + 1);
  // The owner rounds down: what it gives is more than k·left − 1.
  const given = (left: number): number => left - 1 / k;
  const whole = Math.min(used, Math.max(0, given(limit) - brought / k));
  const less = Math.min(used, Math.max(whole, given(limit) - cost / k));
  const waiting = (used - less) / cost;
  const shrinking = Math.log(given(limit - whole) / given(limit - less)) / k;
  const ahead = whole / brought + (less > whole ? shrinking : 0);
  return { calls: ahead + waiting, waiting: waiting + UNEVEN * ahead };
}
