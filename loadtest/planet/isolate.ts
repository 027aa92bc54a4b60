/**
 * An isolate in virtual time: the thin shell around the core that `worker/` is in workerd. It carries out
 * what leader, exchange, route and watching say, over a simulated network, and decides nothing itself.
 */

import type { KeyMessage } from "../../shared/key.ts";
import { ownerName } from "../../shared/owner-name.ts";
import { ByBlock } from "../../shared/pop/by-block.ts";
import { ByCredit, type Picked } from "../../shared/pop/by-credit.ts";
import { Admission, type Decision, type Waiting } from "../../shared/pop/decide.ts";
import type { Exchange } from "../../shared/pop/exchange.ts";
import type { HotKey } from "../../shared/pop/hot-key.ts";
import { Leader } from "../../shared/pop/leader.ts";
import type { Waiter } from "../../shared/pop/outbox.ts";
import { Source, type SourceOptions } from "../../shared/pop/source.ts";
import type { Region } from "../../shared/region.ts";
import { RuleSet } from "../../shared/rule-set.ts";
import { sightingOf } from "../../shared/spread/pick.ts";
import { SightingBox } from "../../shared/spread/sightings.ts";
import { between, type EpochMs } from "../../shared/time.ts";
import type { Clock } from "./clock.ts";
import { Courier } from "./courier.ts";
import { openWay, type Way } from "./network.ts";
import type { Arrival, Request } from "./request.ts";
import { Watch } from "./watch.ts";
import type { World } from "./world.ts";

/** The ways of one POP's links; isolates of a POP share them. */
export interface Links {
  readonly toOwner: Way;
  readonly fromOwner: Way;
  readonly toHub: Way;
  readonly fromHub: Way;
}

export const openLinks = (): Links => ({
  toOwner: openWay(),
  fromOwner: openWay(),
  toHub: openWay(),
  fromHub: openWay(),
});

export interface IsolateOptions extends SourceOptions {
  /** Index of its place. */
  readonly place: number;
  readonly region: Region;
  readonly links: Links;
  readonly clock: Clock;
  /** The newest schema it speaks. */
  readonly speaks: number;
  /** It opens no connection to its hub. */
  readonly idle: boolean;
  /** Its rules cannot be read: requests pass un-limited. */
  readonly unlimited: boolean;
}

export class Isolate {
  readonly world: World;
  /** How many were born with it; the first has 1. */
  readonly number: number;
  readonly name: string;
  readonly place: number;
  readonly links: Links;
  readonly clock: Clock;
  readonly source: Source;
  readonly speaks: number;
  readonly idle: boolean;
  readonly unlimited: boolean;
  alive = true;
  readonly courier: Courier;
  readonly #watch: Watch;
  readonly #byCredit: ByCredit;
  readonly #byBlock: ByBlock;
  readonly #noRules: RuleSet;
  readonly #region: Region;
  readonly #sightings = new SightingBox();
  /** Calls to its hub with sightings. */
  handOvers = 0;
  /** Requests that wait here. */
  readonly waiting = new Set<Request>();

  constructor(world: World, options: IsolateOptions) {
    this.world = world;
    this.number = Number.parseInt(options.isolate, 16);
    this.name = `${options.pop}-${this.number}`;
    this.place = options.place;
    this.links = options.links;
    this.clock = options.clock;
    this.speaks = options.speaks;
    this.idle = options.idle;
    this.unlimited = options.unlimited;
    this.source = new Source(options);
    this.#byCredit = new ByCredit(this.source);
    this.#byBlock = new ByBlock(this.source);
    this.#noRules = RuleSet.none(this.source.rules);
    this.courier = new Courier(this);
    this.#region = options.region;
    this.#watch = new Watch(this, options.region);
  }

  now(): EpochMs {
    return this.clock.now();
  }

  /** A request comes in. It is decided at once, or waits. */
  request(arrival: Arrival, done: (request: Request) => void): Request {
    this.listen();
    const request: Request = {
      ...arrival,
      isolate: this,
      at: this.world.agenda.now,
      admission: { counted: [] },
      decision: undefined,
      done,
    };
    this.world.tally.requests += 1;
    if (this.unlimited) {
      this.world.tally.rows.rules += 1;
      this.world.tally.faults.rules += 1;
      done(request);
      return request;
    }
    this.world.witness.arrived(request);
    this.#arrive(request);
    return request;
  }

