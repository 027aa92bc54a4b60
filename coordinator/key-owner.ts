/**
 * KeyOwner: the Durable Object that counts for everyone. It holds the accounts of its keys (one, unless a
 * rule shares owners), answers frames of Asks, and announces. All decisions are `shared/owner/account.ts`'s.
 *
 * Storage is written before an answer leaves: the platform holds a reply back until the writes before it
 * are confirmed, so a grant that was heard is a grant that was stored.
 */
import { DurableObject } from "cloudflare:workers";
import {
  type Account,
  ask,
  expiresAt,
  inspect,
  type OwnerState,
  openAccount,
} from "../shared/owner/account.ts";
import { decodeAsks, encodeNews, encodeReply, SCHEMA } from "../shared/protocol/codec.ts";
import type { Announcement, Answer, Ask } from "../shared/protocol/messages.ts";
import { REGIONS } from "../shared/region.ts";
import { type EpochMs, epochMs } from "../shared/time.ts";
import type { Env } from "../worker/env.ts";
import { decodeRow, encodeRow } from "./storage.ts";

const ROW_PREFIX = "account:";

export class KeyOwner extends DurableObject<Env> {
  /** By rule version and key; loaded from its row at the first Ask. */
  readonly #accounts = new Map<string, Account>();
  #alarmStands = false;

  /** Takes a frame of Asks and returns a frame of answers, one each, in order. */
  async ask(frame: Uint8Array): Promise<Uint8Array> {
    const asks = decodeAsks(frame);
    if (!asks.ok) return encodeReply({ error: asks.error, speaks: SCHEMA });
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
    if (alarmAt > 0) await this.#wakeBy(alarmAt);
    if (news.length > 0) this.ctx.waitUntil(this.#announce(news));
    return encodeReply({ answers });
  }

  /** What people are shown of the accounts in memory and storage. */
  inspect(): readonly OwnerState[] {
    const now = epochMs(Date.now());
    for (const [stored] of this.ctx.storage.kv.list({ prefix: ROW_PREFIX })) {
      this.#load(stored.slice(ROW_PREFIX.length));
    }
    return Array.from(this.#accounts.values(), (account) => inspect(account, now));
  }

  /** Deletes what is no longer worth keeping. An idle object ends with empty storage. */
  override async alarm(): Promise<void> {
    this.#alarmStands = false;
    const now = Date.now();
    let next = Number.POSITIVE_INFINITY;
    for (const [stored] of this.ctx.storage.kv.list({ prefix: ROW_PREFIX })) {
      const name = stored.slice(ROW_PREFIX.length);
      const account = this.#load(name);
      const until = account === undefined ? 0 : expiresAt(account);
      if (until <= now) {
        this.#accounts.delete(name);
        this.ctx.storage.kv.delete(stored);
      } else {
        next = Math.min(next, until);
      }
    }
    if (next === Number.POSITIVE_INFINITY) await this.ctx.storage.deleteAll();
    else await this.#wakeBy(next);
  }

  /** Tells every region's hub, in parallel. A hub that is not reached costs accuracy, never the bound. */
  async #announce(news: readonly Announcement[]): Promise<void> {
    const frame = encodeNews(news);
    await Promise.allSettled(
      REGIONS.map((region) =>
        this.env.REGION_HUB.getByName(region, { locationHint: region }).announce(frame),
      ),
    );
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
    const row = this.ctx.storage.kv.get<Uint8Array>(ROW_PREFIX + name);
    if (row === undefined) return undefined;
    const account = decodeRow(row);
    if (account === undefined) {
      console.error(JSON.stringify({ event: "unreadable-row", rule: name.slice(0, 16) }));
      return undefined;
    }
    this.#accounts.set(name, account);
    return account;
  }

  /** Sets the alarm unless one stands: earlier than needed does no harm, it looks and sets itself anew. */
  async #wakeBy(time: number): Promise<void> {
    if (this.#alarmStands) return;
    this.#alarmStands = true;
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(time);
  }

  /** A newer object owns this key: this one must not answer, nor keep what it believes. */
  #abort(): never {
    this.ctx.abort("a newer object owns this key");
    throw new Error("a newer object owns this key");
  }
}
