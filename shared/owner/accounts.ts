/**
 * The accounts of one owner object: one, unless a rule's keys share their owners. It says what of an Ask's
 * effects comes first; the shell carries that out.
 *
 *    missing? ──▶ the shell loads rows ──▶ take ──▶ write the rows ──▶ answer ──▶ announce
 *                                            └──▶ stale: end the object; nothing of this may leave
 */
import { ACCOUNTS_MAX, ROW_KEEP_MAX, SWEEP_PAUSE } from "../limits.ts";
import type { Announcement, Answer, Ask } from "../protocol/messages.ts";
import { after, type EpochMs, epochMs } from "../time.ts";
import { type Account, ask, expiresAt, openAccount } from "./account.ts";
import { decodeRow, encodeRow, keepUnreadableUntil } from "./row.ts";

/** What a frame of Asks leads to. The rows must be durable before the answers or the news leave. */
export type Taken =
  | { readonly kind: "stale" }
  | {
      readonly kind: "taken";
      /** By account name. Empty when nothing was granted and nothing changed. */
      readonly rows: ReadonlyMap<string, Uint8Array>;
      /** When the shell must have looked through its rows, if it has no alarm set: earlier does no harm. */
      readonly alarmAt: EpochMs | undefined;
      /** One for each Ask, in order. */
      readonly answers: readonly Answer[];
      readonly news: readonly Announcement[];
    };

/** What a look through all rows leads to. */
export interface Sweep {
  /** Names of rows that are no longer worth keeping. */
  readonly expired: readonly string[];
  /** One that could not be read, if any: worth a line in the log. */
  readonly unreadable: string | undefined;
  /** When to look again; undefined when no row is left. */
  readonly nextAt: EpochMs | undefined;
}

/** Under which name an Ask's account is kept, in memory and storage. */
export const accountName = (message: Ask): string => `${message.rule.version}.${message.key}`;

export class Accounts {
  readonly #accounts = new Map<string, Account>();

  /** The names of accounts that the Asks are for and that are not in memory: their rows have to be loaded first. */
  missing(asks: readonly Ask[]): readonly string[] {
    return asks.map(accountName).filter((name) => !this.#accounts.has(name));
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
    let alarmAt: EpochMs | undefined;
    for (const message of asks) {
      const name = accountName(message);
      const account = this.#accounts.get(name) ?? openAccount(message, now);
      this.#accounts.set(name, account);
      const step = ask(account, message, now);
      if (step.kind === "stale") return { kind: "stale" };
      if (step.store) {
        rows.set(name, encodeRow(account));
        alarmAt = epochMs(Math.max(alarmAt ?? 0, expiresAt(account)));
      }
      answers.push(step.answer);
      if (step.announcement !== undefined) news.push(step.announcement);
    }
    this.#shrink();
    if (alarmAt !== undefined) alarmAt = notTooFar(alarmAt, now);
    return { kind: "taken", rows, alarmAt, answers, news };
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

  /** Those in memory. */
  values(): IterableIterator<Account> {
    return this.#accounts.values();
  }

  get size(): number {
    return this.#accounts.size;
  }
}

const notTooFar = (time: EpochMs, now: EpochMs): EpochMs => epochMs(Math.min(time, after(now, ROW_KEEP_MAX)));
