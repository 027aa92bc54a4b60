/**
 * KeyOwner: the Durable Object that counts for everyone. It holds the accounts of its keys (one, unless a
 * rule shares owners), answers frames of Asks, and announces. All decisions are `shared/owner/account.ts`'s.
 *
 * Storage is written before an answer leaves: the platform holds a reply back until the writes before it
 * are confirmed, so a grant that was heard is a grant that was stored.
 */
import { DurableObject } from "cloudflare:workers";
import { ACCOUNTS_MAX, ROW_KEEP_MAX, SWEEP_PAUSE } from "../shared/limits.ts";
import { type Account, ask, expiresAt, openAccount } from "../shared/owner/account.ts";
import { inspect, type OwnerState } from "../shared/owner/inspect.ts";
import { decodeAsks, encodeReply } from "../shared/protocol/codec.ts";
import type { Announcement, Answer, Ask } from "../shared/protocol/messages.ts";
import { SCHEMA, SCHEMA_MIN } from "../shared/protocol/schema.ts";
import { after, type EpochMs, epochMs } from "../shared/time.ts";
import type { Env } from "../worker/env.ts";
import { Announcer } from "./announcer.ts";
import { decodeRow, encodeRow, keepUnreadableUntil } from "./storage.ts";

const ROW_PREFIX = "account:";

export class KeyOwner extends DurableObject<Env> {
  /** By rule version and key; loaded from its row at the first Ask. */
  readonly #accounts = new Map<string, Account>();
  readonly #announcer = new Announcer(this.env);
  #alarmStands = false;
  #unreadableReported = false;

  /**
   * Takes a frame of Asks and returns a frame of answers, one each, in order, in the schema of the Asks. What
   * cannot be read is answered in the schema that everyone reads, with the newest one that this object speaks.
   */
  async ask(frame: Uint8Array): Promise<Uint8Array> {
    const asks = decodeAsks(frame);
    if (!asks.ok) return encodeReply({ error: asks.error, speaks: SCHEMA }, SCHEMA_MIN);
    const now = epochMs(Date.now());
    const answers: Answer[] = [];
    const news: Announcement[] = [];
    let alarmAt = 0;
    for (const message of asks.value) {
      const name = `${message.rule.version}.${message.key}`;
      const account = this.#account(name, message, now);
      const step = ask(account, message, now);
      if (step.kind === "stale") return this.#abort();
      if (step.store) {
        this.ctx.storage.kv.put(ROW_PREFIX + name, encodeRow(account));
        alarmAt = Math.max(alarmAt, expiresAt(account));
      }
      answers.push(step.answer);
      if (step.announcement !== undefined) news.push(step.announcement);
    }
    this.#shrink();
    if (alarmAt > 0) await this.#wakeBy(alarmAt, now);
    if (news.length > 0) this.ctx.waitUntil(this.#announcer.announce(news));
    return encodeReply({ answers }, asks.schema);
  }

  /** What people are shown of the accounts in memory and storage. */
  inspect(): readonly OwnerState[] {
    const now = epochMs(Date.now());
    for (const [stored] of this.ctx.storage.kv.list({ prefix: ROW_PREFIX })) {
      this.#load(stored.slice(ROW_PREFIX.length));
    }
    return Array.from(this.#accounts.values(), (account) => inspect(account, now));
  }

  /** One sweep over all rows: deletes what is no longer worth keeping. An idle object ends with empty storage. */
  override async alarm(): Promise<void> {
    this.#alarmStands = false;
    const now = epochMs(Date.now());
    let next = Number.POSITIVE_INFINITY;
    for (const [stored, row] of this.ctx.storage.kv.list({ prefix: ROW_PREFIX })) {
      const name = stored.slice(ROW_PREFIX.length);
      const account = this.#accounts.get(name) ?? this.#read(name, row);
      const until = account === undefined ? keepUnreadableUntil(row, now) : expiresAt(account);
      if (until <= now) {
        this.#accounts.delete(name);
        this.ctx.storage.kv.delete(stored);
      } else {
        next = Math.min(next, until);
      }
    }
    if (next === Number.POSITIVE_INFINITY) {
      this.#accounts.clear();
      await this.ctx.storage.deleteAll();
    } else {
      await this.#wakeBy(Math.max(next, now + SWEEP_PAUSE), now);
    }
  }

  #account(name: string, message: Ask, now: EpochMs): Account {
    const known = this.#accounts.get(name) ?? this.#load(name);
    if (known !== undefined) return known;
    const account = openAccount(message, now);
    this.#accounts.set(name, account);
    return account;
  }

  #load(name: string): Account | undefined {
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const row = this.ctx.storage.kv.get(ROW_PREFIX + name);
    if (row === undefined) return undefined;
    const account = this.#read(name, row);
    if (account !== undefined) this.#accounts.set(name, account);
    return account;
  }

  /**
   * Reads a row. One that is of newer code, or damaged, leads to a fresh account, which its sources fill again
   * with what they report; it is replaced when that account is written. One line in the log for all of them.
   */
  #read(name: string, row: unknown): Account | undefined {
    const account = decodeRow(row);
    if (account === undefined && !this.#unreadableReported) {
      this.#unreadableReported = true;
      console.error(JSON.stringify({ event: "unreadable-row", rule: name.slice(0, name.indexOf(".")) }));
    }
    return account;
  }

  /** Past ACCOUNTS_MAX the accounts that came first leave memory; their rows stay, and bring them back one epoch higher. */
  #shrink(): void {
    for (const name of this.#accounts.keys()) {
      if (this.#accounts.size <= ACCOUNTS_MAX) return;
      this.#accounts.delete(name);
    }
  }

  /** Sets the alarm unless one stands: earlier than needed does no harm, it looks and sets itself anew. */
  async #wakeBy(time: number, now: EpochMs): Promise<void> {
    if (this.#alarmStands) return;
    this.#alarmStands = true;
    if ((await this.ctx.storage.getAlarm()) !== null) return;
    await this.ctx.storage.setAlarm(Math.min(time, after(now, ROW_KEEP_MAX)));
  }

  /** A newer object owns this key: this one must not answer, nor keep what it believes. */
  #abort(): never {
    this.ctx.abort("a newer object owns this key");
    throw new Error("a newer object owns this key");
  }
}
