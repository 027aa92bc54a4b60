/**
 * An owner object in virtual time, as `coordinator/key-owner.ts` and the platform around it are in production:
 * at most one incarnation counts, what it writes takes a moment to be durable, and nothing leaves it before.
 */
import { Accounts, type Effects } from "../../shared/owner/accounts.ts";
import { decodeRow } from "../../shared/owner/row.ts";
import { decodeAsks, encodeNews, encodeReply, type Reply } from "../../shared/protocol/codec.ts";
import { decodeCommand, encodeCommandReply } from "../../shared/protocol/commands.ts";
import { Dialects, oncePerSchema } from "../../shared/protocol/dialects.ts";
import type { Announcement, Answer, Ask } from "../../shared/protocol/messages.ts";
import { SCHEMA_MIN } from "../../shared/protocol/schema.ts";
import { REGIONS, type Region } from "../../shared/region.ts";
import { between, type EpochMs } from "../../shared/time.ts";
import type { Clock } from "./clock.ts";
import type { Frame } from "./courier.ts";
import { openWay, type Way } from "./network.ts";
import { snapshotOf } from "./witness.ts";
import type { World } from "./world.ts";

/** A write is durable after at most this, ms. */
const WRITE_MS = 4;

/** The answers of an owner that dies take up to so long to leave, ms. */
const LAST_WORDS_MS = 400;

/** How a call ends for its caller. */
export type CallResult = Frame<Reply> | "failed" | "overloaded";

/** At which step an owner dies. */
export type Death = "before" | "taken" | "written" | "answered";

/** One life of the object's memory. */
export class Incarnation {
  readonly accounts = new Accounts();
  alive = true;
  /** When everything it wrote so far is durable. */
  writtenAt = 0;
}

export class OwnerHost {
  readonly world: World;
  readonly name: string;
  /** Index of the place where it stands. */
  readonly place: number;
  readonly clock: Clock;
  /** The newest schema it speaks. */
  speaks: number;
  /** Its way to the hubs. */
  readonly toHubs: Way = openWay();
  /** What is durable, by account name. */
  readonly rows = new Map<string, Uint8Array>();
  current: Incarnation | undefined;
  /** An older incarnation that some callers still reach. */
  stale: Incarnation | undefined;
  readonly #dialects = new Dialects();
  #alarmAt: EpochMs | undefined;

  constructor(world: World, name: string, place: number, clock: Clock, speaks: number) {
    this.world = world;
    this.name = name;
    this.place = place;
    this.clock = clock;
    this.speaks = speaks;
  }

