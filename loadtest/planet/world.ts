/**
 * A world in virtual time: isolates, owners and hubs made of the production core, the network between them,
 * one agenda, and one source of randomness. The same seed gives the same world to the last message.
 */

import { gridOf } from "../../shared/grid.ts";
import { KeyHasher } from "../../shared/key.ts";
import { ownerName } from "../../shared/owner-name.ts";
import { policyOf } from "../../shared/policy.ts";
import type { TableSize } from "../../shared/pop/credit-table.ts";
import { encodeAsks } from "../../shared/protocol/codec.ts";
import { type CommandAction, encodeCommand } from "../../shared/protocol/commands.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { SCHEMA } from "../../shared/protocol/schema.ts";
import { REGIONS, type Region } from "../../shared/region.ts";
import type { Rule } from "../../shared/rule.ts";
import type { WindowGrid } from "../../shared/time.ts";
import { cityOf, HUB_CITIES } from "../cluster/cities.ts";
import { roundTripMs } from "../cluster/distance.ts";
import { drawBelow, type Random } from "../tools/random.ts";
import { Agenda } from "./agenda.ts";
import { Clock } from "./clock.ts";
import { endOfLostCall, type Frame } from "./courier.ts";
import { Tally } from "./faults.ts";
import { HubHost } from "./hub-host.ts";
import { Isolate, type IsolateOptions, type Links, once, openLinks } from "./isolate.ts";
import { Network } from "./network.ts";
import { type CallResult, type Death, OwnerHost as Owner, type OwnerHost } from "./owner-host.ts";
import { Witness } from "./witness.ts";

/** Where something stands. */
export interface WorldPlace {
  readonly code: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly region: Region;
}

export interface WorldOptions {
  readonly rules: readonly Rule[];
  readonly places: readonly WorldPlace[];
  readonly random: Random;
  readonly witness?: Witness;
  /** What goes over the wire; values cost less, and know only one release. */
  readonly wire?: "bytes" | "values";
  /** Virtual time at the start, ms since 1970. */
  readonly start?: number;
  /** Factor on all distances; 0 for none. */
  readonly distance?: number;
  /** Index of the place where an owner stands that was first asked from `place`; by default right there. */
  readonly hostFor?: (place: number) => number;
  /** Whether checkers need to be told what rows say. */
  readonly checked?: boolean;
}

/** The first millisecond of a minute in November 2023: any time does, as long as it is always the same. */
export const START = 1_700_000_040_000;
const SECRET = new Uint32Array([1, 2, 3, 4, 5, 6, 7, 8]);

export class World {
  readonly rules: readonly Rule[];
  readonly places: readonly WorldPlace[];
  readonly random: Random;
  readonly agenda: Agenda;
  readonly tally = new Tally();
  readonly network: Network;
  readonly wire: "bytes" | "values";
  readonly checked: boolean;
  readonly hashers: readonly KeyHasher[];
  witness: Witness;
  isolates: Isolate[] = [];
  readonly owners = new Map<string, OwnerHost>();
  readonly links: readonly Links[];
  /** Whether an owner dies over the Ask that just reached it; a run with faults sets it. */
  deathOf: (host: OwnerHost) => Death | undefined = () => undefined;
  /** Whether a call reaches the older of two objects that both take themselves for the owner. */
  reachesStale: () => boolean = () => this.random() < 0.4;
  /** Clock and release of a new owner; a run with faults sets it. */
  dress: (host: OwnerHost) => void = () => {};
  readonly #hubs: ReadonlyMap<Region, HubHost>;
  readonly #distance: number;
  readonly #hostFor: (place: number) => number;
  readonly #hubDistances: Map<Region, number>[];
  readonly #distances: Float64Array;
  #born = 0;

