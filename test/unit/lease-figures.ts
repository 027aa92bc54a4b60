/** One busy client at several POPs in virtual time, at their real distances and without faults: what leases are for. */
import { resolvePops } from "../../loadtest/cluster/pops.ts";
import type { Isolate } from "../../loadtest/planet/isolate.ts";
import type { Request } from "../../loadtest/planet/request.ts";
import { World, type WorldPlace } from "../../loadtest/planet/world.ts";
import { seededRandom, seedFor } from "../../loadtest/tools/random.ts";
import { regionOf } from "../../shared/region.ts";
import type { Rule } from "../../shared/rule.ts";

export interface BusyClient {
  readonly rule: Rule;
  /** Requests per window, evenly spread with jitter. */
  readonly pace: number;
  readonly windows: number;
  /** Where each request goes; any POP unless given. */
  readonly pops?: readonly string[];
}

export interface BusyFigures {
  readonly requests: number;
  readonly admitted: number;
  /** The most that was admitted in one window. */
  readonly admittedMost: number;
  /** The least that was admitted in a window after the first. */
  readonly admittedLeast: number;
  /** Share of the requests that waited for the owner. */
  readonly waited: number;
  /** How long the request in a hundred that waited longest did at least, ms. */
  readonly p99Ms: number;
  /** Round trip from the farthest POP to the owner, ms. */
  readonly roundTripMs: number;
  readonly asks: number;
}

export const POPS = ["LHR", "CDG", "CHI", "TYO"];

export function busyClient({ rule, pace, windows, pops = POPS }: BusyClient): BusyFigures {
  const places: WorldPlace[] = resolvePops(pops).map(({ city }) => ({
    ...city,
    region: regionOf(city.continent, city.longitude),
  }));
  const world = new World({
    rules: [rule],
    places,
    random: seededRandom(seedFor(1, "network")),
    wire: "values",
  });
  const random = seededRandom(seedFor(1, "client"));
  const isolates = places.map((_, place) => world.bear(place));
  for (const isolate of isolates) isolate.listen();
  world.runUntil(world.agenda.now + 2 * rule.window - (world.agenda.now % rule.window));
  const start = world.agenda.now;
  const requests: Request[] = [];
  const took: number[] = [];
  const step = rule.window / pace;
  for (let n = 0; n < pace * windows; n += 1) {
    world.runUntil(start + (n + random()) * step);
    const isolate = isolates[Math.floor(random() * isolates.length)] as Isolate;
    const at = world.agenda.now;
    requests.push(
      isolate.request({ client: "ip=busy", rules: [0], cost: 1 }, () => {
        took.push(world.agenda.now - at);
      }),
    );
  }
  world.runUntil(world.agenda.now + 5_000);
  const inWindow = new Array<number>(windows).fill(0);
  let waited = 0;
  for (const { at, decision } of requests) {
    if (decision?.how === "owner" || decision?.how === "degraded") waited += 1;
    const window = Math.floor((at - start) / rule.window);
    if (decision?.admitted === true) inWindow[window] = (inWindow[window] ?? 0) + 1;
  }
  took.sort((a, b) => a - b);
  const [owner] = world.owners.values();
  return {
    requests: requests.length,
    admitted: inWindow.reduce((sum, count) => sum + count, 0),
    admittedMost: Math.max(...inWindow),
    admittedLeast: Math.min(...inWindow.slice(1)),
    waited: waited / requests.length,
    p99Ms: took[Math.floor(0.99 * took.length)] ?? 0,
    roundTripMs: 2 * Math.max(...places.map((_, place) => world.oneWayMs(place, owner?.place ?? 0))),
    asks: world.tally.asks,
  };
}
