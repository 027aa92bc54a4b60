/**
 * Sends the schedule into a simulated network in virtual time: the production core in `../planet`'s world,
 * without faults. A POP is one isolate that lives throughout, as in the local cluster.
 */
import { setImmediate } from "node:timers/promises";
import { ClientAddress } from "../../shared/address.ts";
import { KeyHasher } from "../../shared/key.ts";
import type { Decision } from "../../shared/pop/decide.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { REGIONS } from "../../shared/region.ts";
import type { EpochMs } from "../../shared/time.ts";
import type { Tally } from "../planet/faults.ts";
import type { Isolate } from "../planet/isolate.ts";
import type { Incarnation, OwnerHost } from "../planet/owner-host.ts";
import type { Request } from "../planet/request.ts";
import { Witness } from "../planet/witness.ts";
import { World } from "../planet/world.ts";
import { seededRandom, seedFor } from "../tools/random.ts";
import { REQUESTS_PER_PAUSE } from "./bounds.ts";
import type { ChargedRequest } from "./charged.ts";
import { modeOf } from "./charges.ts";
import { windowIndex } from "./oracle.ts";
import type { ReplayRules } from "./rules.ts";
import type { Answer, SendWatch, Sent } from "./sender.ts";
import type { VirtualPops } from "./virtual-pops.ts";

export interface VirtualWish {
  readonly rules: ReplayRules;
  readonly pops: VirtualPops;
  readonly seed: number;
  /** Virtual time at the beginning of the schedule. */
  readonly start: EpochMs;
}

export interface VirtualRun {
  /** In the order sent. */
  readonly sent: readonly Sent[];
  readonly tally: Tally;
  /** Accounts that owners opened; each leaves a row behind that an alarm deletes later. */
  readonly opened: number;
  /** Round trip from an owner to the farthest hub, the longest of all owners', ms. */
  readonly farthestHubMs: number;
}

/** Runs the schedule to the last message. The same arguments give the same run on every machine. */
export async function sendVirtual(
  requests: readonly ChargedRequest[],
  wish: VirtualWish,
  { progress, signal }: SendWatch = {},
): Promise<VirtualRun> {
  const witness = new OpenedAccounts();
  const world = worldOf(wish, witness);
  const isolates = isolatesOf(world, wish);
  const ruleIndex = new Map(wish.rules.run.map(({ name }, index) => [name, index]));
  const sent: Sent[] = [];
  for (const [index, request] of requests.entries()) {
    if (index % REQUESTS_PER_PAUSE === 0) await setImmediate();
    signal?.throwIfAborted();
    const { planned, sentAt, charges } = request;
    const isolate = isolates[planned.pop];
    if (isolate === undefined) throw new RangeError(`there is no POP ${planned.pop}`);
    world.runUntil(wish.start + planned.atMs);
    const at = world.agenda.now;
    const end = (answer: Answer, elsewhere: Pick<Sent, "countedIn"> = {}): void => {
      sent[index] = { planned, sentAt, lateMs: 0, tookMs: world.agenda.now - at, answer, ...elsewhere };
    };
    const [first] = charges;
    if (first === undefined) {
      isolate.listen();
      end({ status: 200, decision: "unlimited" });
    } else {
      // All rules count by the address alone, so one text is the key of each.
      const rules = charges.map(({ rule }) => ruleIndex.get(rule.name) ?? 0);
      const key = new ClientAddress().read(planned.client);
      isolate.request({ client: first.key, key, rules, cost: 1 }, ({ decision, admission }) =>
        end(answerOf(decision), windowsElsewhere(admission, request, wish.rules)),
      );
    }
    progress?.(index + 1);
  }
  while (world.step());
  return { sent, tally: world.tally, opened: witness.opened, farthestHubMs: farthestHub(world, wish.pops) };
}

function worldOf({ rules, pops, seed, start }: VirtualWish, witness: Witness): World {
  return new World({
    rules: rules.run.map((rule) => ({ ...rule, mode: modeOf(rule, rules) })),
    places: pops.places,
    hostFor: pops.hostFor,
    random: seededRandom(seedFor(seed, "network")),
    witness,
    wire: "values",
    start,
  });
}

/** One for each POP. They hash keys as the deployment would, so that windows lie where the exact count has them. */
function isolatesOf(world: World, { rules, pops }: VirtualWish): readonly Isolate[] {
  return pops.names.map((pop, place) =>
    world.bear(place, {
      pop,
      hashers: rules.run.map((rule) => new KeyHasher(rules.secret, rule.version)),
    }),
  );
}

function answerOf(decision: Decision | undefined): Answer {
  if (decision === undefined) throw new Error("an isolate whose rules are good decides every request");
  const { admitted, unavailable, how, rule } = decision;
  return { status: admitted ? 200 : unavailable ? 503 : 429, decision: how, rule: rule.name };
}

/** Nothing for the many that were counted in the window in which they were sent: a long log has millions. */
function windowsElsewhere(
  { counted }: Request["admission"],
  { sentAt, charges }: ChargedRequest,
  { run }: ReplayRules,
): Pick<Sent, "countedIn"> {
  const windows = new Map(counted.map(({ ruleIndex, window }) => [run[ruleIndex]?.name ?? "", window]));
  const here = charges.every(({ rule, grid }) => {
    const window = windows.get(rule.name);
    return window === undefined || window === windowIndex(grid, sentAt);
  });
  return here ? {} : { countedIn: windows };
}

/** Counts the accounts that come into being. */
class OpenedAccounts extends Witness {
  opened = 0;

  override asking(_host: OwnerHost, { accounts }: Incarnation, asks: readonly Ask[]): void {
    // Rows were loaded just before: what is still missing has none.
    this.opened += new Set(accounts.missing(asks)).size;
  }
}

function farthestHub(world: World, { names, hostFor }: VirtualPops): number {
  const oneWays = names.flatMap((_, pop) => REGIONS.map((region) => world.hubDistance(hostFor(pop), region)));
  return 2 * Math.max(...oneWays);
}
