/** What an owner believes of its count, and what of it is durable before anybody hears of it. */
import type { Account } from "../../../shared/owner/account.ts";
import { accountName } from "../../../shared/owner/accounts.ts";
import type { Command, CommandReply } from "../../../shared/protocol/commands.ts";
import type { Answer, Ask } from "../../../shared/protocol/messages.ts";
import type { Incarnation, OwnerHost } from "../owner-host.ts";
import { type Snapshot, snapshotOf } from "../witness.ts";
import { Checker } from "./checker.ts";

const accountOf = ({ accounts }: Incarnation, name: string): Account | undefined => {
  for (const account of accounts.values())
    if (`${account.policy.version}.${account.key}` === name) return account;
  return undefined;
};

/**
 * The count is the sum of what sources were granted since it was last reset, and falls only by what one of them hands
 * back of that.
 */
export class Count extends Checker {
  readonly name = "count";
  /** What each source had been granted when its account was last reset, and in which window. */
  readonly #zeros = new WeakMap<
    Account,
    { readonly window: number; readonly granted: Map<string, number> }
  >();
  #granted = new Map<string, number>();
  #grantedIn = -1;

  override commanding(_host: OwnerHost, incarnation: Incarnation, command: Command): void {
    const account = accountOf(incarnation, accountName(command));
    this.#granted = new Map();
    this.#grantedIn = account?.ledger.window ?? -1;
    for (const [id, { granted }] of account?.ledger.sources ?? []) this.#granted.set(id, granted);
  }

  override commanded(host: OwnerHost, incarnation: Incarnation, command: Command, reply: CommandReply): void {
    const account = accountOf(incarnation, accountName(command));
    if (account === undefined || command.action.kind !== "reset" || !("result" in reply)) return;
    const { window, current } = account.meter;
    if (current !== 0) this.fail(`${host.name} counts ${current} after a reset`);
    // Of an earlier window nothing was left to forgive.
    this.#zeros.set(account, { window, granted: window === this.#grantedIn ? this.#granted : new Map() });
  }

