/**
 * What hubs do with sightings: each client's go to one hub, which its hash names, and that one claims the client when
 * there are enough of one window. An isolate calls its own hub alone, which passes on what is another's.
 */
import { RULES_REPORTED_MAX, SIGHTED_MAX, SIGHTINGS_PAUSE } from "../limits.ts";
import { ClaimBudget } from "../pop/claim-budget.ts";
import type { Ask } from "../protocol/messages.ts";
import { HUB_SOURCE } from "../protocol/messages.ts";
import { REGIONS, type Region } from "../region.ts";
import { type Sighting, sightingName } from "../spread/sightings.ts";
import { after, type EpochMs, NEVER, windowEnd } from "../time.ts";

/** A client to be claimed: an Ask that wants nothing, and the object that it goes to. */
export interface SpreadClaim {
  readonly owner: string;
  readonly ask: Ask;
  /** So many sightings led to it. */
  readonly needed: number;
}

export interface Sighted {
  readonly claims: readonly SpreadClaim[];
  /** Sightings of clients that other hubs gather. */
  readonly forward: ReadonlyMap<Region, readonly Sighting[]>;
}

export class Spread {
  readonly #region: Region;
  /** How often a client was seen in a window, the one that was seen first at the front. */
  readonly #seen = new Map<string, { count: number; readonly until: EpochMs }>();
  readonly #budget = new ClaimBudget();
  /** When it was last looked for windows that are over. */
  #tidiedAt: EpochMs = NEVER;
  #asks = 0;
  /** Clients that were claimed for it, by their rule's name. */
  readonly found: Map<string, number>;

  /** @param found what it was before the hub restarted */
  constructor(region: Region, found = new Map<string, number>()) {
    this.#region = region;
    this.found = found;
  }

  /**
   * Takes what an isolate, or another hub, has seen.
   * @param isPassedOn by another hub: those are counted here in any case. Hubs of two releases that do not agree on
   *   whose a key is would pass them to and fro without end.
   */
  take(sightings: readonly Sighting[], now: EpochMs, isPassedOn = false): Sighted {
    const claims: SpreadClaim[] = [];
    const forward = new Map<Region, Sighting[]>();
    for (const sighting of sightings) {
      const home = homeOf(sighting.key);
      if (home !== this.#region && !isPassedOn) forward.set(home, [...(forward.get(home) ?? []), sighting]);
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

  /** The owner heard of a claim. */
  claimed({ ask }: SpreadClaim): void {
    const { name } = ask.rule;
    const before = this.found.get(name) ?? 0;
    if (before > 0 || this.found.size < RULES_REPORTED_MAX) this.found.set(name, before + 1);
  }

  /** The Ask of a claim was lost: the client's next sighting claims it. */
  failed({ ask, needed }: SpreadClaim): void {
    const known = this.#seen.get(sightingName(ask));
    if (known !== undefined) known.count = Math.min(known.count, needed - 1);
  }

  #tidy(now: EpochMs): void {
    if (this.#seen.size <= SIGHTED_MAX) return;
    // A look at all of them is dear, and under a flood each sighting is one too many.
    if (after(this.#tidiedAt, SIGHTINGS_PAUSE) <= now) {
      this.#tidiedAt = now;
      for (const [name, { until }] of this.#seen) if (until <= now) this.#seen.delete(name);
    }
    for (const name of this.#seen.keys()) {
      if (this.#seen.size <= SIGHTED_MAX) break;
      this.#seen.delete(name);
    }
  }

  /** Asks for nothing and has spent nothing: that it asks is the claim. */
  #claim({ owner, rule, key, label, pop, window, needed }: Sighting, now: EpochMs): SpreadClaim {
    this.#asks += 1;
    const ask: Ask = {
      source: `${HUB_SOURCE}.${this.#region}-${now}-${this.#asks}`,
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
    return { owner, ask, needed };
  }

  get size(): number {
    return this.#seen.size;
  }
}

/** The hub that gathers what is seen of a key. The end of the hash: its beginning places windows. */
export const homeOf = (key: string): Region =>
  REGIONS[Number.parseInt(key.slice(-6), 16) % REGIONS.length] ?? REGIONS[0];
