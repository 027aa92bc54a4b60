/**
 * The production objects with distance around them. All delays are awaited timers inside the object, so
 * other events of the object run meanwhile, and a caller gets the errors of the real object, resets too.
 */
import { KeyOwner } from "../../../coordinator/key-owner.ts";
import { RegionHub } from "../../../coordinator/region-hub.ts";
import { REGIONS } from "../../../shared/region.ts";
import type { AccuracyFigures } from "../../../shared/telemetry/live.ts";
import { type CoreEnv, OVERLOADED } from "./env.ts";
import { Exchange, type Link, LinkError, linkOf } from "./links.ts";
import { owners, ownerToHubMs, placeOwner, toOwnerMs } from "./places.ts";
import { callEnded, callStarted } from "./traffic.ts";

type OwnerEnv = ConstructorParameters<typeof KeyOwner>[1];

/** Every announcement goes to every hub, so counting the frames to one of them counts announcements. */
const [COUNTED_REGION] = REGIONS;
/** Longer than any deadline. */
const LOST_CALL_MS = 20_000;

let announcements = 0;
/** Announcements that owners made since the start. */
export const announcementCount = (): number => announcements;

const nameOf = (ctx: DurableObjectState): string => {
  if (ctx.id.name === undefined) throw new Error("an object of the cluster is reached by name");
  return ctx.id.name;
};

/** The caller hears nothing for so long that it has given up, and then that the call failed. */
async function loseAnswer(link: Link): Promise<never> {
  await scheduler.wait(LOST_CALL_MS);
  throw new LinkError(link);
}

/** A KeyOwner at a distance. */
export class ClusterKeyOwner extends KeyOwner {
  constructor(ctx: DurableObjectState, env: OwnerEnv) {
    super(ctx, withDistantHubs(nameOf(ctx), env));
  }

  /** `ask` from a POP: half the round trip each way, by way of that POP's link. */
  askFrom(pop: string, frame: Uint8Array): Promise<Uint8Array> {
    return this.#travel(pop, async () => {
      callStarted(pop, frame);
      try {
        return await this.ask(frame);
      } finally {
        callEnded();
      }
    });
  }

  /** `command` from a POP, the same way. */
  commandFrom(pop: string, frame: Uint8Array): Promise<Uint8Array> {
    return this.#travel(pop, () => this.command(frame));
  }

  /** `observe` from a POP. Reports of sampled keys are no Asks: no fault that waits for one strikes them. */
  observeFrom(pop: string, report: Uint8Array): Promise<boolean> {
    return this.#travelBeside(pop, () => this.observe(report));
  }

  /** `accuracy` from a POP. */
  accuracyFrom(pop: string): Promise<AccuracyFigures | null> {
    return this.#travelBeside(pop, async () => this.accuracy());
  }

  async #travelBeside<T>(pop: string, call: () => Promise<T>): Promise<T> {
    const owner = nameOf(this.ctx);
    const exchange = new Exchange(linkOf([pop, "owner"]));
    await exchange.travelOrHang(toOwnerMs(pop, owner));
    placeOwner(owner, pop);
    const answer = await call();
    await exchange.travelOrHang(toOwnerMs(pop, owner));
    return answer;
  }

  async #travel<T>(pop: string, call: () => Promise<T>): Promise<T> {
    const owner = nameOf(this.ctx);
    const link = linkOf([pop, "owner"]);
    const exchange = new Exchange(link);
    const fate = link.disarm();
    await exchange.travelOrHang(toOwnerMs(pop, owner));
    if (fate === "overloaded") throw new Error(OVERLOADED);
    const place = placeOwner(owner, pop);
    place.asksStarted += 1;
    place.asksRunning += 1;
    try {
      const answer = call();
      if (fate === "reset") this.die();
      return await answer;
    } finally {
      place.asksRunning -= 1;
      await exchange.travelOrHang(toOwnerMs(pop, owner));
      if (fate === "lost") await loseAnswer(link);
    }
  }

  /** An owner that has forgotten its clients stands nowhere: the next to ask decides anew. */
  override async alarm(): Promise<void> {
    await super.alarm();
    const owner = nameOf(this.ctx);
    const keepsNothing = (await this.ctx.storage.getAlarm()) === null;
    if (keepsNothing && owners.get(owner)?.asksRunning === 0) owners.delete(owner);
  }

  /** Drops the object's memory as a crash would. Every call in it is rejected with `durableObjectReset`. */
  die(): void {
    this.ctx.abort("killed by /api/fault");
  }
}

function withDistantHubs(owner: string, env: OwnerEnv): OwnerEnv {
  const hubs = env.REGION_HUB as unknown as CoreEnv["REGION_HUB"];
  const distant = {
    getByName: (region: string) => ({
      announce: (frame: Uint8Array): Promise<number> => {
        if (region === COUNTED_REGION) announcements += 1;
        // An owner that came back by an alarm or an inspection alone may have no place; it is next to its hub.
        const pop = owners.get(owner)?.pop;
        const hub = hubs.getByName(region);
        return pop === undefined ? hub.announce(frame) : hub.announceFrom(pop, frame);
      },
    }),
  };
  return { ...env, REGION_HUB: distant as unknown as OwnerEnv["REGION_HUB"] };
}

/** A RegionHub at a distance from the owners. Its distance to the POPs is in `HubLink`. */
export class ClusterRegionHub extends RegionHub {
  /** `announce` from an owner that stands next to `pop`. The time runs here, so that an announcement once sent outlives its owner. */
  async announceFrom(pop: string, frame: Uint8Array): Promise<number> {
    const ms = ownerToHubMs(pop, nameOf(this.ctx));
    if (ms > 0) await scheduler.wait(ms);
    return this.announce(frame);
  }

  /** Drops the object's memory as a crash would. */
  die(): void {
    this.ctx.abort("killed by /api/fault");
  }
}
