/**
 * What hubs do with sightings: each client's go to one hub, which its hash names, and that one claims the client when
 * there are enough of one window. An isolate calls its own hub alone, which passes on what is another's.
 */
import { SIGHTED_MAX } from "../limits.ts";
import { ClaimBudget } from "../pop/claim-budget.ts";
import type { Ask } from "../protocol/messages.ts";
import { REGIONS, type Region } from "../region.ts";
import { type Sighting, sightingName } from "../spread/sightings.ts";
import { type EpochMs, windowEnd } from "../time.ts";

export interface Sighted {
  /** Clients to be claimed: an Ask that wants nothing, and the object that it goes to. */
  readonly claims: readonly { readonly owner: string; readonly ask: Ask }[];
  /** Sightings of clients that other hubs gather. */
  readonly forward: ReadonlyMap<Region, readonly Sighting[]>;
}

export class Spread {
  readonly #region: Region;
  /** How often a client was seen in a window, the one that was seen first at the front. */
  readonly #seen = new Map<string, { count: number; readonly until: EpochMs }>();
  readonly #budget = new ClaimBudget();
  #asks = 0;

  constructor(region: Region) {
    this.#region = region;
  }

  /** Takes what an isolate, or another hub, has seen. */
  take(sightings: readonly Sighting[], now: EpochMs): Sighted {
    const claims: { owner: string; ask: Ask }[] = [];
    const forward = new Map<Region, Sighting[]>();
    for (const sighting of sightings) {
      const home = homeOf(sighting.key);
      if (home !== this.#region) forward.set(home, [...(forward.get(home) ?? []), sighting]);
      else if (this.#isEnough(sighting, now)) claims.push(this.#claim(sighting, now));
    }
    return { claims, forward };
  }

  /** True once for each client and window. */
  #isEnough(sighting: Sighting, now: EpochMs): boolean {
    const name = sightingName(sighting);
    const until = windowEnd(sighting.rule.grid, sighting.window);
    if (until <= now) return false;
    const known = this.#seen.get(name) ?? { count: 0, until };
    const before = known.count;
    known.count += sighting.seen;
    this.#seen.set(name, known);
    this.#tidy(now);
    if (before >= sighting.needed || known.count < sighting.needed) return false;
    if (this.#budget.take(now)) return true;
    // A flood of clients must not become a flood of objects: this one is claimed by its next sighting.
    known.count = sighting.needed - 1;
    return false;
  }

  #tidy(now: EpochMs): void {
    if (this.#seen.size <= SIGHTED_MAX) return;
    for (const [name, { until }] of this.#seen) if (until <= now) this.#seen.delete(name);
    for (const name of this.#seen.keys()) {
      if (this.#seen.size <= SIGHTED_MAX) break;
      this.#seen.delete(name);
    }
  }

  /** Asks for nothing and has spent nothing: that it asks is the claim. */
  #claim({ owner, rule, key, label, pop, window }: Sighting, now: EpochMs) {
    this.#asks += 1;
    const ask: Ask = {
      source: `hub-${this.#region}-${now}.${this.#asks}`,
      pop,
      rule,
      key,
      ...(label !== undefined && { label }),
      window,
      seq: 1,
      epochSeen: 0,
      spent: 0,
      counted: 0,
      previousSpent: 0,
      want: [],
    };
    return { owner, ask };
  }

  get size(): number {
    return this.#seen.size;
  }
}

/** The hub that gathers what is seen of a key. The end of the hash: its beginning places windows. */
export const homeOf = (key: string): Region =>
  REGIONS[Number.parseInt(key.slice(-6), 16) % REGIONS.length] ?? REGIONS[0];