  constructor(options: WorldOptions) {
    this.rules = options.rules;
    this.places = options.places;
    this.random = options.random;
    this.witness = options.witness ?? new Witness();
    this.wire = options.wire ?? "bytes";
    this.checked = options.checked ?? false;
    this.agenda = new Agenda(options.start ?? START);
    this.network = new Network(this.agenda, this.random, this.tally);
    this.hashers = options.rules.map((rule) => new KeyHasher(SECRET, rule.version));
    this.links = options.places.map(openLinks);
    this.#distance = options.distance ?? 1;
    this.#hostFor = options.hostFor ?? ((place) => place);
    this.#hubDistances = options.places.map(() => new Map());
    this.#distances = new Float64Array(options.places.length ** 2).fill(-1);
    this.#hubs = new Map(
      REGIONS.map((region) => [region, new HubHost(this, region, new Clock(this.agenda), SCHEMA)]),
    );
  }

  /** A new isolate at a place. */
  bear(place: number, options: Partial<IsolateOptions> & { readonly table?: TableSize } = {}): Isolate {
    const at = this.places[place];
    const links = this.links[place];
    if (at === undefined || links === undefined) throw new RangeError(`there is no place ${place}`);
    this.#born += 1;
    const isolate = new Isolate(this, {
      isolate: this.#born.toString(16).padStart(16, "0"),
      pop: at.code,
      seed: drawBelow(this.random, 0x1_0000_0000),
      rules: this.rules,
      hashers: this.hashers,
      place,
      region: at.region,
      links,
      clock: new Clock(this.agenda),
      speaks: SCHEMA,
      idle: false,
      unlimited: false,
      ...options,
    });
    this.isolates.push(isolate);
    return isolate;
  }

  /** An isolate is gone with all that it knows. */
  kill(isolate: Isolate): void {
    isolate.die();
    this.isolates = this.isolates.filter((other) => other !== isolate);
  }

  hub(region: Region): HubHost {
    return this.#hubs.get(region) as HubHost;
  }

  get hubs(): Iterable<HubHost> {
    return this.#hubs.values();
  }

  /** A call from an isolate to an owner. `end` happens at most once; never, if the call is lost and nobody says so. */
  call(
    isolate: Isolate,
    name: string,
    frame: Frame<readonly Ask[]>,
    end: (result: CallResult) => void,
  ): void {
    this.tally.calls += 1;
    const host = this.#owner(name, isolate.place);
    const { toOwner, fromOwner } = isolate.links;
    const oneWayMs = this.oneWayMs(isolate.place, host.place);
    const finish = onceWith(end);
    if (toOwner.overloaded) {
      this.tally.rows.overloaded += 1;
      this.agenda.after(2 * oneWayMs, () => finish("overloaded"));
      return;
    }
    const lost = endOfLostCall(isolate, () => finish("failed"));
    this.network.carry(
      toOwner,
      oneWayMs,
      () => host.ask(frame, (result) => this.network.carry(fromOwner, oneWayMs, () => finish(result), lost)),
      lost,
    );
  }

  /** A command from a place to a client's owner. `end` happens once for each reply that comes through. */
  command(place: number, rule: number, client: string, action: CommandAction, end: () => void): void {
    const [said, hasher, links] = [this.rules[rule], this.hashers[rule], this.links[place]];
    if (said === undefined || hasher === undefined || links === undefined)
      throw new RangeError(`there is no rule ${rule} or no place ${place}`);
    hasher.tag(client);
    const key = hasher.hash(client);
    const host = this.#owner(ownerName(said, key), place);
    const frame = encodeCommand({ rule: policyOf(said, this.gridOf(rule, client)), key, action });
    const oneWayMs = this.oneWayMs(place, host.place);
    this.network.carry(links.toOwner, oneWayMs, () =>
      host.command(frame, (result) => {
        if (result !== "failed") this.network.carry(links.fromOwner, oneWayMs, end);
      }),
    );
  }

  /** A region's hub claims a client that was seen in many places: its Ask wants nothing, and nobody waits for the answer. */
  claim(region: Region, name: string, ask: Ask): void {
    this.tally.calls += 1;
    const place = Math.max(
      0,
      this.places.findIndex(({ code }) => code === ask.pop),
    );
    const host = this.#owner(name, place);
    const frame = this.wire === "bytes" ? encodeAsks([ask]) : { value: [ask] };
    this.agenda.after(this.hubDistance(host.place, region), () => host.ask(frame, () => {}));
  }

  /** Half the round trip between two regions' hubs, ms. */
  betweenHubs(a: Region, b: Region): number {
    const [from, to] = [cityOf(HUB_CITIES[a]), cityOf(HUB_CITIES[b])];
    return from === undefined || to === undefined ? 0 : roundTripMs(from, to, this.#distance) / 2;
  }

  #owner(name: string, place: number): OwnerHost {
    const known = this.owners.get(name);
    if (known !== undefined) return known;
    const host = new Owner(this, name, this.#hostFor(place), new Clock(this.agenda), SCHEMA);
    this.dress(host);
    this.owners.set(name, host);
    return host;
  }

  /** Half the round trip between two places, ms. */
  oneWayMs(a: number, b: number): number {
    const at = a * this.places.length + b;
    const known = this.#distances[at] ?? -1;
    if (known >= 0) return known;
    const [from, to] = [this.places[a], this.places[b]];
    if (from === undefined || to === undefined) throw new RangeError(`there is no place ${a} or ${b}`);
    const ms = roundTripMs(from, to, this.#distance) / 2;
    this.#distances[at] = ms;
    return ms;
  }

  /** Half the round trip between a place and a region's hub, ms. */
  hubDistance(place: number, region: Region): number {
    const known = this.#hubDistances[place]?.get(region);
    if (known !== undefined) return known;
    const [from, to] = [this.places[place], cityOf(HUB_CITIES[region])];
    if (from === undefined || to === undefined) throw new RangeError(`there is no place ${place}`);
    const ms = roundTripMs(from, to, this.#distance) / 2;
    this.#hubDistances[place]?.set(region, ms);
    return ms;
  }

  /** The windows of a client under a rule. */
  gridOf(rule: number, client: string): WindowGrid {
    const hasher = this.hashers[rule] as KeyHasher;
    hasher.tag(client);
    return gridOf(this.rules[rule] as Rule, hasher.lo);
  }

  /** One event and all that it leads to at that moment. False when nothing is left to happen. */
  step(): boolean {
    if (!this.agenda.step()) return false;
    this.tally.steps += 1;
    this.witness.stepped();
    return true;
  }

  runUntil(time: number): void {
    while (this.agenda.nextAt <= time) this.step();
    this.agenda.runUntil(time);
  }
}

function onceWith<T>(run: (value: T) => void): (value: T) => void {
  let held: T | undefined;
  const only = once(() => run(held as T));
  return (value) => {
    held ??= value;
    only();
  };
}
