/**
 * A client that is spread thinly over a whole planet, on purpose: each of its requests goes to another isolate, so that it
 * reaches the threshold nowhere. How soon is it found, and what gets through? Many such clients, one after the other, each
 * with a window of its own, in a world whose isolates are kept awake by others.
 */
import type { Announcement, Ask } from "../../shared/protocol/messages.ts";
import { formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import { missProbability, spreadPlan } from "../../shared/spread/plan.ts";
import { windowAt, windowEnd } from "../../shared/time.ts";
import { seededRandom, seedFor } from "../tools/random.ts";
import type { Isolate } from "./isolate.ts";
import type { Incarnation, OwnerHost } from "./owner-host.ts";
import { ownerPlaces, type Place } from "./places.ts";
import { Witness } from "./witness.ts";
import { World } from "./world.ts";

export interface ThinOptions {
  readonly places: readonly Place[];
  readonly isolatesPerPlace: number;
  readonly limit: number;
  readonly threshold: number;
  readonly windowMs: number;
  /** Requests a second of the one client. */
  readonly rate: number;
  readonly spread: "auto" | "off";
  /** One client for each. */
  readonly seeds: number;
  readonly seed: number;
}

/** What became of one client. */
export interface ThinRun {
  /** Requests sent before the owner claimed it; undefined if it never did. */
  readonly sentBeforeFound: number | undefined;
  /** How much was admitted, of how many sent. */
  readonly admitted: number;
  readonly sent: number;
  /** From the first request to the claim, and from there until the last isolate had heard of it, ms. */
  readonly foundMs: number;
  readonly heardMs: number;
}

export interface ThinReport {
  readonly options: Omit<ThinOptions, "places"> & { readonly isolates: number };
  readonly runs: readonly ThinRun[];
  /** Calls of isolates to their hubs in all, and the most that one isolate made within one second. */
  readonly handOvers: number;
  readonly handOversPerSecondMax: number;
  /** How likely a client is not found yet when it is at its limit, as stated. */
  readonly missAtLimit: number;
}

/** After so long nothing changes any more: everybody has heard. */
const QUIET_MS = 10_000;
/** Isolates get a request of others so often: within the 20 s that a watch lasts at least. */
const OTHERS_MS = 10_000;

/** Sees the claim of the client under way, and who hears of it. */
class Finder extends Witness {
  foundAt: number | undefined;
  /** When the last isolate heard of it first. */
  heardAt = 0;
  readonly #heardBy = new Set<Isolate>();
  #key = "";
  #now: () => number = () => 0;

  begin(key: string, now: () => number): void {
    this.foundAt = undefined;
    this.heardAt = 0;
    this.#heardBy.clear();
    this.#key = key;
    this.#now = now;
  }

  override asking(_host: OwnerHost, _incarnation: Incarnation, asks: readonly Ask[]): void {
    if (asks[0]?.key === this.#key) this.foundAt ??= this.#now();
  }

  override hearsNews(isolate: Isolate, { key }: Announcement): void {
    if (key !== this.#key || this.#heardBy.has(isolate)) return;
    this.#heardBy.add(isolate);
    this.heardAt = this.#now();
  }
}

/** @param progress told what share of the clients is done */
export function runThin(options: ThinOptions, progress: (share: number) => void = () => {}): ThinReport {
  const { places, isolatesPerPlace, seeds, seed } = options;
  const rule = ruleOf(options);
  const hosts = ownerPlaces(places);
  const finder = new Finder();
  const random = seededRandom(seedFor(seed, "thin"));
  const world = new World({
    rules: [rule],
    places,
    random: seededRandom(seedFor(seed, "network")),
    wire: "values",
    hostFor: (place) => hosts[place] ?? place,
    witness: finder,
  });
  for (const place of places.keys())
    for (let isolate = 0; isolate < isolatesPerPlace; isolate += 1)
      world.bear(place, { table: { sets: 64 } });
  const calls = new Calls(world.isolates);
  const runs: ThinRun[] = [];
  for (let client = 0; client < seeds; client += 1) {
    runs.push(runClient(world, finder, calls, `thin-${seed}-${client}`, options, random));
    progress((client + 1) / seeds);
  }
  const plan = spreadPlan(rule);
  const { places: _, ...said } = options;
  return {
    options: { ...said, isolates: world.isolates.length },
    runs,
    handOvers: calls.total,
    handOversPerSecondMax: calls.perSecondMax,
    missAtLimit: plan === undefined ? 1 : missProbability(plan, options.limit),
  };
}

function runClient(
  world: World,
  finder: Finder,
  calls: Calls,
  client: string,
  { rate, windowMs }: ThinOptions,
  random: () => number,
): ThinRun {
  // From the beginning of a window of the client's own, with everybody awake.
  const grid = world.gridOf(0, client);
  const begin = windowEnd(grid, windowAt(grid, world.isolates[0]?.now() ?? (0 as never)));
  wake(world, begin);
  finder.begin(world.hashers[0]?.hash(client) ?? "", () => world.agenda.now - begin);
  const order = shuffledOnce(world.isolates, random);
  const gap = 1_000 / rate;
  const end = begin + windowMs;
  let admitted = 0;
  let sent = 0;
  let sentBeforeFound: number | undefined;
  let othersAt = begin + OTHERS_MS;
  for (let at: number = begin; at < end; at = begin + sent * gap) {
    world.runUntil(at);
    calls.look(at);
    if (at >= othersAt) {
      for (const isolate of world.isolates) isolate.listen();
      othersAt += OTHERS_MS;
    }
    if (finder.foundAt !== undefined) sentBeforeFound ??= sent;
    if (finder.foundAt !== undefined && at - begin > finder.foundAt + QUIET_MS) break;
    order[sent % order.length]?.request({ rules: [0], client, cost: 1 }, ({ decision }) => {
      if (decision?.admitted === true) admitted += 1;
    });
    sent += 1;
  }
  const { foundAt, heardAt } = finder;
  world.runUntil(end);
  const heardMs = foundAt === undefined ? 0 : Math.max(0, heardAt - foundAt);
  return { sentBeforeFound, admitted, sent, foundMs: foundAt ?? Number.POSITIVE_INFINITY, heardMs };
}

/** Every isolate has a connection to its hub when the time has come. */
function wake(world: World, begin: number): void {
  while (world.agenda.now < begin) {
    world.runUntil(Math.min(begin, world.agenda.now + OTHERS_MS));
    for (const isolate of world.isolates) isolate.listen();
  }
  // The connections that were just opened need a moment, and the client's window has only begun.
}

function shuffledOnce<T>(items: readonly T[], random: () => number): readonly T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}

/** How many calls with sightings isolates make, and the most in any second. */
class Calls {
  readonly #isolates: readonly Isolate[];
  #before: number[];
  #second = -1;
  perSecondMax = 0;

  constructor(isolates: readonly Isolate[]) {
    this.#isolates = isolates;
    this.#before = isolates.map(() => 0);
  }

  look(now: number): void {
    const second = Math.floor(now / 1_000);
    if (second === this.#second) return;
    this.#second = second;
    this.#isolates.forEach(({ handOvers }, index) => {
      this.perSecondMax = Math.max(this.perSecondMax, handOvers - (this.#before[index] ?? 0));
    });
    this.#before = this.#isolates.map(({ handOvers }) => handOvers);
  }

  get total(): number {
    return this.#isolates.reduce((sum, { handOvers }) => sum + handOvers, 0);
  }
}

function ruleOf({ limit, threshold, windowMs, spread }: ThinOptions): Rule {
  const said = { name: "thin", limit, threshold, window: `${windowMs}ms`, algorithm: "fixed-window", spread };
  const parsed = parseRules([{ ...said, window: `${windowMs / 1_000}s` }]);
  if (!parsed.ok) throw new RangeError(parsed.problems.map(formatProblem).join("; "));
  return parsed.rules[0] as Rule;
}
