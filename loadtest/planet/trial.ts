/**
 * A trial: one small world, drawn from a seed, that suffers faults while clients fire at it; then everything
 * is mended and comes to rest. Checkers look at every step.
 */
import { SWEEP_PAUSE } from "../../shared/limits.ts";
import type { Rule } from "../../shared/rule.ts";
import { holdsAhead } from "../../shared/rule-ahead.ts";
import { messageOf } from "../tools/cli.ts";
import { drawBelow, type Random, seededRandom, seedFor, shuffled } from "../tools/random.ts";
import { Checks, Chorus } from "./checks/all.ts";
import type { Violation } from "./checks/checker.ts";
import { command } from "./commander.ts";
import type { Fault, Tally } from "./faults.ts";
import { Mischief } from "./mischief.ts";
import { draw, type Plan, type PlanOptions } from "./plan.ts";
import type { Request } from "./request.ts";
import type { Witness } from "./witness.ts";
import { World } from "./world.ts";

/** Faults that cost neither accuracy nor time: without any other no source may be counted too high. */
const HARMLESS: readonly Fault[] = ["reorder", "sleep", "hub", "idle", "command"];
/** The first clients come once everybody watches, ms. */
const LEAD_MS = 1_000;
/** How long everything gets to come to rest after it was mended, ms. */
const REST_MS = 6_000;
/** How long links are mended before everyone asks once more, ms. */
const HEAL_MS = 2_000;
/** Those who come back after the silence are answered by then, ms. */
const RETURN_MS = 5_000;
/** Other clients' requests keep the connections to the hubs open, ms. */
const HEARTBEAT_MS = 5_000;

export interface TrialOptions extends PlanOptions {
  readonly seed: number;
  /** Listens besides the checkers. */
  readonly witness?: (world: World) => Witness;
}

export interface TrialResult {
  readonly seed: number;
  readonly plan: Plan;
  readonly tally: Tally;
  /** The first one, if any: the trial ends there. */
  readonly violation: Violation | undefined;
}

export function runTrial({ seed, witness, ...options }: TrialOptions): TrialResult {
  const commands = seededRandom(seedFor(seed, "commands"));
  const later = {
    commands,
    ahead: seededRandom(seedFor(seed, "ahead")),
    strict: seededRandom(seedFor(seed, "strict")),
    auto: seededRandom(seedFor(seed, "auto")),
  };
  const plan = draw(seededRandom(seedFor(seed, "plan")), later, options);
  const random = seededRandom(seedFor(seed, "world"));
  const world = new World({ rules: plan.rules, places: plan.places, random, checked: true });
  const start = world.agenda.now;
  const nothingFails = [...plan.faults].every((fault) => HARMLESS.includes(fault));
  const checks = new Checks(world, start, nothingFails);
  world.witness = witness === undefined ? checks : new Chorus([witness(world), checks]);
  try {
    play(seed, plan, world, checks, commands);
  } catch (error) {
    // A broken assertion of the core: what it asserts is an invariant, too.
    checks.violations.push({ checker: "assertion", text: messageOf(error), atMs: world.agenda.now - start });
  }
  return { seed, plan, tally: world.tally, violation: checks.violations[0] };
}

/** From the first request to the last word; ends at the first violation. */
function play(seed: number, plan: Plan, world: World, checks: Checks, commands: Random): void {
  const mischief = new Mischief(world, plan, seededRandom(seedFor(seed, "faults")));
  for (let place = 0; place < plan.places.length; place += 1)
    for (let isolate = 0; isolate < plan.isolatesPerPlace; isolate += 1) mischief.birth(place);
  /** False when something was violated on the way there. */
  const reach = (time: number): boolean => {
    while (world.agenda.nextAt <= time && checks.violations.length === 0) world.step();
    if (checks.violations.length > 0) return false;
    world.agenda.runUntil(time);
    return true;
  };
  const random = seededRandom(seedFor(seed, "clients"));
  const end = world.agenda.now + LEAD_MS + plan.lengthMs;
  const rest = end + REST_MS;
  const quiet = rest + quietMs(plan.rules);
  heartbeat(world, rest);
  fire(world, plan, random);
  if (plan.faults.has("command")) command(world, plan, world.agenda.now + LEAD_MS, commands);
  if (!reach(end)) return;
  mischief.heal();
  if (!reach(end + HEAL_MS)) return;
  probe(world, plan, random);
  if (!reach(rest)) return;
  checks.atRest();
  if (!reach(quiet)) return;
  checks.afterQuiet();
  const returning = comeBack(world, plan, random);
  if (reach(quiet + RETURN_MS)) checks.returned(returning);
}

