/**
 * A whole planet for one run: every POP with its isolates, all shapes of traffic at once, no faults. It measures
 * what users and owners of a site would notice, and checks the guarantee for every client and window.
 */
import { BIRTH } from "../../shared/pop/credit-table.ts";
import { seededRandom, seedFor } from "../tools/random.ts";
import { BlockWatch } from "./block-watch.ts";
import { BoundCheck } from "./bound-check.ts";
import { DecisionTally } from "./decision-tally.ts";
import type { Isolate } from "./isolate.ts";
import { Lookahead } from "./lookahead.ts";
import { ownerPlaces } from "./places.ts";
import { CLIENTS_MAX, PlanetKeys } from "./planet-keys.ts";
import type { PlanetOptions } from "./planet-options.ts";
import { type PlanetReport, reportOf } from "./planet-report.ts";
import { PlanetWitness } from "./planet-witness.ts";
import type { Request } from "./request.ts";
import { SkewTally } from "./skew-figures.ts";
import { planetTraffic, type Traffic } from "./traffic.ts";
import { WindowBook } from "./window-book.ts";
import { World } from "./world.ts";

export { PLANET_DEFAULTS, type PlanetOptions } from "./planet-options.ts";
export type { PlanetReport } from "./planet-report.ts";

const ISOLATES_PER_PLACE_MAX = 8;
/** So often is looked for blocks that are over. */
const REQUESTS_PER_SWEEP = 4_096;

/**
 * Runs a planet to the last message. Throws `RangeError` for options that make none.
 * @param progress told now and then what share of the requests has been sent, from 0 to 1
 */
export function runPlanet(
  options: PlanetOptions,
  progress: (share: number) => void = () => {},
): PlanetReport {
  const [startedAt, cpuBefore] = [performance.now(), process.cpuUsage()];
  const run = new PlanetRun(options);
  run.run(progress);
  const { user, system } = process.cpuUsage(cpuBefore);
  const { maxRSS } = process.resourceUsage();
  return reportOf(run, {
    elapsedMs: performance.now() - startedAt,
    cpuMs: (user + system) / 1_000,
    peakRssBytes: maxRSS * 1_024,
  });
}

export class PlanetRun {
  readonly options: PlanetOptions;
  readonly world: World;
  readonly traffic: Traffic;
  readonly witness: PlanetWitness;
  readonly bound: BoundCheck;
  readonly skew: SkewTally;
  readonly decisions: DecisionTally;
  readonly #keys: PlanetKeys;
  readonly #book: WindowBook;
  readonly #blocks: BlockWatch;
  /** Requests that wait, with their keys. */
  readonly #waiting = new Map<Request, number>();

  constructor(options: PlanetOptions) {
    const { isolatesPerPlace, places, clients, rules, seed } = options;
    if (!(isolatesPerPlace >= 1 && isolatesPerPlace <= ISOLATES_PER_PLACE_MAX))
      throw new RangeError(`${isolatesPerPlace} isolates at a place`);
    if (clients > CLIENTS_MAX) throw new RangeError(`${clients} clients`);
    this.options = options;
    this.traffic = planetTraffic({ ...options, places: places.length });
    const hosts = ownerPlaces(places);
    this.world = new World({
      rules,
      places,
      random: seededRandom(seedFor(seed, "network")),
      wire: "values",
      hostFor: (place) => hosts[place] ?? place,
    });
    this.#keys = new PlanetKeys(this.world, clients);
    this.decisions = new DecisionTally(this.traffic.parts);
    this.bound = new BoundCheck(options.boundOf);
    this.skew = new SkewTally(this.world);
    this.#book = new WindowBook(this.#keys.size, isolatesPerPlace, (closed) => {
      const { key, window, admitted, sources, seenBy } = closed;
      this.bound.take(this.#keys.ruleOf(key), this.#keys.clientOf(key), window, admitted, sources);
      this.#blocks.forget(key, window, seenBy);
    });
    this.#blocks = new BlockWatch(
      places.length * isolatesPerPlace,
      () => new Set(this.world.isolates.flatMap(({ listens }, isolate) => (listens ? [isolate] : []))),
      (key, window) => this.#book.seenBy(key, window),
      (block) => this.skew.take(block, this.decisions.shapeOf(this.#keys.clientOf(block.key))),
    );
    this.witness = new PlanetWitness(this.#keys, this.#blocks);
    this.world.witness = this.witness;
    for (let place = 0; place < places.length; place += 1)
      for (let isolate = 0; isolate < isolatesPerPlace; isolate += 1)
        this.world.bear(place, { table: { sets: options.sets }, hotKeysMax: options.hotKeysMax });
  }

  run(progress: (share: number) => void): void {
    const { world } = this;
    const { isolatesPerPlace, requests } = this.options;
    const ahead = new Lookahead(
      this.traffic.stream,
      this.#keys,
      this.#book,
      world.isolates,
      isolatesPerPlace,
    );
    const start = world.agenda.now;
    const done = (request: Request): void => this.#waited(request);
    for (let sent = 0; ahead.next(); sent += 1) {
      world.runUntil(start + ahead.at);
      this.#send(ahead, done);
      if (sent % REQUESTS_PER_SWEEP !== 0) continue;
      this.#blocks.sweep(world.agenda.now);
      progress(sent / requests);
    }
    while (world.step());
    this.#book.end();
    progress(1);
  }

  #send({ key, isolate }: Lookahead, done: (request: Request) => void): void {
    const target = this.world.isolates[isolate];
    if (target === undefined) throw new RangeError(`there is no isolate ${isolate}`);
    this.#book.saw(key, this.#keys.windowAt(key, target.now()), isolate);
    const request = target.request(this.#keys.arrivalOf(key), done);
    if (request.decision === undefined) this.#waiting.set(request, key);
    else this.#decided(request, key);
  }

  /** Every request ends here; one that was decided at once is none of those that wait. */
  #waited(request: Request): void {
    const key = this.#waiting.get(request);
    if (key !== undefined && this.#waiting.delete(request)) this.#decided(request, key);
  }

  #decided({ decision, isolate, admission }: Request, key: number): void {
    if (decision === undefined) throw new Error("an isolate whose rules are good decides every request");
    const { how, admitted } = decision;
    this.decisions.take(this.#keys.clientOf(key), how, admitted);
    // What `on_failure` admits comes on top of the guarantee.
    if (!admitted || how === "degraded") return;
    // An owner may have counted it in the window before or after.
    const window = how === "owner" ? admission.counted[0]?.window : this.#keys.windowAt(key, isolate.now());
    if (window !== undefined)
      this.#book.admitted(key, window, isolate.number - 1, this.#birthAt(isolate, key));
  }

  /** The birth of the key's entry; −1 if it was replaced this very moment. */
  #birthAt({ source: { table } }: Isolate, key: number): number {
    const { hi, lo } = this.#keys.tagged(key);
    const slot = table.find(hi, lo);
    return slot < 0 ? -1 : table.get(slot, BIRTH);
  }
}
