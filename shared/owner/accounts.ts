/**
 * The accounts of one owner object: one, unless a rule's keys share their owners. It says what of an Ask's
 * effects comes first; the shell carries that out.
 *
 *    missing? ──▶ the shell loads rows ──▶ take, command ──▶ write the rows ──▶ answer ──▶ announce
 *                                            └──▶ stale: end the object; nothing of this may leave
 */
import { ACCOUNTS_MAX, ROW_KEEP_MAX, SWEEP_PAUSE } from "../limits.ts";
import type { Command, CommandReply } from "../protocol/commands.ts";
import type { Announcement, Answer, Ask } from "../protocol/messages.ts";
import { after, type EpochMs, epochMs } from "../time.ts";
import { type Account, ask, expiresAt, openAccount } from "./account.ts";
import { carryOut, inspectNone, opens } from "./admin.ts";
import { type Change, changesSince, standing } from "./changes.ts";
import { inspect, type OwnerState } from "./inspect.ts";
import { Load } from "./load.ts";
import { decodeRow, encodeRow, keepUnreadableUntil } from "./row.ts";

/** What the shell has to do. The rows must be durable before an answer or the news leave. */
export interface Effects {
  /** By account name. Empty when nothing was granted and nothing changed. */
  readonly rows: ReadonlyMap<string, Uint8Array>;
  /** When the shell must have looked through its rows, if it has no alarm set: earlier does no harm. */
  readonly alarmAt: EpochMs | undefined;
  readonly news: readonly Announcement[];
  /** What of the news is worth a line in the log. */
  readonly changes: readonly Change[];
}

/** What a frame of Asks leads to. */
export type Taken =
  | { readonly kind: "stale" }
  | (Effects & {
      readonly kind: "taken";
      /** One for each Ask, in order. */
      readonly answers: readonly Answer[];
    });

/** What a command leads to. */
export type Commanded = Effects & { readonly reply: CommandReply };

/** What a look through all rows leads to. */
export interface Sweep {
  /** Names of rows that are no longer worth keeping. */
  readonly expired: readonly string[];
  /** One that could not be read, if any: worth a line in the log. */
  readonly unreadable: string | undefined;
  /** When to look again; undefined when no row is left. */
  readonly nextAt: EpochMs | undefined;
}

/** Under which name an Ask's or a command's account is kept, in memory and storage. */
export const accountName = (message: Pick<Ask, "rule" | "key">): string =>
  `${message.rule.version}.${message.key}`;

export class Accounts {
  readonly #accounts = new Map<string, Account>();
  readonly #load = new Load();

  /** The names of accounts that messages are for and that are not in memory: their rows have to be loaded first. */
  missing(messages: readonly Pick<Ask, "rule" | "key">[]): readonly string[] {
    return messages.map(accountName).filter((name) => !this.#accounts.has(name));
  }

  /**
   * Brings an account into memory, one epoch above its row. False when the row cannot be read, because newer code
   * wrote it or it is damaged: then a fresh account takes its place, and its sources fill it again.
   */
  load(name: string, row: unknown): boolean {
    if (this.#accounts.has(name)) return true;
    const account = decodeRow(row);
    if (account !== undefined) this.#accounts.set(name, account);
    return account !== undefined;
  }

  /** Answers a frame of Asks. */
  take(asks: readonly Ask[], now: EpochMs): Taken {
    const rows = new Map<string, Uint8Array>();
    const answers: Answer[] = [];
    const news: Announcement[] = [];
    const changes: Change[] = [];
    let alarmAt: EpochMs | undefined;
    this.#load.note(asks.length, now);
    const busy = this.isBusy(now);
    for (const message of asks) {
      const name = accountName(message);
      const account = this.#accounts.get(name) ?? openAccount(message, now);
      this.#accounts.set(name, account);
      const before = standing(account, now);
      const step = ask(account, message, now, busy);
      if (step.kind === "stale") return { kind: "stale" };
      if (step.store) {
        rows.set(name, encodeRow(account));
        alarmAt = epochMs(Math.max(alarmAt ?? 0, expiresAt(account)));
      }
      answers.push(step.answer);
      if (step.announcement === undefined) continue;
      news.push(step.announcement);
      changes.push(...changesSince(before, account, message.pop, now));
    }
    this.#shrink();
    if (alarmAt !== undefined) alarmAt = notTooFar(alarmAt, now);
    return { kind: "taken", rows, alarmAt, answers, news, changes };
  }

  /** Carries out a command. One that leaves nothing to be kept opens no account. */
  command(command: Command, now: EpochMs): Commanded {
    const name = accountName(command);
    const account = this.#accounts.get(name) ?? (opens(command) ? openAccount(command, now) : undefined);
    const rows = new Map<string, Uint8Array>();
    const nothing = { rows, alarmAt: undefined, news: [], changes: [] };
    if (account === undefined) return { ...nothing, reply: { result: inspectNone(command, now) } };
    const before = standing(account, now);
    const step = carryOut(account, command, now, this.isBusy(now));
    if (step.kind === "refused") return { ...nothing, reply: { error: step.error } };
    const { result, store, announcement } = step;
    if (!store) return { ...nothing, reply: { result } };
    this.#accounts.set(name, account);
    rows.set(name, encodeRow(account));
    this.#shrink();
    return {
      rows,
      alarmAt: notTooFar(expiresAt(account), now),
      reply: { result },
      news: announcement === undefined ? [] : [announcement],
      changes: changesSince(before, account, undefined, now),
    };
  }

  /** Past ACCOUNTS_MAX the accounts that came first leave memory; their rows stay, and bring them back one epoch higher. */
  #shrink(): void {
    for (const name of this.#accounts.keys()) {
      if (this.#accounts.size <= ACCOUNTS_MAX) return;
      this.#accounts.delete(name);
    }
  }

  /** Looks through all rows for what has expired, and forgets the accounts of those. */
  sweep(rows: Iterable<readonly [name: string, row: unknown]>, now: EpochMs): Sweep {
    const expired: string[] = [];
    let unreadable: string | undefined;
    let nextAt = Number.POSITIVE_INFINITY;
    for (const [name, row] of rows) {
      const account = this.#accounts.get(name) ?? decodeRow(row);
      if (account === undefined) unreadable = name;
      const until = account === undefined ? keepUnreadableUntil(row, now) : expiresAt(account);
      if (until > now) nextAt = Math.min(nextAt, until);
      else {
        expired.push(name);
        this.#accounts.delete(name);
      }
    }
    if (nextAt === Number.POSITIVE_INFINITY) {
      this.#accounts.clear();
      return { expired, unreadable, nextAt: undefined };
    }
    return {
      expired,
      unreadable,
      nextAt: notTooFar(epochMs(Math.max(nextAt, after(now, SWEEP_PAUSE))), now),
    };
  }

  /** Whether so much comes that sources should ask less often. */
  isBusy(now: EpochMs): boolean {
    return this.#load.isHigh(now);
  }

  /** What people are shown of those in memory. */
  inspect(now: EpochMs): readonly OwnerState[] {
    const busy = this.isBusy(now);
    return Array.from(this.#accounts.values(), (account) => inspect(account, now, busy));
  }

  /** Those in memory. */
  values(): IterableIterator<Account> {
    return this.#accounts.values();
  }

  get size(): number {
    return this.#accounts.size;
  }
}

const notTooFar = (time: EpochMs, now: EpochMs): EpochMs => epochMs(Math.min(time, after(now, ROW_KEEP_MAX)));
