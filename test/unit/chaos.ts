/** Random worlds: what may happen in one, and what it admitted. */
import fc from "fast-check";
import type { Rule } from "../../shared/rule.ts";
import { type Request, World } from "./world.ts";

export type Happening =
  | { readonly kind: "request"; readonly at: number; readonly cost: number; readonly rules: number }
  | { readonly kind: "deliver" | "repeat" | "lose"; readonly which: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "settle" | "die" };

const SOURCES = 3;

/** Three sources, up to 40 happenings. */
export const chaos: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant("request" as const),
        at: fc.nat(SOURCES - 1),
        cost: fc.constantFrom(1, 1, 1, 2, 3),
        rules: fc.nat(2),
      }),
    },
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constantFrom("deliver" as const, "deliver" as const, "repeat" as const, "lose" as const),
        which: fc.nat(12),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(30, 200, 210, 500) }),
    },
    { weight: 4, arbitrary: fc.constant({ kind: "settle" as const }) },
    { weight: 2, arbitrary: fc.constant({ kind: "die" as const }) },
  ),
  { maxLength: 40 },
);

export interface Admitted {
  admitted: number;
  /** Sources that admitted anything. */
  sources: number;
}

/** Plays a world of two rules, which a request may meet alone or together; the cost admitted under each, by source. */
export function admittedByRule(
  happened: readonly Happening[],
  rules: readonly [Rule, Rule],
): readonly Admitted[] {
  const world = new World({ sources: SOURCES, rules, sets: 1 });
  const requests: Request[] = [];
  const under: (readonly number[])[] = [];
  for (const event of happened) {
    const met = event.kind === "request" ? ([[0], [1], [0, 1]][event.rules] ?? []) : [];
    happen(world, event, requests, met);
    if (event.kind === "request") under.push(met);
  }
  return rules.map((_, rule) => {
    const byNode = new Map<number, number>();
    requests.forEach(({ decision, node, cost }, at) => {
      if (decision?.admitted !== true || under[at]?.includes(rule) !== true) return;
      byNode.set(node.index, (byNode.get(node.index) ?? 0) + cost);
    });
    return { admitted: [...byNode.values()].reduce((a, b) => a + b, 0), sources: byNode.size };
  });
}

/** Plays a world in which everyone counts one client; the cost admitted by each of the owner's windows. */
export function admittedByWindow(
  happened: readonly Happening[],
  rule: Rule,
  skews: readonly number[] = [0, 400, -900],
): ReadonlyMap<number, Admitted> {
  const world = new World({ sources: SOURCES, rules: [rule], sets: 1 });
  skews.forEach((skewMs, at) => {
    world.node(at).skewMs = skewMs;
  });
  const requests: Request[] = [];
  for (const event of happened) {
    happen(world, event, requests);
  }
  const costs = new Map<number, Map<number, number>>();
  for (const { decision, window, node, cost } of requests) {
    if (decision?.admitted !== true) continue;
    const byNode = costs.get(window) ?? new Map<number, number>();
    costs.set(window, byNode.set(node.index, (byNode.get(node.index) ?? 0) + cost));
  }
  return new Map(
    Array.from(costs, ([window, byNode]) => [
      window,
      { admitted: [...byNode.values()].reduce((a, b) => a + b, 0), sources: byNode.size },
    ]),
  );
}

function happen(world: World, event: Happening, requests: Request[], rules: readonly number[] = [0]): void {
  switch (event.kind) {
    case "request":
      requests.push(world.request(event.at, { cost: event.cost, rules }));
      break;
    case "pass":
      world.tick(event.ms);
      break;
    case "settle":
      world.settle();
      break;
    case "die":
      for (const owner of world.owners.values()) world.kill(owner);
      break;
    default: {
      if (world.network.length === 0) break;
      const at = event.which % world.network.length;
      const message = world.network[at];
      if (event.kind !== "repeat") world.network.splice(at, 1);
      if (event.kind !== "lose" && message !== undefined) world.deliver(message);
    }
  }
}
