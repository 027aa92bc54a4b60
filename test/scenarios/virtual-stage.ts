/** The stage in the simulator: production's core in virtual time. */
import { cityOf } from "../../loadtest/cluster/cities.ts";
import type { Isolate } from "../../loadtest/planet/isolate.ts";
import type { OwnerHost } from "../../loadtest/planet/owner-host.ts";
import type { Request } from "../../loadtest/planet/request.ts";
import { Witness } from "../../loadtest/planet/witness.ts";
import { World, type WorldPlace } from "../../loadtest/planet/world.ts";
import { seededRandom } from "../../loadtest/tools/random.ts";
import { Accounts } from "../../shared/owner/accounts.ts";
import { inspect } from "../../shared/owner/inspect.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { regionOf } from "../../shared/region.ts";
import { parseRules, type Rule } from "../../shared/rule.ts";
import { denialStatus, statusWithoutRules } from "../../shared/status.ts";
import { RULE, type Scenario } from "./scenarios.ts";
import { type OwnerSeen, POPS, type PopName, type Stage, type StageFault } from "./stage.ts";

const CLIENT = "ip=203.0.113.9";
/** As the cluster does: what other clients' requests would do for a POP's connection to its hub. */
const HEARTBEAT_MS = 10_000;
/** The connections to the hubs are open by then. */
const LEAD_MS = 1_000;
/** How often is looked again, and for how long, ms of virtual time. */
const LOOK_MS = 10;
const LOOKS_MAX = 6_000;
/** A request that takes more events than this is stuck. */
const STEPS_MAX = 20_000;

export class VirtualStage implements Stage {
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #mishap = new NextCallMishap();

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#world = new World({
      rules: [ruleOf(scenario)],
      places: POPS.map(placeOf),
      random: seededRandom(1),
      witness: this.#mishap,
    });
    POPS.forEach((_, place) => {
      this.#world.bear(place, { unlimited: scenario.unreadable !== undefined });
    });
    this.#heartbeat();
    this.#world.runUntil(this.#world.agenda.now + LEAD_MS);
  }

  async request(pop: PopName): Promise<string> {
    const decided = new Promise<Request>((resolve) => {
      this.#isolate(pop).request({ client: CLIENT, cost: 1, rules: [0] }, resolve);
    });
    // What is sent at once is sent before time goes on.
    await Promise.resolve();
    for (let steps = 0; !(await isSettled(decided)); steps += 1) {
      if (steps > STEPS_MAX || !this.#world.step()) throw new Error(`a request at ${pop} is never decided`);
    }
    return this.#answerOf(await decided);
  }

  #answerOf({ decision }: Request): string {
    if (decision !== undefined) return `${decision.admitted ? 200 : denialStatus(decision)} ${decision.how}`;
    const status = statusWithoutRules(this.#scenario.unreadable?.failClosed === true);
    return status === undefined ? "200 unlimited" : `${status} none`;
  }

  async owner(): Promise<OwnerSeen | undefined> {
    const host = this.#host();
    if (host === undefined) return undefined;
    const accounts = host.current?.accounts ?? new Accounts();
    // As in production, to look at an owner brings it back from its rows.
    for (const [name, row] of host.rows) accounts.load(name, row);
    const [account] = accounts.values();
    return account && inspect(account, host.clock.now());
  }

  async knowsOfClaim(pop: PopName): Promise<boolean> {
    const { source, clock } = this.#isolate(pop);
    return Array.from(source.entries(clock.now())).some(({ claimed }) => claimed);
  }

  async fault(fault: StageFault): Promise<void> {
    if ("cut" in fault) {
      const [pop, end] = fault.cut;
      const { toOwner, fromOwner, toHub, fromHub } = this.#isolate(pop as PopName).links;
      for (const way of end === "owner" ? [toOwner, fromOwner] : [toHub, fromHub]) way.cut = true;
    } else if ("skewMs" in fault) this.#isolate(fault.pop).clock.step(fault.skewMs);
    else if ("next" in fault)
      this.#mishap.arm(this.#world, this.#isolate(fault.link[0] as PopName), fault.next);
    else this.#strike(fault.owner);
  }

  #strike(how: "killed" | "asleep" | "duplicated"): void {
    const host = this.#host();
    if (host?.current === undefined) throw new Error("there is no owner");
    if (how === "killed") host.end(host.current);
    else if (how === "asleep") host.sleep();
    else {
      host.duplicate();
      this.#world.reachesStale = () => true;
    }
  }

  async heal(): Promise<void> {
    for (const { links, clock } of this.#world.isolates) {
      for (const way of [links.toOwner, links.fromOwner, links.toHub, links.fromHub]) way.cut = false;
      clock.step(0);
    }
  }

  async until(what: string, look: () => Promise<boolean>): Promise<void> {
    for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
      if (await look()) return;
      this.#world.runUntil(this.#world.agenda.now + LOOK_MS);
    }
    throw new Error(`waited for ${what}`);
  }

  #isolate(pop: PopName): Isolate {
    return this.#world.isolates[POPS.indexOf(pop)] as Isolate;
  }

  #host(): OwnerHost | undefined {
    return [...this.#world.owners.values()][0];
  }

  #heartbeat(): void {
    for (const isolate of this.#world.isolates) isolate.listen();
    this.#world.agenda.after(HEARTBEAT_MS, () => this.#heartbeat());
  }
}

/** What becomes of one isolate's next call, and of no other. */
class NextCallMishap extends Witness {
  #isolate: Isolate | undefined;
  #next: "lost" | "overloaded" | "reset" | undefined;

  arm(world: World, isolate: Isolate, next: "lost" | "overloaded" | "reset"): void {
    this.#isolate = isolate;
    this.#next = next;
    world.deathOf = () => (this.#take(isolate, "reset") ? "taken" : undefined);
  }

  #take(isolate: Isolate | undefined, next: "lost" | "overloaded" | "reset"): boolean {
    if (isolate === undefined || isolate !== this.#isolate || next !== this.#next) return false;
    this.#isolate = undefined;
    return true;
  }

  override sent(isolate: Isolate): void {
    isolate.links.toOwner.overloaded = this.#take(isolate, "overloaded");
  }

  override answers(_host: OwnerHost, _ask: Ask): void {
    const isolate = this.#isolate;
    if (isolate === undefined || !this.#take(isolate, "lost")) return;
    // The answer leaves at this very moment; the next one does not.
    isolate.links.fromOwner.cut = true;
    isolate.world.agenda.after(0, () => {
      isolate.links.fromOwner.cut = false;
    });
  }
}

function ruleOf({ rule }: Scenario): Rule {
  const parsed = parseRules([{ ...RULE, ...rule, name: "scenario", match: { path: "/**" } }]);
  const [first] = parsed.ok ? parsed.rules : [];
  if (first === undefined) throw new Error("the scenario's rule cannot be read");
  return first;
}

function placeOf(code: string): WorldPlace {
  const city = cityOf(code);
  if (city === undefined) throw new Error(`no city ${code}`);
  const { latitude, longitude, continent } = city;
  return { code, latitude, longitude, region: regionOf(continent, longitude) };
}

/** Whether a promise is settled, at the next turn of the event loop. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}
