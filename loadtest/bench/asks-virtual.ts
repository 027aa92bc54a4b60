/**
 * The load on owners in virtual time, counted exactly: the production core in the simulator's world, the POPs as
 * far apart as their cities are, one isolate each, no faults. Rates that no machine of ours could send.
 */
import type { Decision } from "../../shared/pop/decide.ts";
import { regionOf } from "../../shared/region.ts";
import { formatProblem, parseRules, type Rule } from "../../shared/rule.ts";
import { resolvePops } from "../cluster/pops.ts";
import type { Isolate } from "../planet/isolate.ts";
import type { Request } from "../planet/request.ts";
import { Witness } from "../planet/witness.ts";
import { World } from "../planet/world.ts";
import { seededRandom } from "../tools/random.ts";

const SEED = 1;
/** Long enough for every request to be decided, once none comes any more: two of the longest automatic deadlines. */
const DRAIN_MS = 2_000;

export interface VirtualLoad {
  readonly pops: readonly string[];
  /** A rule as it stands in wrangler.toml. */
  readonly rule: object;
  /** Clients that take turns, each at every POP. */
  readonly clients: number;
  /** Requests per second, over the POPs in turn, evenly in time. */
  readonly rate: number;
  /** Virtual time before anything is counted, ms: claims are made, news is heard. */
  readonly settleMs: number;
  /** Virtual time that is counted, ms. */
  readonly spanMs: number;
  /** No Ask reaches an owner in the time that is counted. */
  readonly cutOff?: boolean;
  /** From so many ms after the start on an Ask and its answer take `ms` longer. */
  readonly detour?: { readonly atMs: number; readonly ms: number };
}

/** How the requests that came in the time that is counted were decided. */
interface Decided {
  credit: number;
  owner: number;
  blocked: number;
  /** Decided by `on_failure` on arrival. */
  degradedAtOnce: number;
  /** Decided by `on_failure` because their time was up. */
  timedOut: number;
  /** The longest that any of them waited, ms. */
  waitedMostMs: number;
}

/** What happened in the time that is counted. */
export interface VirtualFigures extends Readonly<Decided> {
  readonly rate: number;
  readonly seconds: number;
  readonly requests: number;
  /** Asks that owners took. */
  readonly asks: number;
  /** RPCs to owners. */
  readonly calls: number;
  readonly rowsWritten: number;
  /** RPCs from owners to hubs. */
  readonly announcements: number;
  /** The most requests that waited in one isolate at a time. */
  readonly waitingMost: number;
}

/** Plays a load. The same load gives the same figures on every machine. */
export function playVirtual(load: VirtualLoad): VirtualFigures {
  const counting = new Counting();
  const { world, isolates } = worldOf(load, counting);
  const stream = new Stream(load, world, isolates);
  if (load.detour !== undefined) {
    stream.sendUntil(load.detour.atMs);
    for (const { toOwner } of world.links) toOwner.delayMs = load.detour.ms;
  }
  stream.sendUntil(load.settleMs);
  if (load.cutOff === true) for (const { toOwner } of world.links) toOwner.cut = true;
  const before = { ...world.tally };
  counting.from = world.agenda.now;
  stream.waitingMost = 0;
  stream.sendUntil(load.settleMs + load.spanMs);
  const { requests, asks, calls, rowsWritten, announcements } = world.tally;
  world.runUntil(world.agenda.now + DRAIN_MS);
  return {
    rate: load.rate,
    seconds: load.spanMs / 1000,
    requests: requests - before.requests,
    ...counting.decidedBy,
    asks: asks - before.asks,
    calls: calls - before.calls,
    rowsWritten: rowsWritten - before.rowsWritten,
    announcements: announcements - before.announcements,
    waitingMost: stream.waitingMost,
  };
}

function worldOf({ pops, rule }: VirtualLoad, witness: Witness) {
  const parsed = parseRules([rule]);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join("; "));
  const rules: readonly Rule[] = parsed.rules;
  const places = resolvePops(pops).map(({ city }) => ({
    ...city,
    region: regionOf(city.continent, city.longitude),
  }));
  const world = new World({ rules, places, random: seededRandom(SEED), witness, wire: "values" });
  return { world, isolates: pops.map((pop, place) => world.bear(place, { pop })) };
}

/** Sends requests at their times, to the POPs in turn. */
class Stream {
  waitingMost = 0;
  readonly #load: VirtualLoad;
  readonly #world: World;
  readonly #isolates: readonly Isolate[];
  readonly #start: number;
  #sent = 0;

  constructor(load: VirtualLoad, world: World, isolates: readonly Isolate[]) {
    this.#load = load;
    this.#world = world;
    this.#isolates = isolates;
    this.#start = world.agenda.now;
  }

  /** Sends what comes before `ms` after the start. */
  sendUntil(ms: number): void {
    const { rate, clients } = this.#load;
    const pops = this.#isolates.length;
    const rules = [0];
    for (let at = (1000 * this.#sent) / rate; at < ms; at = (1000 * this.#sent) / rate) {
      this.#world.runUntil(this.#start + at);
      const isolate = this.#isolates[this.#sent % pops] as Isolate;
      const client = `ip=client-${Math.floor(this.#sent / pops) % clients}`;
      isolate.request({ client, rules, cost: 1 }, () => {});
      this.waitingMost = Math.max(this.waitingMost, isolate.waiting.size);
      this.#sent += 1;
    }
    this.#world.runUntil(this.#start + ms);
  }
}

class Counting extends Witness {
  /** Requests that came before are left out. */
  from = Number.POSITIVE_INFINITY;
  readonly decidedBy: Decided = {
    credit: 0,
    owner: 0,
    blocked: 0,
    degradedAtOnce: 0,
    timedOut: 0,
    waitedMostMs: 0,
  };

  override decided({ at, isolate }: Request, { how }: Decision): void {
    if (at < this.from) return;
    const waitedMs = isolate.world.agenda.now - at;
    const { decidedBy } = this;
    decidedBy.waitedMostMs = Math.max(decidedBy.waitedMostMs, waitedMs);
    if (how !== "degraded") decidedBy[how] += 1;
    else decidedBy[waitedMs === 0 ? "degradedAtOnce" : "timedOut"] += 1;
  }
}