  /** A call with Asks arrives. `reply` happens at most once, and never before what it says is durable. */
  ask(frame: Frame<readonly Ask[]>, reply: (result: CallResult) => void): void {
    const { world } = this;
    const death = world.deathOf(this);
    if (death === "before") {
      this.#fail(this.current, reply);
      return;
    }
    const asks = this.#read(frame, reply);
    if (asks === undefined) return;
    const incarnation = this.#reached();
    for (const name of incarnation.accounts.missing(asks.value)) this.#load(incarnation, name);
    world.witness.asking(this, incarnation, asks.value);
    const taken = incarnation.accounts.take(asks.value, this.clock.now());
    if (taken.kind === "stale") {
      world.tally.rows.stale += 1;
      this.#fail(incarnation, reply);
      return;
    }
    world.tally.asks += asks.value.length;
    world.witness.taken(this, incarnation, asks.value, taken.answers);
    if (death === "taken") {
      this.#fail(incarnation, reply);
      return;
    }
    this.#carryOut(incarnation, taken, death, reply, () => {
      taken.answers.forEach((answer, index) => {
        const ask = asks.value[index];
        if (ask !== undefined) world.witness.answers(this, ask, answer);
      });
      return world.wire === "bytes"
        ? encodeReply({ answers: taken.answers }, asks.schema)
        : { value: { answers: taken.answers as Answer[] } };
    });
  }

  /** A command arrives. `reply` as with `ask`. */
  command(frame: Uint8Array, reply: (result: Uint8Array | "failed") => void): void {
    const { world } = this;
    const death = world.deathOf(this);
    const command = decodeCommand(frame);
    // An object of the first release has no such call.
    if (death === "before" || !command.ok || command.schema > this.speaks) {
      this.#fail(death === "before" ? this.current : undefined, reply);
      return;
    }
    const incarnation = this.#reached();
    for (const name of incarnation.accounts.missing([command.value])) this.#load(incarnation, name);
    world.witness.commanding(this, incarnation, command.value);
    const commanded = incarnation.accounts.command(command.value, this.clock.now());
    world.witness.commanded(this, incarnation, command.value, commanded.reply);
    if (death === "taken") {
      this.#fail(incarnation, reply);
      return;
    }
    this.#carryOut(incarnation, commanded, death, reply, () => {
      world.witness.acknowledges(this, command.value, commanded.reply);
      return encodeCommandReply(commanded.reply, command.schema);
    });
  }

  /** Writes; what `say` returns leaves when that is durable, and then the news. */
  #carryOut<T>(
    incarnation: Incarnation,
    effects: Effects,
    death: Death | undefined,
    reply: (result: T | "failed") => void,
    say: () => T,
  ): void {
    const { world } = this;
    const commit = this.#write(incarnation, effects.rows);
    if (effects.alarmAt !== undefined) this.#wakeBy(effects.alarmAt);
    const leave = (): void => {
      if (!incarnation.alive || !commit() || death === "written") {
        this.#fail(incarnation, reply);
        return;
      }
      const said = say();
      if (death === "answered") {
        // Its last words are on the way for a while, and meet those of its successor.
        world.agenda.after(world.random() * LAST_WORDS_MS, () => reply(said));
        this.end(incarnation);
      } else reply(said);
      if (effects.news.length > 0) this.#announce(effects.news);
    };
    if (incarnation.writtenAt <= world.agenda.now) leave();
    else world.agenda.at(incarnation.writtenAt, leave);
  }

  #read(
    frame: Frame<readonly Ask[]>,
    reply: (result: CallResult) => void,
  ): { readonly value: readonly Ask[]; readonly schema: number } | undefined {
    if (!(frame instanceof Uint8Array)) return { value: frame.value, schema: this.speaks };
    const decoded = decodeAsks(frame);
    if (decoded.ok && decoded.schema <= this.speaks) return decoded;
    const error = decoded.ok ? "unknown-schema" : decoded.error;
    reply(encodeReply({ error, speaks: this.speaks }, SCHEMA_MIN));
    return undefined;
  }

  /** Callers reach the incarnation that counts, and while a stale one is about, that one now and then. */
  #reached(): Incarnation {
    if (this.stale?.alive === true && this.world.reachesStale()) return this.stale;
    this.current ??= new Incarnation();
    return this.current;
  }

  #load(incarnation: Incarnation, name: string): void {
    const row = this.rows.get(name);
    if (row === undefined || !incarnation.accounts.load(name, row)) return;
    this.world.tally.rows.owner += 1;
    for (const account of incarnation.accounts.values())
      if (`${account.policy.version}.${account.key}` === name) this.world.witness.loaded(this, account);
  }

  /** Begins to write. The function it returns tells, once the time is over, whether the rows are durable. */
  #write(incarnation: Incarnation, rows: ReadonlyMap<string, Uint8Array>): () => boolean {
    if (rows.size === 0) return () => true;
    const { world } = this;
    world.tally.rowsWritten += rows.size;
    incarnation.writtenAt = Math.max(incarnation.writtenAt, world.agenda.now + world.random() * WRITE_MS);
    return () => {
      // Storage belongs to the newest incarnation alone: a stale one finds out when it writes.
      if (this.current !== incarnation) {
        world.tally.rows.stale += 1;
        return false;
      }
      for (const [name, row] of rows) {
        this.rows.set(name, row);
        const account = world.checked ? decodeRow(row) : undefined;
        if (account !== undefined) world.witness.stored(this, name, snapshotOf(account, account.epoch - 1));
      }
      return true;
    };
  }

  #fail(incarnation: Incarnation | undefined, reply: (result: "failed") => void): void {
    if (incarnation !== undefined) this.end(incarnation);
    reply("failed");
  }

  /** An incarnation is gone, with all that it had not written. */
  end(incarnation: Incarnation): void {
    incarnation.alive = false;
    if (this.current === incarnation) this.current = undefined;
    if (this.stale === incarnation) this.stale = undefined;
  }

  /** Nobody calls: memory goes, nothing fails. False while something is being written. */
  sleep(): boolean {
    if (this.current === undefined || this.current.writtenAt > this.world.agenda.now) return false;
    this.current = undefined;
    return true;
  }

  /** A second object begins to count; some callers still reach the first. */
  duplicate(): boolean {
    if (this.current === undefined || this.stale !== undefined) return false;
    this.stale = this.current;
    this.current = undefined;
    return true;
  }

  /** Tells all hubs in parallel, as `coordinator/announcer.ts` does. */
  #announce(news: readonly Announcement[]): void {
    const { world } = this;
    const frame = oncePerSchema((schema) => encodeNews(news, schema));
    for (const region of REGIONS) {
      const schema = Math.min(this.speaks, this.#dialects.of(region, this.clock.now()));
      this.#tell(region, world.wire === "bytes" ? frame(schema) : { value: news }, (speaks) => {
        if (this.#dialects.learn(region, speaks, schema, this.clock.now()))
          this.#tell(region, frame(speaks), () => {});
      });
    }
  }

  #tell(region: Region, frame: Frame<readonly Announcement[]>, heard: (speaks: number) => void): void {
    const { world } = this;
    world.tally.announcements += 1;
    const oneWayMs = world.hubDistance(this.place, region);
    world.network.carry(this.toHubs, oneWayMs, () => {
      const speaks = world.hub(region).announce(frame);
      if (world.wire === "bytes") world.network.carry(this.toHubs, oneWayMs, () => heard(speaks));
    });
  }

  #wakeBy(time: EpochMs): void {
    if (this.#alarmAt !== undefined) return;
    this.#alarmAt = time;
    this.world.agenda.after(between(this.clock.now(), time), () => this.#alarm());
  }

  #alarm(): void {
    this.#alarmAt = undefined;
    this.current ??= new Incarnation();
    const { expired, nextAt } = this.current.accounts.sweep(this.rows, this.clock.now());
    for (const name of expired) {
      this.rows.delete(name);
      this.world.witness.note(() => `${this.name} forgets ${name}`);
    }
    if (nextAt !== undefined) this.#wakeBy(nextAt);
  }
}
