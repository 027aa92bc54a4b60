/**
 * What an owner has to bear when one client fires ever faster: in the local cluster over HTTP as fast as this
 * machine goes, and in virtual time up to a million requests a second. What is promised is set by distance alone.
 */
import { WAITERS_MAX, WAITERS_MAX_ALL } from "../../shared/limits.ts";
import { asksMax, asksPerSecondMax, playedTripsMs, roundTripsMs } from "./asks-bound.ts";
import { type ClusterFigures, measureCluster } from "./asks-cluster.ts";
import { type NamedFigures, POPS, playLoads } from "./asks-loads.ts";
import type { Goal } from "./decide.ts";

export interface AsksFigures {
  readonly pops: readonly string[];
  /** To the owner, which is next to the first POP. */
  readonly roundTripsMs: readonly number[];
  readonly asksPerSecondMax: number;
  readonly cluster: readonly ClusterFigures[];
  readonly virtual: readonly NamedFigures[];
  readonly goals: readonly Goal[];
}

/** @param progress told what share is done, from 0 to 1 */
export async function benchAsks(progress: (share: number) => void): Promise<AsksFigures> {
  const cluster = await measureCluster(POPS, (share) => progress(0.7 * share));
  const virtual = await playLoads((share) => progress(0.7 + 0.3 * share));
  return asksFigures(cluster, virtual);
}

export function asksFigures(
  cluster: readonly ClusterFigures[],
  virtual: readonly NamedFigures[],
): AsksFigures {
  const trips = roundTripsMs(POPS);
  return {
    pops: POPS,
    roundTripsMs: trips,
    asksPerSecondMax: asksPerSecondMax(trips),
    cluster,
    virtual,
    goals: [...clusterGoals(cluster, trips), ...virtualGoals(virtual, trips)],
  };
}

/** What both kinds of figures have. */
interface Asked {
  readonly kind: string;
  readonly seconds: number;
  readonly asks: number;
}

/** Nothing measured meets no goal. */
const most = (values: readonly number[]): number => (values.length === 0 ? Number.NaN : Math.max(...values));
const perSecond = ({ asks, seconds }: Asked): number => asks / seconds;

/** That the owner of a busy client gets no more Asks than distance allows. */
function busyGoal(where: string, figures: readonly Asked[], trips: readonly number[]): Goal {
  const busy = figures.filter(({ kind }) => kind === "busy");
  return {
    text: `${where}, a client under its limit: at most ${asksPerSecondMax(trips).toFixed(1)} Asks a second, the sum of 1/RTT, at any rate`,
    actual: most(busy.map(perSecond)),
    met: busy.length > 0 && busy.every(({ asks, seconds }) => asks <= asksMax(trips, seconds)),
  };
}

/** Each source has a block confirmed when half of the trust in it is over: every 5 s. */
function blockedGoal(where: string, figures: readonly Asked[]): Goal {
  const rates = figures.filter(({ kind }) => kind === "blocked").map(perSecond);
  return {
    text: `${where}, a blocked client: at most 1 Ask a second in all, at any rate`,
    actual: most(rates),
    met: most(rates) <= 1,
  };
}

/** A count that must be 0. */
function none<T>(text: string, items: readonly T[], count: (item: T) => number): Goal {
  const actual = items.length === 0 ? Number.NaN : items.reduce((sum, item) => sum + count(item), 0);
  return { text, actual, met: actual === 0 };
}

function clusterGoals(figures: readonly ClusterFigures[], trips: readonly number[]): readonly Goal[] {
  const blocked = figures.filter(({ kind }) => kind === "blocked");
  return [
    busyGoal("cluster, round trips 1 ms shorter as its timers may be", figures, playedTripsMs(trips)),
    blockedGoal("cluster", figures),
    none(
      "cluster, a blocked client: requests that were not denied without I/O",
      blocked,
      ({ requests, decisions, failed }) => requests - (decisions.blocked ?? 0) + failed,
    ),
  ];
}

function virtualGoals(figures: readonly NamedFigures[], trips: readonly number[]): readonly Goal[] {
  const of = (...kinds: readonly string[]): readonly NamedFigures[] =>
    figures.filter(({ kind }) => kinds.includes(kind));
  const atMost = (text: string, values: readonly number[], bound: number): Goal => ({
    text: text.replace("#", bound.toLocaleString("en-US")),
    actual: most(values),
    met: most(values) <= bound,
  });
  return [
    busyGoal("virtual", figures, trips),
    blockedGoal("virtual", figures),
    none(
      "virtual, a blocked client: rows written for it, and requests not denied without I/O",
      of("blocked"),
      ({ rowsWritten, requests, blocked }) => rowsWritten + requests - blocked,
    ),
    none(
      "virtual, a client under its limit: rows written beyond one for each Ask",
      of("busy"),
      ({ rowsWritten, asks }) => Math.max(0, rowsWritten - asks),
    ),
    none(
      "virtual, a client under its limit: requests that waited until their time was up",
      of("busy"),
      ({ timedOut }) => timedOut,
    ),
    atMost(
      "virtual, one client: at most # requests wait in an isolate",
      of("busy").map(({ waitingMost }) => waitingMost),
      WAITERS_MAX,
    ),
    atMost(
      "virtual, many clients and no owner in reach: at most # requests wait in an isolate",
      of("cut off").map(({ waitingMost }) => waitingMost),
      WAITERS_MAX_ALL,
    ),
    {
      text: "virtual, clients that share an owner: no more calls a second than one client's Asks",
      actual: most(of("shared").map(({ calls, seconds }) => calls / seconds)),
      met:
        of("shared").length > 0 &&
        of("shared").every(({ calls, seconds }) => calls <= asksMax(trips, seconds)),
    },
    none(
      "virtual, the same where the rule leases: requests that waited",
      of("leased"),
      ({ requests, credit }) => requests - credit,
    ),
  ];
}
