/** Injects faults into a world while it runs, each at times drawn from the seed, and mends them all at the end. */
import { SCHEMA_MIN } from "../../shared/protocol/schema.ts";
import { drawBelow, type Random } from "../tools/random.ts";
import type { Clock } from "./clock.ts";
import type { Fault } from "./faults.ts";
import type { Isolate, IsolateOptions } from "./isolate.ts";
import { FAIR, type Way } from "./network.ts";
import type { Death, OwnerHost } from "./owner-host.ts";
import type { Plan } from "./plan.ts";
import type { World } from "./world.ts";

/** How far a clock may be off, ms. */
const SKEW_MS = 2_000;
/** How often an owner dies over an Ask, and the steps at which it may. */
const DEATH = 0.04;
const DEATHS: readonly Death[] = ["before", "taken", "written", "answered"];
/** How often each of a run's faults of that kind happens. */
const TIMES = 3;
/** Many a try to make a duplicate finds no owner that is awake. */
const STALE_TIMES = 7;
/** Strangers in one flood: more than a set of the credit table holds. */
const FLOOD = 24;

export class Mischief {
  readonly #world: World;
  readonly #plan: Plan;
  readonly #random: Random;
  readonly #from: number;
  #over = false;

  constructor(world: World, plan: Plan, random: Random) {
    this.#world = world;
    this.#plan = plan;
    this.#random = random;
    this.#from = world.agenda.now;
    world.network.weather = {
      loss: this.#if("loss", 0.05),
      duplicate: this.#if("duplicate", 0.08),
      reorder: this.#if("reorder", 0.15),
      delay: this.#if("delay", 0.05),
    };
    world.deathOf = () => this.#death();
    world.dress = (host) => this.#dress(host);
    for (const hub of world.hubs) {
      if (this.#chance("old", 0.3)) hub.speaks = SCHEMA_MIN;
      this.clock(hub.clock);
    }
    this.#schedule();
  }

  #if = (fault: Fault, probability: number): number => (this.#plan.faults.has(fault) ? probability : 0);

  /** Draws whether a fault strikes now, and counts it. */
  #chance(fault: Fault, probability: number): boolean {
    if (this.#over || !this.#plan.faults.has(fault) || this.#random() >= probability) return false;
    this.#world.tally.faults[fault] += 1;
    return true;
  }

  #count(fault: Fault): void {
    this.#world.tally.faults[fault] += 1;
  }

