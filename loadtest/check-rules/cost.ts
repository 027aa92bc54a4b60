/**
 * What a rule costs for a million requests that it covers, under an assumed mix of traffic. Every formula is here;
 * `replay/usage.ts` and `replay/prices.ts` turn messages into a bill. In doubt it is too much:
 *
 *   claims     client windows that have an owner: claimed requests ÷ requests of such a client in a window,
 *              which are `pace` of the limit, but no fewer than claim it. With threshold = 1 every request asks, and
 *              each of the other requests counts as a client of its own.
 *   asks       requests that wait: all of claimed clients but those that are blocked (none share an Ask, none find
 *              silent credit left); fewer, and with fewer calls, where a rule holds credit ahead (`ahead.ts`)
 *   reports    every further isolate tells once what it had admitted silently: claims × (isolates − 1). Under a strict
 *              rule each that listens tells, taken to be as many as it names
 *   hub        every claim, and every block (as if each stopped one request only), told to every region's hub; with
 *              spread = auto, each request of the others that is picked, to the isolate's hub and by that to another
 *   rows       one for every ask and report, two for the alarm of every claim (as if no client stayed claimed)
 */
import { WATCH_JITTER, WATCH_MIN } from "../../shared/limits.ts";
import { REGIONS } from "../../shared/region.ts";
import type { Rule } from "../../shared/rule.ts";
import { spreadPlan } from "../../shared/spread/plan.ts";
import { estimateBill, PRICES } from "../replay/prices.ts";
import { NO_MESSAGES, usageOf } from "../replay/usage.ts";
import { type Asking, questionsOf } from "./ahead.ts";

/** The traffic that is assumed. */
export interface Mix {
  /** Share of the requests that come from clients that are claimed. */
  readonly busy: number;
  /** Share of all requests that are denied without asking; they are from claimed clients. */
  readonly blocked: number;
  /** Isolates that see a claimed client in a window. */
  readonly isolates: number;
  /** How much of its limit a claimed client uses in a window. */
  readonly pace: number;
}

/** A site on which one request in five is from somebody busy. Guesses, to be replaced by what is known. */
export const MIX_DEFAULT: Mix = { busy: 0.2, blocked: 0.01, isolates: 3, pace: 0.5 };

/** Round trip of an owner to the farthest hub, ms: half-way round the world. */
const FARTHEST_HUB_MS = 300;
const REQUESTS = 1_000_000;
const MONTH_MS = 30 * 86_400_000;

/** For a million requests. */
export interface RuleCost {
  /** Requests that wait for an owner. */
  readonly asks: number;
  /** Calls of owners: asks and reports. */
  readonly ownerRequests: number;
  /** Calls of hubs: by owners that announce, and with what is seen of thinly spread clients. */
  readonly hubMessages: number;
  readonly rowsWritten: number;
  /** US dollars for all that, without the Workers' own requests. */
  readonly usd: number;
}

type Costly = Asking & Pick<Rule, "threshold" | "strict" | "spread">;

export function costOf(rule: Costly, { busy, blocked, isolates, pace }: Mix): RuleCost {
  const { limit, threshold, cost, strict } = rule;
  const asksAlways = threshold === 1;
  const quiet = asksAlways ? REQUESTS * (1 - busy) : 0;
  const inWindow = Math.max(1, Math.max(threshold, pace * limit) / cost);
  const claims = (REQUESTS * busy) / inWindow + quiet;
  const asking = REQUESTS * (busy - blocked);
  const [ofBusy, ofQuiet] = [questionsOf(rule, inWindow, isolates), questionsOf(rule, 1, 1)];
  const asks = (asking * ofBusy.waiting) / inWindow + quiet * ofQuiet.waiting;
  const telling = strict > 0 ? Math.max(isolates, strict) : asksAlways ? 1 : isolates;
  const calls = (asking * ofBusy.calls) / inWindow + quiet * ofQuiet.calls + claims * (telling - 1);
  const announcements = (claims + REQUESTS * blocked) * REGIONS.length;
  const sightings = 2 * REQUESTS * (1 - busy) * Math.min(1, cost * (spreadPlan(rule)?.probability ?? 0));
  const told = { calls, asks: calls, rowsWritten: calls, announcements, sightings, opened: claims };
  const messages = { ...NO_MESSAGES, ...told };
  const usage = usageOf(messages, REQUESTS, FARTHEST_HUB_MS);
  return {
    asks: Math.round(asks),
    ownerRequests: Math.round(calls),
    hubMessages: Math.round(announcements + sightings),
    rowsWritten: Math.round(usage.rowsWritten),
    usd: rounded(estimateBill(usage).total),
  };
}

/** To a hundredth of a cent: nothing finer is meant. */
const rounded = (usd: number): number => Math.round(usd * 10_000) / 10_000;

/** An isolate that gets requests opens a connection to its hub every 20 to 25 s, whatever the rules. */
export const isolateMonthUsd = (): number =>
  rounded((MONTH_MS / (WATCH_MIN + WATCH_JITTER / 2) / 1e6) * PRICES.objectRequests);

export interface CostReport {
  readonly requests: number;
  readonly mix: Mix;
  /** The day of the price lists. */
  readonly pricesAsOf: string;
  readonly isolateMonthUsd: number;
  /** In the order of `rules`. */
  readonly rules: readonly (RuleCost & {
    readonly rule: string;
    readonly plan?: string;
    readonly env?: string;
  })[];
}

export const costReport = (rules: readonly (Rule & { readonly env?: string })[], mix: Mix): CostReport => ({
  requests: REQUESTS,
  mix,
  pricesAsOf: PRICES.asOf.durableObjects,
  isolateMonthUsd: isolateMonthUsd(),
  rules: rules.map((rule) => ({
    rule: rule.name,
    ...(rule.plan?.name !== undefined && { plan: rule.plan.name }),
    ...(rule.env !== undefined && { env: rule.env }),
    ...costOf(rule, mix),
  })),
});
