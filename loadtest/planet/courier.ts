/** The way of Asks to owners in virtual time, as `worker/courier.ts` is in workerd. */
import type { Exchange, Outcome } from "../../shared/pop/exchange.ts";
import { type Load, Route } from "../../shared/pop/route.ts";
import { decodeReply, encodeAsks, type Reply } from "../../shared/protocol/codec.ts";
import { Dialects } from "../../shared/protocol/dialects.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { SCHEMA_MIN } from "../../shared/protocol/schema.ts";
import type { Rule } from "../../shared/rule.ts";
import type { DurationMs, EpochMs } from "../../shared/time.ts";
import { type Isolate, once } from "./isolate.ts";

/** A lost call fails after at most this, ms, if it fails at all: half of them never end. */
const LOST_CALL_MS = 1_500;

interface Parcel {
  readonly ask: Ask;
  readonly giveUpAt: EpochMs;
  readonly deliver: (outcome: Outcome) => void;
}

/** What went over the wire: bytes, or in runs that need no old code the values themselves. */
export type Frame<T> = Uint8Array | { readonly value: T };

export class Courier {
  readonly #isolate: Isolate;
  readonly routes = new Map<string, Route<Parcel>>();
  readonly #dialects = new Dialects();
  readonly #sent = new WeakSet<Exchange>();

  constructor(isolate: Isolate) {
    this.#isolate = isolate;
  }

  send(rule: Rule, name: string, exchange: Exchange, deliver: (outcome: Outcome) => void): void {
    const { world } = this.#isolate;
    const again = this.#sent.has(exchange);
    this.#sent.add(exchange);
    if (again) world.tally.rows.retry += 1;
    world.witness.sent(this.#isolate, exchange.ask, again);
    if (rule.owners === 0) {
      this.#call(name, [exchange.ask], ([outcome]) => deliver(outcome ?? { kind: "failed" }));
      return;
    }
    const route = this.routes.get(name) ?? new Route<Parcel>();
    this.routes.set(name, route);
    const now = this.#isolate.now();
    if (!route.put({ ask: exchange.ask, giveUpAt: exchange.giveUpAt, deliver }, now)) return;
    // As with a promise, the call leaves when the current event is done.
    world.agenda.after(0, () => this.#carry(name, route, now, exchange.patience, undefined));
  }

  #carry(
    name: string,
    route: Route<Parcel>,
    since: EpochMs,
    patience: DurationMs,
    done: number | undefined,
  ): void {
    const now = this.#isolate.now();
    for (const { deliver } of route.expire(now)) deliver({ kind: "failed" });
    const load: Load<Parcel> | undefined = route.load(since, now, patience, done);
    if (load === undefined) {
      if (route.isEmpty) this.routes.delete(name);
      return;
    }
    const asks = load.parcels.map(({ ask }) => ask);
    this.#call(name, asks, (outcomes) => {
      load.parcels.forEach(({ deliver }, index) => {
        deliver(outcomes[index] ?? { kind: "failed" });
      });
      this.#carry(name, route, since, patience, load.ticket);
    });
  }

  /** One call, and how it ended for each Ask; `end` may never be called. */
  #call(name: string, asks: readonly Ask[], end: (outcomes: readonly Outcome[]) => void): void {
    const isolate = this.#isolate;
    const failed = (): void => end(asks.map(() => ({ kind: "failed" })));
    const say = (schema: number): void => {
      const { world } = isolate;
      world.call(
        isolate,
        name,
        world.wire === "bytes" ? encodeAsks(asks, schema) : { value: asks },
        (result) => {
          if (!isolate.alive) return;
          if (result === "failed" || result === "overloaded") {
            end(asks.map(() => ({ kind: result })));
            return;
          }
          const reply = result instanceof Uint8Array ? decodeReply(result) : undefined;
          const value: Reply | undefined =
            result instanceof Uint8Array ? (reply?.ok === true ? reply.value : undefined) : result.value;
          const older =
            reply === undefined ? undefined : this.#dialects.again(name, reply, schema, isolate.now());
          if (older !== undefined) say(older);
          else if (value !== undefined && "answers" in value)
            end(value.answers.map((answer) => ({ kind: "answered", answer })));
          else failed();
        },
      );
    };
    say(Math.max(SCHEMA_MIN, Math.min(isolate.speaks, this.#dialects.of(name, isolate.now()))));
  }
}

/** How a lost call ends for its caller: half of them fail after a while, the others never end. */
export function endOfLostCall(isolate: Isolate, fail: () => void): () => void {
  return once(() => {
    const { agenda, random } = isolate.world;
    if (random() < 0.5) agenda.after(random() * LOST_CALL_MS, fail);
  });
}
