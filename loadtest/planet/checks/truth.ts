/**
 * What really happened, seen from outside: every admission by client, rule, window and isolate. Checkers
 * compare with it what sources, owners and storage believe.
 */
import type { Account } from "../../../shared/owner/account.ts";
import { accountName } from "../../../shared/owner/accounts.ts";
import { BIRTH } from "../../../shared/pop/credit-table.ts";
import type { Decision } from "../../../shared/pop/decide.ts";
import type { Command } from "../../../shared/protocol/commands.ts";
import type { Rule } from "../../../shared/rule.ts";
import type { Isolate } from "../isolate.ts";
import type { Incarnation, OwnerHost } from "../owner-host.ts";
import type { Request } from "../request.ts";
import { Witness } from "../witness.ts";
import type { World } from "../world.ts";

/** What one isolate admitted in one window. */
export interface Spent {
  admitted: number;
  /** The part of it that `on_failure` admitted, all in all and by birth of its entry: one that was pushed out is forgotten. */
  degraded: number;
  readonly births: Map<number, number>;
}

/** One admission under one rule. */
export interface Admitted {
  readonly at: number;
  readonly cost: number;
}

/** One client under one rule. */
export class KeyTruth {
  readonly rule: Rule;
  readonly ruleIndex: number;
  readonly client: string;
  /** The owner's name for it, and its name among the owner's accounts. */
  readonly key: string;
  readonly account: string;
  readonly windows = new Map<number, Map<Isolate, Spent>>();
  /** Admissions that an owner or silent credit paid for, in order of time. */
  readonly admitted: Admitted[] = [];
  /** What owners had counted in a window, and was missing from a bucket, when the count was reset: it weighs no more. */
  readonly forgiven = new Map<number, number>();
  refilled = 0;

  constructor(rule: Rule, ruleIndex: number, client: string, key: string) {
    this.rule = rule;
    this.ruleIndex = ruleIndex;
    this.client = client;
    this.key = key;
    this.account = `${rule.version}.${key}`;
  }

  spent(window: number, isolate: Isolate): Spent {
    const isolates = this.windows.get(window) ?? new Map<Isolate, Spent>();
    this.windows.set(window, isolates);
    const spent = isolates.get(isolate) ?? { admitted: 0, degraded: 0, births: new Map<number, number>() };
    isolates.set(isolate, spent);
    return spent;
  }

  /**
   * Cost admitted in a window without `on_failure`, and the isolates that admitted it. Where entries were pushed
   * out, what they had counted silently reaches no owner: that is worth one source more, however many they were.
   */
  total(window: number): { readonly admitted: number; readonly sources: number } {
    let admitted = 0;
    let sources = 0;
    let lost = false;
    for (const spent of this.windows.get(window)?.values() ?? []) {
      admitted += spent.admitted - spent.degraded;
      if (spent.admitted > 0) sources += 1;
      lost ||= spent.births.size > 1;
    }
    return { admitted, sources: lost ? sources + 1 : sources };
  }
}

export class Truth extends Witness {
  readonly world: World;
  readonly #byClient = new Map<string, KeyTruth>();
  readonly #byAccount = new Map<string, KeyTruth>();

  constructor(world: World) {
    super();
    this.world = world;
  }

  of(ruleIndex: number, client: string): KeyTruth {
    const name = `${ruleIndex} ${client}`;
    const known = this.#byClient.get(name);
    if (known !== undefined) return known;
    const rule = this.world.rules[ruleIndex];
    const hasher = this.world.hashers[ruleIndex];
    if (rule === undefined || hasher === undefined) throw new RangeError(`there is no rule ${ruleIndex}`);
    const truth = new KeyTruth(rule, ruleIndex, client, hasher.hash(client));
    this.#byClient.set(name, truth);
    this.#byAccount.set(truth.account, truth);
    return truth;
  }

  byAccount(name: string): KeyTruth | undefined {
    return this.#byAccount.get(name);
  }

  keys(): Iterable<KeyTruth> {
    return this.#byClient.values();
  }

  /** A key's accounts in the memory of owners: at most one that counts. */
  *accountsOf(key: KeyTruth): IterableIterator<{ readonly name: string; readonly account: Account }> {
    for (const { name, current } of this.world.owners.values()) {
      for (const account of current?.accounts.values() ?? [])
        if (`${account.policy.version}.${account.key}` === key.account) yield { name, account };
    }
  }

  /** Where an isolate keeps a key; negative when it does not. */
  slotOf({ source }: Isolate, { ruleIndex, client }: KeyTruth): number {
    const hasher = this.world.hashers[ruleIndex];
    hasher?.tag(client);
    return source.table.find(hasher?.hi ?? 0, hasher?.lo ?? 0);
  }

  birthOf(isolate: Isolate, key: KeyTruth): number {
    const slot = this.slotOf(isolate, key);
    return slot < 0 ? 0 : isolate.source.table.get(slot, BIRTH);
  }

  /** A reset begins a new count: whatever was counted until then may be granted once more. */
  override commanding(_host: OwnerHost, { accounts }: Incarnation, command: Command): void {
    const key = this.byAccount(accountName(command));
    if (key === undefined || command.action.kind !== "reset") return;
    for (const { key: name, policy, meter } of accounts.values()) {
      if (`${policy.version}.${name}` !== key.account) continue;
      key.forgiven.set(meter.window, (key.forgiven.get(meter.window) ?? 0) + meter.current);
      key.refilled += Math.ceil(meter.fill / policy.grid.lengthMs);
    }
  }

  override arrived({ rules, client }: Request): void {
    for (const rule of rules) this.of(rule, client);
  }

  override decided({ admission, client, isolate }: Request, decision: Decision): void {
    if (!decision.admitted) return;
    for (const { ruleIndex, window, cost, how } of admission.counted) {
      const truth = this.of(ruleIndex, client);
      const spent = truth.spent(window, isolate);
      spent.admitted += cost;
      const birth = this.birthOf(isolate, truth);
      spent.births.set(birth, (spent.births.get(birth) ?? 0) + (how === "degraded" ? cost : 0));
      if (how === "degraded") spent.degraded += cost;
      else truth.admitted.push({ at: this.world.agenda.now, cost });
    }
  }
}