  /** What a new isolate is like. */
  isolate(): Partial<IsolateOptions> {
    return {
      table: { sets: this.#plan.sets },
      idle: this.#chance("idle", 0.4),
      unlimited: this.#if("rules", 1) > this.#random() * 20,
      ...(this.#chance("old", 0.3) && { speaks: SCHEMA_MIN }),
    };
  }

  /** Gives a new clock its error. */
  clock(clock: Clock): void {
    if (this.#chance("skew", 0.7)) {
      // Half of them within what the protocol is made for.
      const most = this.#random() < 0.5 ? SKEW_MS : SKEW_MS / 2;
      clock.step((2 * this.#random() - 1) * most);
    }
    if (this.#chance("drift", 0.5)) clock.drift = (2 * this.#random() - 1) * 0.02;
  }

  #dress(host: OwnerHost): void {
    this.clock(host.clock);
    if (this.#chance("old", 0.3)) host.speaks = SCHEMA_MIN;
  }

  #death(): Death | undefined {
    return this.#chance("kill", DEATH) ? DEATHS[drawBelow(this.#random, DEATHS.length)] : undefined;
  }

  #schedule(): void {
    const { agenda } = this.#world;
    const strikes: Partial<Record<Fault, () => void>> = {
      cut: () => this.#cut(),
      overload: () => this.#overload(),
      sleep: () => this.#sleep(),
      stale: () => this.#duplicate(),
      hub: () => this.#hub(),
      isolate: () => this.#replace(),
      step: () => this.#step(),
      evict: () => this.#flood(),
    };
    for (const [fault, strike] of Object.entries(strikes)) {
      if (!this.#plan.faults.has(fault as Fault)) continue;
      const times = fault === "stale" ? STALE_TIMES : TIMES;
      for (let time = 0; time < times; time += 1) {
        agenda.at(this.#from + this.#random() * this.#plan.lengthMs, () => {
          if (!this.#over) strike();
        });
      }
    }
  }

  #any<T>(of: readonly T[]): T | undefined {
    return of[drawBelow(this.#random, of.length)];
  }

  #ways(): readonly Way[] {
    return [
      ...this.#world.links.flatMap((link) => Object.values(link) as Way[]),
      ...Array.from(this.#world.owners.values(), (host) => host.toHubs),
    ];
  }

  #cut(): void {
    this.#count("cut");
    const links = this.#any(this.#world.links);
    const one = this.#any(this.#ways());
    // A whole link, or one direction of any.
    const cut =
      links !== undefined && this.#random() < 0.5 ? [links.toOwner, links.fromOwner] : one ? [one] : [];
    for (const way of cut) way.cut = true;
    this.#world.agenda.after(100 + this.#random() * 4_000, () => {
      for (const way of cut) way.cut = false;
    });
  }

  #overload(): void {
    const link = this.#any(this.#world.links);
    if (link === undefined) return;
    this.#count("overload");
    link.toOwner.overloaded = true;
    this.#world.agenda.after(100 + this.#random() * 2_000, () => {
      link.toOwner.overloaded = false;
    });
  }

  #sleep(): void {
    for (const host of this.#world.owners.values()) if (host.sleep()) this.#count("sleep");
  }

  #duplicate(): void {
    const host = this.#any([...this.#world.owners.values()]);
    if (host?.duplicate() === true) this.#count("stale");
  }

  #hub(): void {
    this.#count("hub");
    const hub = this.#any([...this.#world.hubs].filter(({ watchers }) => watchers > 0));
    if (this.#random() < 0.5) hub?.sleep();
    else hub?.die();
  }

  /** One isolate dies in the middle of what it does, or a new one is born beside it. */
  #replace(): void {
    const old = this.#any(this.#world.isolates);
    if (old === undefined) return;
    this.#count("isolate");
    if (this.#random() < 0.7) this.#world.kill(old);
    this.birth(old.place);
  }

  birth(place: number): Isolate {
    const isolate = this.#world.bear(place, this.isolate());
    this.clock(isolate.clock);
    isolate.listen();
    return isolate;
  }

  /** Strangers come to one isolate, all at once, and push other clients' entries out of its table. */
  #flood(): void {
    const isolate = this.#any(this.#world.isolates);
    if (isolate === undefined) return;
    this.#count("evict");
    for (let stranger = 0; stranger < FLOOD; stranger += 1)
      isolate.request({ client: `ip=s${stranger}`, cost: 1, rules: [0] }, () => {});
  }

  #step(): void {
    const clocks = [...this.#world.isolates, ...this.#world.owners.values(), ...this.#world.hubs].map(
      ({ clock }) => clock,
    );
    const clock = this.#any(clocks);
    if (clock === undefined) return;
    this.#count("step");
    clock.step((2 * this.#random() - 1) * SKEW_MS);
  }

  /** Mends everything. Clocks go on within what the protocol allows, releases are upgraded. */
  heal(): void {
    this.#over = true;
    this.#world.network.weather = FAIR;
    for (const way of this.#ways()) {
      way.cut = false;
      way.overloaded = false;
    }
    for (const host of this.#world.owners.values()) {
      if (host.stale !== undefined) host.end(host.stale);
      this.#putRight(host.clock);
    }
    for (const { clock } of [...this.#world.isolates, ...this.#world.hubs]) this.#putRight(clock);
  }

  #putRight(clock: Clock): void {
    clock.steady();
    clock.step(Math.max(-400, Math.min(400, clock.aheadMs)));
  }
}
