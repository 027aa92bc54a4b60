/** Somebody who gives commands by hand, at moments drawn from the seed, and again when no reply comes. */
import type { CommandAction } from "../../shared/protocol/commands.ts";
import { epochMs } from "../../shared/time.ts";
import { drawBelow, type Random } from "../tools/random.ts";
import type { Plan } from "./plan.ts";
import type { World } from "./world.ts";

/** How many are given in a trial. */
const TIMES = 8;
/** A block lasts at most so long, ms. */
const BLOCK_MS = 4_000;
/** So long is a reply waited for, ms, and so often is a command given. */
const PATIENCE_MS = 1_000;
const TRIES = 3;

const KINDS = ["reset", "reset", "block", "unblock"] as const;

/** @param random used for nothing else */
export function command(world: World, plan: Plan, from: number, random: Random): void {
  for (let time = 0; time < TIMES; time += 1) {
    const at = from + random() * plan.lengthMs;
    const kind = KINDS[drawBelow(random, KINDS.length)] ?? "reset";
    const until = epochMs(Math.ceil(at + random() * BLOCK_MS));
    const action: CommandAction = kind === "block" ? { kind, until } : { kind };
    const place = drawBelow(random, plan.places.length);
    const rule = drawBelow(random, plan.rules.length);
    const client = plan.clients[drawBelow(random, plan.clients.length)] ?? "";
    world.agenda.at(at, () => {
      world.tally.faults.command += 1;
      give(TRIES, (end) => world.command(place, rule, client, action, end));
    });
  }

  function give(tries: number, send: (end: () => void) => void): void {
    let over = tries === 0;
    if (over) return;
    send(() => {
      over = true;
    });
    world.agenda.after(PATIENCE_MS, () => {
      if (!over) give(tries - 1, send);
    });
  }
}