  /** As `Limiter` has it: by credit or by a block if that will do, else by an admission of its own. */
  #arrive(request: Request): void {
    const { rules, client, key = client, cost } = request;
    const set = rules.reduce((smaller, index) => smaller.and(index), this.#noRules);
    const costOf = (index: number): number => (this.source.rules[index]?.cost ?? 1) * cost;
    const charged = { keyOf: () => key, costOf };
    const decision = this.#byCredit.decide(set, charged, this.now());
    if (decision !== undefined) {
      request.admission = { counted: this.#byCredit.counted(set) };
      this.#saw(this.#byCredit.picked.splice(0), key);
      this.#decide(request, decision);
      return;
    }
    const denied = this.#byBlock.decide(set, charged, this.now());
    if (denied !== undefined) {
      for (const hot of this.#byBlock.due.splice(0)) this.drive(hot);
      this.#decide(request, denied);
      return;
    }
    const requested = rules.map((ruleIndex) => ({ ruleIndex, key, cost: costOf(ruleIndex) }));
    const admission = new Admission(this.source, requested, { enforce: true, label: undefined });
    request.admission = admission;
    this.#step(request, admission);
  }

  /** Reads what the next request will, and does nothing. The number has no meaning. */
  look(): number {
    return this.clock.offsetMs + this.source.table.replacements + this.#watch.look();
  }

  /** True while it hears what its hub says. */
  get listens(): boolean {
    return this.#watch.listens;
  }

  /** Any request keeps the connection to the hub open. */
  listen(): void {
    if (!this.idle) this.#watch.keep();
  }

  die(): void {
    this.alive = false;
    this.#watch.end();
    this.waiting.clear();
  }

  #step(request: Request, admission: Admission): void {
    if (!this.alive) return;
    const outcome = admission.step(this.now());
    for (const hot of admission.due.splice(0)) this.drive(hot);
    if (outcome.kind === "waiting") this.#wait(request, admission, outcome);
    else {
      this.#saw(admission.picked, request.key ?? request.client);
      this.#decide(request, outcome);
    }
  }

  /** Reports what was picked of a silently admitted request, as `Limiter` and `Lookout` do. */
  #saw(picked: readonly Picked[], key: KeyMessage): void {
    for (const one of picked) {
      const { ruleIndex } = one;
      const hash = this.source.hashers[ruleIndex]?.hash(key) ?? "";
      const at = this.#sightings.put(sightingOf(this.source, one, hash, undefined), this.now());
      if (at !== undefined) this.world.agenda.after(between(this.now(), at), () => this.#handOver());
    }
  }

  #handOver(): void {
    if (!this.alive) return;
    const sightings = this.#sightings.empty(this.now());
    if (sightings.length === 0) return;
    this.handOvers += 1;
    const oneWayMs = this.world.hubDistance(this.place, this.#region);
    this.world.network.carry(this.links.toHub, oneWayMs, () =>
      this.world.hub(this.#region).sighted(sightings),
    );
  }

  #decide(request: Request, decision: Decision): void {
    request.decision = decision;
    if (this.waiting.delete(request)) this.world.tally.waited += 1;
    if (decision.admitted) this.world.tally.admitted += 1;
    this.world.witness.decided(request, decision);
    request.done(request);
  }

  /** As `Limiter` waits: until woken, at the latest until its time has come; then it looks again. */
  #wait(request: Request, admission: Admission, { hot, waiter, until }: Waiting): void {
    this.waiting.add(request);
    this.drive(hot);
    const again = once(() => this.#step(request, admission));
    waiter.wake = () => this.world.agenda.after(0, again);
    this.world.agenda.after(between(this.now(), until), again);
  }

  /** Sends what is due for a key, as `OwnerClient` does. */
  drive(hot: HotKey): void {
    this.#leadIfNeeded(hot, this.now());
  }

  #leadIfNeeded(hot: HotKey, since: EpochMs): void {
    if (!this.alive || !Leader.isNeeded(hot, this.now())) return;
    const leader: Leading = {
      leader: new Leader(this.source, hot, since),
      out: 0,
      over: false,
      again: () => {},
    };
    this.#lead(leader, hot, since);
  }

  #lead(leading: Leading, hot: HotKey, since: EpochMs): void {
    if (!this.alive) return;
    for (;;) {
      const step = leading.leader.next(this.now(), this.world.random());
      wake(step.wake);
      if (step.kind === "over") {
        leading.over = true;
        return;
      }
      if (step.kind === "wait") {
        leading.again = once(() => this.#lead(leading, hot, since));
        this.world.agenda.after(between(this.now(), step.until), leading.again);
        return;
      }
      this.#send(step.exchange, hot, since, leading);
    }
  }

  #send(exchange: Exchange, hot: HotKey, since: EpochMs, leading: Leading): void {
    leading.out += 1;
    this.courier.send(hot.rule, ownerName(hot.rule, hot.key), exchange, (outcome) => {
      if (!this.alive) return;
      if (outcome.kind === "answered") this.world.witness.hears(this, exchange.ask, outcome.answer);
      wake(exchange.ended(outcome, this.now()));
      leading.out -= 1;
      this.world.agenda.after(0, () => {
        // An answer that comes after the deadline is still used, and may leave something to tell.
        if (!leading.over) leading.again();
        else if (leading.out === 0) this.#leadIfNeeded(hot, since);
      });
    });
  }
}

/** A leader at work. */
interface Leading {
  readonly leader: Leader;
  /** Attempts that have not ended. */
  out: number;
  over: boolean;
  /** Lets it look again. */
  again: () => void;
}

function wake(waiters: readonly Waiter[]): void {
  for (const waiter of waiters) waiter.wake();
}

/** `run`, at most once. */
export function once(run: () => void): () => void {
  let ran = false;
  return () => {
    if (ran) return;
    ran = true;
    run();
  };
}
