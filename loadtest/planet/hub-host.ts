/** A hub object in virtual time, as `coordinator/region-hub.ts` is in production. */
import { Feed, type Place } from "../../shared/hub/feed.ts";
import { Spread } from "../../shared/hub/spread.ts";
import { HUB_COALESCE } from "../../shared/limits.ts";
import { decodeNews, encodeFeed, type FeedFrame } from "../../shared/protocol/codec.ts";
import { oncePerSchema, schemaFor } from "../../shared/protocol/dialects.ts";
import type { Announcement } from "../../shared/protocol/messages.ts";
import type { Region } from "../../shared/region.ts";
import type { Sighting } from "../../shared/spread/sightings.ts";
import type { Clock } from "./clock.ts";
import type { Frame } from "./courier.ts";
import type { Connection } from "./watch.ts";
import type { World } from "./world.ts";

export class HubHost {
  readonly #world: World;
  readonly #region: Region;
  readonly clock: Clock;
  /** The newest schema it speaks. */
  speaks: number;
  #incarnations = 0;
  #feed: Feed;
  #spread: Spread;
  readonly #connections = new Set<Connection>();
  /** The same by place, where frames go as values. */
  readonly #places = new Map<number, readonly Connection[]>();

  constructor(world: World, region: Region, clock: Clock, speaks: number) {
    this.#world = world;
    this.#region = region;
    this.clock = clock;
    this.speaks = speaks;
    this.#feed = this.#newFeed();
    this.#spread = new Spread(region);
  }

  /** Takes sightings of thinly spread clients, as `RegionHub.sighted` does. */
  sighted(sightings: readonly Sighting[], isPassedOn = false): void {
    const { claims, forward } = this.#spread.take(sightings, this.clock.now(), isPassedOn);
    for (const { owner, ask } of claims) this.#world.claim(this.#region, owner, ask);
    for (const [region, others] of forward)
      this.#world.agenda.after(this.#world.betweenHubs(this.#region, region), () =>
        this.#world.hub(region).sighted(others, true),
      );
  }

  /** Takes announcements. Returns the newest schema that it reads. */
  announce(frame: Frame<readonly Announcement[]>): number {
    const decoded = frame instanceof Uint8Array ? decodeNews(frame) : undefined;
    if (decoded !== undefined && (!decoded.ok || decoded.schema > this.speaks)) return this.speaks;
    const news = frame instanceof Uint8Array ? (decoded?.ok === true ? decoded.value : []) : frame.value;
    const feed = this.#feed;
    if (feed.take(news, this.clock.now())) {
      this.#world.agenda.after(HUB_COALESCE, () => {
        if (feed !== this.#feed) return;
        if (this.#world.wire === "bytes") this.#deliver(this.#connections, feed.flush());
        else for (const frame of feed.flush()) this.#deliverToAll({ value: frame });
      });
    }
    return this.speaks;
  }

  connect(connection: Connection, place: Place): void {
    this.#connections.add(connection);
    if (this.#world.wire === "values") this.#join(connection);
    this.#deliver([connection], this.#feed.catchUp(place.feed, place.number, this.clock.now()));
  }

  /** A new list each time: who connects while a frame is under way gets it with what it missed. */
  #join(connection: Connection): void {
    const others = this.#places.get(connection.place) ?? [];
    for (const other of others) if (!other.open) this.#connections.delete(other);
    this.#places.set(connection.place, [...others.filter(({ open }) => open), connection]);
  }

  #deliver(connections: Iterable<Connection>, frames: readonly FeedFrame[]): void {
    for (const frame of frames) {
      const bytes = oncePerSchema((schema) => encodeFeed(frame, schema));
      for (const connection of connections) {
        if (!connection.open) this.#connections.delete(connection);
        else if (this.#world.wire === "values") connection.send({ value: frame });
        else connection.send(bytes(Math.min(this.speaks, schemaFor(connection.speaks))));
      }
    }
  }

  /** Isolates of a place hear together, as one event: a planet has many frames, and many isolates that hear each. */
  #deliverToAll(frame: Frame<FeedFrame>): void {
    for (const together of this.#places.values()) {
      let at: number | undefined;
      for (const connection of together) if (connection.open) at = connection.leave() ?? at;
      if (at === undefined) continue;
      this.#world.agenda.at(at, () => {
        for (const connection of together) connection.arrive(frame);
      });
    }
  }

  /** It forgets its feed; its sockets stay. */
  sleep(): void {
    this.#feed = this.#newFeed();
    this.#spread = new Spread(this.#region);
  }

  /** It forgets its feed, and its sockets break. */
  die(): void {
    this.sleep();
    for (const connection of this.#connections) connection.break();
    this.#connections.clear();
    this.#places.clear();
  }

  get watchers(): number {
    return this.#connections.size;
  }

  #newFeed(): Feed {
    this.#incarnations += 1;
    return new Feed(`feed-${this.#incarnations}`);
  }
}
