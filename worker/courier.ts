/**
 * The way of Asks to owner objects, as bytes. An object of its own for a key gets an Ask as it comes; to one
 * that several keys share one call is out at a time, as `shared/pop/route.ts` has it.
 */
import type { Exchange, Outcome } from "../shared/pop/exchange.ts";
import { type Load, Route } from "../shared/pop/route.ts";
import { type Decoded, decodeReply, encodeAsks, type Reply } from "../shared/protocol/codec.ts";
import { Dialects } from "../shared/protocol/dialects.ts";
import type { Ask } from "../shared/protocol/messages.ts";
import { type DurationMs, type EpochMs, epochMs } from "../shared/time.ts";
import type { Env } from "./env.ts";

/** What of a request's context the ways to owners and hubs need. */
export interface Background {
  waitUntil(work: Promise<unknown>): void;
}

interface Parcel {
  readonly ask: Ask;
  readonly giveUpAt: EpochMs;
  readonly deliver: (outcome: Outcome) => void;
}

export class Courier {
  readonly #env: Env;
  /** What waits for objects that keys share, by the object's name. */
  readonly #routes = new Map<string, Route<Parcel>>();
  readonly #dialects = new Dialects();
  /** Events logged already: what is so of one object is so of the next thousand. */
  readonly #reported = new Set<string>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** Sends an Ask to an object that is the key's alone. */
  async send(name: string, ask: Ask): Promise<Outcome> {
    const [outcome] = await this.#call(name, [ask]);
    return outcome ?? { kind: "failed" };
  }

  /** Sends an Ask to an object that keys share, with others that wait for it. */
  sendShared(
    name: string,
    { ask, giveUpAt, patience }: Pick<Exchange, "ask" | "giveUpAt" | "patience">,
    background: Background,
  ): Promise<Outcome> {
    const route = this.#routes.get(name) ?? new Route<Parcel>();
    this.#routes.set(name, route);
    return new Promise((deliver) => {
      if (route.put({ ask, giveUpAt, deliver }, epochMs(Date.now())))
        background.waitUntil(this.#carry(name, route, patience));
    });
  }

  /** @param patience how long a call may be out before another is tried */
  async #carry(name: string, route: Route<Parcel>, patience: DurationMs): Promise<void> {
    const since = epochMs(Date.now());
    const next = (now: EpochMs, done?: number): Load<Parcel> | undefined => {
      for (const { deliver } of route.expire(now)) deliver({ kind: "failed" });
      return route.load(since, now, patience, done);
    };
    let load = next(since);
    while (load !== undefined) {
      const outcomes = await this.#call(
        name,
        load.parcels.map(({ ask }) => ask),
      );
      load.parcels.forEach(({ deliver }, index) => {
        deliver(outcomes[index] ?? { kind: "failed" });
      });
      load = next(epochMs(Date.now()), load.ticket);
    }
    if (route.isEmpty) this.#routes.delete(name);
  }

  /** One call. Turns the ways it can end into values; an owner that cannot read the Asks counts as not reached. */
  async #call(name: string, asks: readonly Ask[]): Promise<readonly Outcome[]> {
    try {
      const reply = await this.#exchange(name, asks);
      if (reply.ok && "answers" in reply.value) {
        return reply.value.answers.map((answer) => ({ kind: "answered", answer }));
      }
      this.#report("unreadable-reply", { reply: reply.ok ? reply.value : reply.error, schema: reply.schema });
      return asks.map(() => ({ kind: "failed" }));
    } catch (error) {
      const overloaded =
        typeof error === "object" && error !== null && "overloaded" in error && error.overloaded === true;
      return asks.map(() => ({ kind: overloaded ? "overloaded" : "failed" }));
    }
  }

  /** The Asks and the reply to them; said once more in an older schema if the object speaks no other. */
  async #exchange(name: string, asks: readonly Ask[]): Promise<Decoded<Reply>> {
    // A stub can stay broken after an error: every call takes a new one.
    const say = async (schema: number) =>
      decodeReply(await this.#env.KEY_OWNER.getByName(name).ask(encodeAsks(asks, schema)));
    const schema = this.#dialects.of(name, epochMs(Date.now()));
    const reply = await say(schema);
    const older = this.#dialects.again(name, reply, schema, epochMs(Date.now()));
    if (older === undefined) return reply;
    this.#report("older-owner", { speaks: older });
    return say(older);
  }

  #report(event: string, detail: object): void {
    if (this.#reported.has(event)) return;
    this.#reported.add(event);
    console.warn(JSON.stringify({ event, ...detail }));
  }
}
