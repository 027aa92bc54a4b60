/**
 * The way of Asks to owner objects. An object of its own for a key gets an Ask as it comes. An object that
 * several keys share gets one call at a time from this isolate: what comes meanwhile goes in the next call,
 * as one frame, so a flood of keys is a handful of calls.
 */
import { BATCH_MAX, LEADER_MS_MAX } from "../shared/limits.ts";
import { type Decoded, decodeReply, encodeAsks, type Reply } from "../shared/protocol/codec.ts";
import { Dialects } from "../shared/protocol/dialects.ts";
import type { Answer, Ask } from "../shared/protocol/messages.ts";
import { epochMs } from "../shared/time.ts";
import type { Env } from "./env.ts";

/** What of a request's context the ways to owners and hubs need. */
export interface Background {
  waitUntil(work: Promise<unknown>): void;
}

/** How a call ended, for one of its Asks. */
export type Outcome =
  | { readonly kind: "answered"; readonly answer: Answer }
  | { readonly kind: "overloaded" }
  | { readonly kind: "failed" };

interface Parcel {
  readonly ask: Ask;
  readonly deliver: (outcome: Outcome) => void;
}

/** What waits for one shared object. */
interface Route {
  waiting: Parcel[];
  /** A call is out until then, ms; if its context dies, the next sender takes over. */
  outUntil: number;
}

export class Courier {
  readonly #env: Env;
  readonly #routes = new Map<string, Route>();
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

  /**
   * Sends an Ask to an object that keys share, with others that wait for it.
   * @param patienceMs how long a call may be out before another is tried
   */
  sendShared(name: string, ask: Ask, patienceMs: number, background: Background): Promise<Outcome> {
    const route = this.#routes.get(name) ?? { waiting: [], outUntil: 0 };
    this.#routes.set(name, route);
    return new Promise((deliver) => {
      route.waiting.push({ ask, deliver });
      if (route.outUntil <= Date.now()) background.waitUntil(this.#carry(name, route, patienceMs));
    });
  }

  async #carry(name: string, route: Route, patienceMs: number): Promise<void> {
    const since = Date.now();
    // This context ends after a while; whoever sends next carries on.
    while (route.waiting.length > 0 && Date.now() - since < LEADER_MS_MAX) {
      const parcels = route.waiting.splice(0, BATCH_MAX);
      const until = Date.now() + patienceMs;
      route.outUntil = until;
      const outcomes = await this.#call(
        name,
        parcels.map((parcel) => parcel.ask),
      );
      parcels.forEach((parcel, index) => {
        parcel.deliver(outcomes[index] ?? { kind: "failed" });
      });
      if (route.outUntil !== until) return; // somebody took over
    }
    route.outUntil = 0;
    if (route.waiting.length === 0) this.#routes.delete(name);
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
    if (!reply.ok || !("error" in reply.value) || reply.value.error !== "unknown-schema") return reply;
    const { speaks } = reply.value;
    if (!this.#dialects.learn(name, speaks, schema, epochMs(Date.now()))) return reply;
    this.#report("older-owner", { speaks });
    return say(speaks);
  }

  #report(event: string, detail: object): void {
    if (this.#reported.has(event)) return;
    this.#reported.add(event);
    console.warn(JSON.stringify({ event, ...detail }));
  }
}
