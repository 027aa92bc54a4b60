/**
 * KeyOwner: the Durable Object that counts for everyone. It holds the accounts of its keys (one, unless a
 * rule shares owners), answers frames of Asks, and announces. All decisions are `shared/owner/accounts.ts`'s.
 *
 * Storage is written before an answer leaves: the platform holds a reply back until the writes before it
 * are confirmed, so a grant that was heard is a grant that was stored.
 */
import { DurableObject } from "cloudflare:workers";
import { AUDIT_KEEP } from "../shared/limits.ts";
import { Accounts, type Effects } from "../shared/owner/accounts.ts";
import type { OwnerState } from "../shared/owner/inspect.ts";
import { decodeAsks, encodeReply } from "../shared/protocol/codec.ts";
import { decodeCommand, encodeCommandReply } from "../shared/protocol/commands.ts";
import { SCHEMA, SCHEMA_MIN } from "../shared/protocol/schema.ts";
import type { AccuracyFigures } from "../shared/telemetry/live.ts";
import { after, type EpochMs, epochMs, NEVER } from "../shared/time.ts";
import type { Env } from "../worker/env.ts";
import { Announcer } from "./announcer.ts";
import { Audit } from "./audit.ts";
import { Journal } from "./journal.ts";

const ROW_PREFIX = "account:";

export class KeyOwner extends DurableObject<Env> {
  /** In memory; loaded from their rows at the first Ask. */
  readonly #accounts = new Accounts();
  readonly #announcer = new Announcer(this.env);
  readonly #journal = new Journal(this.env);
  /** Used by objects that no key has: see `auditorName`. */
  readonly #audit = new Audit(this.ctx.storage);
  #alarmStands = false;
  #unreadableReported = false;

  /**
   * Takes a frame of Asks and returns a frame of answers, one each, in order, in the schema of the Asks. What
   * cannot be read is answered in the schema that everyone reads, with the newest one that this object speaks.
   */
  async ask(frame: Uint8Array): Promise<Uint8Array> {
    const asks = decodeAsks(frame);
    if (!asks.ok) return encodeReply({ error: asks.error, speaks: SCHEMA }, SCHEMA_MIN);
    for (const name of this.#accounts.missing(asks.value)) this.#load(name);
    const taken = this.#accounts.take(asks.value, epochMs(Date.now()));
    if (taken.kind === "stale") return this.#abort();
    await this.#carryOut(taken);
    return encodeReply({ answers: taken.answers }, asks.schema);
  }

  /**
   * Takes a command that somebody gives by hand and returns what came of it: the account as it is now, or why
   * nothing was done. What cannot be read is answered as by `ask`. The hubs are told, but not waited for.
   */
  async command(frame: Uint8Array): Promise<Uint8Array> {
    const command = decodeCommand(frame);
    if (!command.ok) return encodeCommandReply({ error: command.error, speaks: SCHEMA }, SCHEMA_MIN);
    for (const name of this.#accounts.missing([command.value])) this.#load(name);
    const commanded = this.#accounts.command(command.value, epochMs(Date.now()));
    await this.#carryOut(commanded);
    return encodeCommandReply(commanded.reply, command.schema);
  }

  /**
   * Takes what an isolate saw of the sampled keys of the rule that this object audits. It is stored when this returns
   * true, and counts once however often it is said. False for what cannot be read: say it no more.
   */
  async observe(report: Uint8Array): Promise<boolean> {
    const now = epochMs(Date.now());
    const taken = this.#audit.observe(report, now);
    if (taken) await this.#wakeBy(after(now, AUDIT_KEEP));
    return taken;
  }

  /** The figures of the rule that this object audits; null before there are any. */
  accuracy(): AccuracyFigures | null {
    return this.#audit.figures(epochMs(Date.now())) ?? null;
  }

  /** Stores and announces. What is returned after it leaves only when the rows are durable. */
  async #carryOut({ rows, alarmAt, news, changes }: Effects): Promise<void> {
    for (const [name, row] of rows) this.ctx.storage.kv.put(ROW_PREFIX + name, row);
    if (alarmAt !== undefined) await this.#wakeBy(alarmAt);
    if (news.length > 0) this.ctx.waitUntil(this.#announcer.announce(news));
    for (const change of changes) this.#journal.write(change, epochMs(Date.now()));
  }

  /** What people are shown of the accounts in memory and storage. */
  inspect(): readonly OwnerState[] {
    const now = epochMs(Date.now());
    for (const [stored] of this.ctx.storage.kv.list({ prefix: ROW_PREFIX }))
      this.#load(stored.slice(ROW_PREFIX.length));
    return this.#accounts.inspect(now);
  }

  /** One look over all rows: deletes what is no longer worth keeping. An idle object ends with empty storage. */
  override async alarm(): Promise<void> {
    this.#alarmStands = false;
    const auditUntil = this.#audit.keptUntil();
    if (auditUntil > epochMs(Date.now())) return this.#wakeBy(auditUntil);
    if (auditUntil !== NEVER) this.#audit.forget();
    const { expired, unreadable, nextAt } = this.#accounts.sweep(this.#rows(), epochMs(Date.now()));
    if (unreadable !== undefined) this.#reportUnreadable(unreadable);
    for (const name of expired) this.ctx.storage.kv.delete(ROW_PREFIX + name);
    if (nextAt === undefined) await this.ctx.storage.deleteAll();
    else await this.#wakeBy(nextAt);
  }

  *#rows(): Iterable<readonly [name: string, row: unknown]> {
    for (const [stored, row] of this.ctx.storage.kv.list({ prefix: ROW_PREFIX }))
      yield [stored.slice(ROW_PREFIX.length), row];
  }

  #load(name: string): void {
    const row = this.ctx.storage.kv.get(ROW_PREFIX + name);
    if (row !== undefined && !this.#accounts.load(name, row)) this.#reportUnreadable(name);
  }

  /** One line in the log for all rows of this object. */
  #reportUnreadable(name: string): void {
    if (this.#unreadableReported) return;
    this.#unreadableReported = true;
    console.error(JSON.stringify({ event: "unreadable-row", rule: name.slice(0, name.indexOf(".")) }));
  }

  /** Sets the alarm unless one stands: earlier than needed does no harm, it looks and sets itself anew. */
  async #wakeBy(time: EpochMs): Promise<void> {
    if (this.#alarmStands) return;
    this.#alarmStands = true;
    if ((await this.ctx.storage.getAlarm()) !== null) return;
    await this.ctx.storage.setAlarm(time);
  }

  /** A newer object owns this key: this one must not answer, nor keep what it believes. */
  #abort(): never {
    this.ctx.abort("a newer object owns this key");
    throw new Error("a newer object owns this key");
  }
}
