/** The connection of an isolate to its hub in virtual time, as `worker/watch.ts` is in workerd. */
import { follow } from "../../shared/hub/feed.ts";
import { type WatchEnd, Watching } from "../../shared/hub/watching.ts";
import { WATCH_CONNECT_MAX } from "../../shared/limits.ts";
import { decodeFeed, type FeedFrame } from "../../shared/protocol/codec.ts";
import type { Region } from "../../shared/region.ts";
import { between, type EpochMs } from "../../shared/time.ts";
import type { Frame } from "./courier.ts";
import { type Isolate, once } from "./isolate.ts";

/** How often a broken connection looks whether its link is mended, ms: only then its end is heard. */
const MENDED_POLL_MS = 50;

/** One connection. The hub sends, the isolate hears; what is sent arrives in order. */
export class Connection {
  open = true;
  /** The hub knows of it. */
  connected = false;
  readonly speaks: number;
  readonly #isolate: Isolate;
  readonly #hear: (frame: Frame<FeedFrame>) => void;
  readonly #lost: () => void;
  readonly oneWayMs: number;
  /** Index of the place where the isolate is. */
  readonly place: number;
  #lastArrival = 0;

  constructor(isolate: Isolate, oneWayMs: number, hear: (frame: Frame<FeedFrame>) => void, lost: () => void) {
    this.#isolate = isolate;
    this.speaks = isolate.speaks;
    this.place = isolate.place;
    this.oneWayMs = oneWayMs;
    this.#hear = hear;
    this.#lost = lost;
  }

  send(frame: Frame<FeedFrame>): void {
    const arrival = this.leave();
    if (arrival !== undefined) this.#isolate.world.agenda.at(arrival, () => this.arrive(frame));
  }

  /** A frame leaves the hub. When it arrives; undefined if it never does. */
  leave(): number | undefined {
    const { world, links } = this.#isolate;
    const way = links.fromHub;
    world.tally.frames += 1;
    if (way.cut) {
      this.break();
      return undefined;
    }
    const { loss, delay } = world.network.weather;
    if (loss > 0 && world.random() < loss) {
      world.tally.faults.loss += 1;
      return undefined;
    }
    const spike = delay > 0 && world.random() < delay ? world.random() * 1_000 : 0;
    this.#lastArrival = Math.max(this.#lastArrival, world.agenda.now + this.oneWayMs + way.delayMs + spike);
    return this.#lastArrival;
  }

  arrive(frame: Frame<FeedFrame>): void {
    if (!this.open || !this.#isolate.alive) return;
    if (this.#isolate.links.fromHub.cut) this.break();
    else this.#hear(frame);
  }

  /** The connection is dead: the isolate learns it once its link is whole. */
  break(): void {
    if (!this.open) return;
    const { world, links } = this.#isolate;
    if (links.fromHub.cut) world.agenda.after(MENDED_POLL_MS, () => this.break());
    else {
      this.open = false;
      this.#lost();
    }
  }
}

export class Watch {
  readonly #isolate: Isolate;
  readonly #region: Region;
  readonly #watching = new Watching();
  #connection: Connection | undefined;

  constructor(isolate: Isolate, region: Region) {
    this.#isolate = isolate;
    this.#region = region;
  }

  keep(): void {
    const closeAt = this.#watching.open(this.#isolate.now(), this.#isolate.world.random());
    if (closeAt !== undefined) this.#connect(closeAt);
  }

  /** True while it hears what its hub says. */
  get listens(): boolean {
    return this.#connection?.open === true && this.#connection.connected;
  }

  /** See `Isolate.look`. */
  look(): number {
    return this.#watching.place.number;
  }

  end(): void {
    if (this.#connection !== undefined) this.#connection.open = false;
  }

  #connect(closeAt: EpochMs): void {
    const isolate = this.#isolate;
    if (!isolate.alive) return;
    const { world, links } = isolate;
    world.tally.connections += 1;
    const ended = (how: WatchEnd): void => this.#ended(how, closeAt, connection);
    const end = once(() => ended("lost"));
    const oneWayMs = world.hubDistance(isolate.place, this.#region);
    const connection: Connection = new Connection(
      isolate,
      oneWayMs,
      (frame) => this.#hear(frame, ended),
      end,
    );
    this.#connection = connection;
    const unreached = (): void => {
      if (connection.connected) return;
      connection.open = false;
      world.tally.rows.hub += 1;
      end();
    };
    world.agenda.after(WATCH_CONNECT_MAX, unreached);
    world.network.carry(
      links.toHub,
      oneWayMs,
      once(() => {
        if (!connection.open) return;
        connection.connected = !links.fromHub.cut;
        if (!connection.connected) return;
        this.#watching.connected();
        world.hub(this.#region).connect(connection, this.#watching.place);
        world.agenda.after(Math.max(0, between(isolate.now(), closeAt)), () => {
          if (connection.open) ended("expired");
        });
      }),
      () => world.agenda.after(world.random() * WATCH_CONNECT_MAX, unreached),
    );
  }

  #ended(how: WatchEnd, closeAt: EpochMs, connection: Connection): void {
    connection.open = false;
    const isolate = this.#isolate;
    if (!isolate.alive || this.#connection !== connection) return;
    const now = isolate.now();
    const again = this.#watching.ended(how, closeAt, now, isolate.world.random());
    if (again !== undefined) isolate.world.agenda.after(between(now, again), () => this.#connect(closeAt));
  }

  #hear(frame: Frame<FeedFrame>, ended: (how: WatchEnd) => void): void {
    const isolate = this.#isolate;
    const decoded = frame instanceof Uint8Array ? decodeFeed(frame) : undefined;
    const value =
      frame instanceof Uint8Array ? (decoded?.ok === true ? decoded.value : undefined) : frame.value;
    if (value === undefined) return;
    for (const news of value.news) {
      isolate.world.witness.hearsNews(isolate, news);
      const hot = isolate.source.hear(news, isolate.now(), isolate.world.random());
      if (hot !== undefined) isolate.drive(hot);
    }
    if (follow(this.#watching.place, value) === "gap") ended("gap");
  }
}