  /** What of a source's grants was counted before a reset. Of a reset before a restart only the row knows. */
  #zeroOf(account: Account, id: string): number {
    const zeros = this.#zeros.get(account);
    if (zeros === undefined) return account.ledger.sources.get(id)?.zero ?? 0;
    return zeros.window === account.meter.window ? (zeros.granted.get(id) ?? 0) : 0;
  }

  /** What a source did not spend of it and spends later counts. */
  #lower(account: Account, { source, spent, seq }: Ask, answer: Answer | undefined, before?: Snapshot): void {
    const zeros = this.#zeros.get(account)?.granted;
    const zero = zeros?.get(source);
    const repeated = before !== undefined && seq <= (before.sources.get(source)?.seq ?? -1);
    if (zero !== undefined && answer?.kind === "granted" && !repeated)
      zeros?.set(source, Math.min(zero, spent));
  }

  /** Before the Asks that an incarnation is taking now. */
  #before = new Map<string, Snapshot>();
  readonly #stored = new Map<string, Snapshot>();

  override asking(_host: OwnerHost, incarnation: Incarnation, asks: readonly Ask[]): void {
    this.#before = new Map();
    for (const ask of asks) {
      const account = accountOf(incarnation, accountName(ask));
      if (account !== undefined) this.#before.set(accountName(ask), snapshotOf(account));
    }
  }

  override taken(
    host: OwnerHost,
    incarnation: Incarnation,
    asks: readonly Ask[],
    answers: readonly Answer[],
  ): void {
    for (const name of new Set(asks.map(accountName))) {
      const account = accountOf(incarnation, name);
      if (account === undefined) continue;
      const { meter, ledger } = account;
      const before = this.#before.get(name);
      asks.forEach((ask, index) => {
        if (accountName(ask) === name) this.#lower(account, ask, answers[index], before);
      });
      const sum = Array.from(ledger.sources).reduce(
        (total, [id, { granted }]) => total + granted - this.#zeroOf(account, id),
        ledger.base - ledger.baseZero,
      );
      if (sum !== meter.current)
        this.fail(`${host.name} counts ${meter.current} in window ${meter.window}, its sources have ${sum}`);
      this.#debt(host, account);
      if (before === undefined) continue;
      if (meter.window < before.window) this.fail(`${host.name} went back to window ${meter.window}`);
      if (meter.window !== before.window) continue;
      let handedBack = 0;
      // A source that was folded says how much of it was counted.
      for (const ask of asks.filter((message) => accountName(message) === name))
        handedBack += Math.max(0, (before.sources.get(ask.source)?.granted ?? ask.counted) - ask.spent);
      if (meter.current < before.count - handedBack)
        this.fail(
          `${host.name}'s count fell from ${before.count} to ${meter.current}, ${handedBack} handed back`,
        );
    }
  }

  /** What is missing from a bucket, beyond its burst, is at most what flows in in one window. */
  #debt({ name }: OwnerHost, { policy, meter }: Account): void {
    if (policy.algorithm !== "token-bucket") return;
    const { limit, burst = limit, grid } = policy;
    if (meter.fill > (burst + limit) * grid.lengthMs)
      this.fail(
        `${name}'s bucket is in debt for ${meter.fill / grid.lengthMs - burst}, more than its limit of ${limit}`,
      );
  }

  override stored(_host: OwnerHost, name: string, snapshot: Snapshot): void {
    this.#stored.set(name, snapshot);
  }

  override loaded(host: OwnerHost, account: Account): void {
    const stored = this.#stored.get(`${account.policy.version}.${account.key}`);
    if (stored === undefined) return;
    if (account.meter.current !== stored.count || account.meter.window !== stored.window)
      this.fail(`${host.name} came back with ${account.meter.current}, the row says ${stored.count}`);
    if (account.epoch <= stored.epoch)
      this.fail(`${host.name} came back in epoch ${account.epoch}, the row is of ${stored.epoch}`);
  }
}

/** A grant is durable before its answer leaves, and so is what a command changes before it is acknowledged. */
export class Durable extends Checker {
  readonly name = "durable";
  readonly #rows = new Map<string, Snapshot>();
  /** Commands that were carried out since their account was last written. */
  readonly #unwritten = new Map<string, Set<Command>>();

  override stored(_host: OwnerHost, name: string, snapshot: Snapshot): void {
    this.#rows.set(name, snapshot);
    this.#unwritten.delete(name);
  }

  override commanded(
    _host: OwnerHost,
    _incarnation: Incarnation,
    command: Command,
    reply: CommandReply,
  ): void {
    if (!("result" in reply)) return;
    const unwritten = this.#unwritten.get(accountName(command)) ?? new Set();
    this.#unwritten.set(accountName(command), unwritten.add(command));
  }

  override acknowledges(host: OwnerHost, command: Command): void {
    if (this.#unwritten.get(accountName(command))?.has(command) === true)
      this.fail(`${host.name} acknowledges a ${command.action.kind} that is in no row`);
  }

  override answers(host: OwnerHost, ask: Ask, answer: Answer): void {
    if (answer.kind !== "granted" || answer.granted === 0) return;
    const row = this.#rows.get(accountName(ask));
    const source = row?.sources.get(ask.source);
    // A later Ask of the same source, or a later window, has written over it.
    if (row !== undefined && (row.window > answer.window + 1 || (source?.seq ?? 0) > ask.seq)) return;
    const granted = row?.window === answer.window ? source?.granted : source?.previous;
    // A stale duplicate that grants nothing new may repeat less; more than the row knows is not durable.
    if ((granted ?? 0) < answer.granted)
      this.fail(
        `${host.name} answers a grant of ${answer.granted} to ${ask.source}, its row says ${granted}`,
      );
    if (row !== undefined && row.epoch < answer.epoch)
      this.fail(`${host.name} answers in epoch ${answer.epoch}, its row is of ${row.epoch}`);
  }
}