/** Clients fire in bursts and alone, at any isolate, with costs of 1 to 3. */
function fire(world: World, plan: Plan, random: Random): void {
  const from = world.agenda.now + LEAD_MS;
  let left = plan.requests;
  while (left > 0) {
    const burst = random() < 0.2 ? Math.min(left, 1 + drawBelow(random, 12)) : 1;
    const at = from + random() * plan.lengthMs;
    const client = plan.clients[drawBelow(random, plan.clients.length)] ?? "";
    for (let one = 0; one < burst; one += 1) {
      const cost = random() < 0.85 ? 1 : 1 + drawBelow(random, 3);
      const rules = plan.rules.map((_, index) => index).filter(() => random() < 0.8);
      const isolate = random();
      world.agenda.at(at + random() * 30, () => {
        const target = world.isolates[Math.floor(isolate * world.isolates.length)];
        target?.request({ client, cost, rules: rules.length > 0 ? rules : [0] }, (request) =>
          noteRows(world, request),
        );
      });
    }
    left -= burst;
  }
}

/** One more request of everyone everywhere, now that all is well: whoever has something to tell its owner does. */
function probe(world: World, plan: Plan, random: Random): void {
  for (const isolate of world.isolates) {
    for (const client of plan.clients) {
      plan.rules.forEach((_, rule) => {
        world.agenda.after(random() * 1_000, () => {
          if (isolate.alive) isolate.request({ client, cost: 1, rules: [rule] }, () => {});
        });
      });
    }
  }
}

/**
 * After so long nobody is remembered: a bucket in debt fills for two windows, is claimed for one more, an idle
 * one follows; owners look through their rows every SWEEP_PAUSE.
 */
function quietMs(rules: readonly Rule[]): number {
  const longest = Math.max(...rules.map(({ window, blockFor = 0 }) => 5 * window + blockFor));
  return longest + 2 * SWEEP_PAUSE;
}

/** Each client comes back, once to each of as many isolates as its limits allow. */
function comeBack(world: World, plan: Plan, random: Random): readonly Request[] {
  const limiting = world.isolates.filter(({ unlimited }) => !unlimited);
  // What one isolate holds ahead is not there for the others.
  const most = plan.rules.some(holdsAhead) ? 1 : Math.min(...plan.rules.map(({ limit }) => limit));
  const rules = plan.rules.map((_, index) => index);
  return plan.clients.flatMap((client) =>
    shuffled(limiting, random)
      .slice(0, most)
      .map((isolate) => isolate.request({ client, cost: 1, rules }, () => {})),
  );
}

function heartbeat(world: World, until: number): void {
  if (world.agenda.now > until) return;
  for (const isolate of world.isolates) isolate.listen();
  world.agenda.after(HEARTBEAT_MS, () => heartbeat(world, until));
}

/** Which rows of the failure table this decision belongs to. */
function noteRows(world: World, { decision, isolate }: Request): void {
  if (decision === undefined) return;
  if (decision.how === "degraded") world.tally.rows[decision.rule.onFailure] += 1;
  const ahead = Math.abs(isolate.clock.aheadMs);
  if (ahead >= 1 && ahead <= 1_000) world.tally.rows.skew += 1;
}
