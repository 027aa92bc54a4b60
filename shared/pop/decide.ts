/**
 * The decision on one request: every rule that matches must have credit, all or nothing. Pure; the shell
 * calls `step` when the request arrives and whenever it is woken or its time is up, until it is decided.
 * Most requests do not get here: what `by-credit.ts` can admit and `by-block.ts` can deny, they do.
 *
 *   step ──▶ a rule denies without I/O ──▶ blocked
 *        ──▶ every rule fits ──▶ admitted (credit)
 *        ──▶ wait for an owner ──woken──▶ granted: next rule · denied: release what is held (owner)
 *                              └─deadline──▶ on_failure (degraded)
 */
import { unreachable } from "../assert.ts";
import type { KeyMessage } from "../key.ts";
import { REPORT_RETRY_MAX, UNAVAILABLE_RETRY } from "../limits.ts";
import { capacity, denies, type Rule } from "../rule.ts";
import { holdsAhead } from "../rule-ahead.ts";
import { after, type EpochMs, later, NEVER } from "../time.ts";
import type { Picked } from "./by-credit.ts";
import { BIRTH } from "./credit-table.ts";
import type { Hold } from "./entries.ts";
import type { HotKey } from "./hot-key.ts";
import type { Waiter } from "./outbox.ts";
import { capacityAt, limitOf, localReset, remaining, resetAt } from "./quota.ts";
import type { Source } from "./source.ts";
import { isBarred } from "./view.ts";

/** How a decision came about; `unlimited` is said by the shell when no rule matches. */
export type How = "credit" | "owner" | "blocked" | "degraded";

/**
 * Why an owner did not decide: its answer did not come in time, calls to it failed, it has too much to do, too many
 * requests wait here already, or this isolate has made its share of first claims.
 */
export type DegradedCause = "deadline" | "unreachable" | "overloaded" | "no-room" | "claim-budget";

/** What one rule says to the client. */
export interface Quota {
  readonly rule: Rule;
  /** The key's limit: the rule's, unless its owner said another. */
  readonly limit: number;
  readonly remaining: number;
  readonly resetAt: EpochMs;
}

export interface Decision {
  readonly kind: "decided";
  readonly admitted: boolean;
  readonly how: How;
  /** The rule that denied, else the one that was asked for, else the first. */
  readonly rule: Rule;
  /** True when the owner could not be reached and the rule says `closed`: 503 instead of 429. */
  readonly unavailable: boolean;
  /** Not admitted: when trying again may help. */
  readonly retryAt: EpochMs;
  readonly quotas: readonly Quota[];
  /** Rules that the origin is told the request is over. */
  readonly tags: readonly Rule[];
  /** Of a degraded decision. */
  readonly cause?: DegradedCause;
  /** True when the client is on the rule's list of those it denies: waiting does not help. */
  readonly refused?: true;
}

/** The tags of nearly every request. */
export const NO_TAGS: readonly Rule[] = [];

/** The request waits for `hot`'s owner; look again when woken, at the latest at `until`. */
export interface Waiting {
  readonly kind: "waiting";
  readonly hot: HotKey;
  readonly waiter: Waiter;
  readonly until: EpochMs;
}

/** One rule's part of a request. */
interface Part {
  readonly ruleIndex: number;
  readonly rule: Rule;
  readonly cost: number;
  /** What is hashed to the owner's name when an owner is needed. */
  key: KeyMessage;
  /** The tag under which the entry is found. */
  hi: number;
  lo: number;
  /** The entry's place at this step; −1 for none. Entries move and go while a request waits. */
  slot: number;
  /** The birth of the entry whose owner was asked. */
  birth: number;
  waiter: Waiter | undefined;
  hold: Hold | undefined;
  /** Decided: how, and whether it was denied (under a shadow rule, would have been). */
  how: How | undefined;
  denied: boolean;
  remaining: number;
}

/** A request that a rule refuses whatever its count: nothing is charged, and no rule says what is left. */
export const refusal = (rule: Rule): Decision => ({
  kind: "decided",
  admitted: false,
  how: "blocked",
  rule,
  unavailable: false,
  retryAt: NEVER,
  quotas: [],
  tags: NO_TAGS,
  refused: true,
});

/** What an admitted request was counted as under one rule. */
export interface Counted {
  readonly ruleIndex: number;
  readonly cost: number;
  readonly window: number;
  readonly how: How;
}

/** What one rule made of a request. */
export interface Judged {
  readonly ruleIndex: number;
  /** The key's tag. */
  readonly hi: number;
  readonly lo: number;
  readonly cost: number;
  /** The window it was counted in; `undefined` where it was not. */
  readonly window: number | undefined;
  readonly denied: boolean;
  readonly how: How;
  /** True when the key has another limit than the rule's, or may be barred by hand. */
  readonly byHand: boolean;
}

export interface RequestedRule {
  readonly ruleIndex: number;
  /** What is counted by; it must stay as it is until the request is decided, or `keep` was called. */
  readonly key: KeyMessage;
  /** What the request counts as under this rule. */
  readonly cost: number;
}

export class Admission {
  readonly #source: Source;
  readonly #parts: Part[];
  /** Whether rules are enforced; false makes each of them act as shadow. */
  readonly #enforce: boolean;
  /** What an owner may be told of the key, only where `KEY_DISPLAY` allows it. */
  readonly #label: ((ruleIndex: number) => string) | undefined;
  /** What is to be reported of the request, once it is admitted. */
  readonly picked: Picked[] = [];
  /** Hot keys with a report due since the last step: the shell lets them send. */
  readonly due: HotKey[] = [];
  #shadowDenial: { part: Part; how: How; retryAt: EpochMs } | undefined;
  #tags: readonly Rule[] = NO_TAGS;
  #cause: DegradedCause | undefined;
  #arrived = false;

  constructor(
    source: Source,
    requested: readonly RequestedRule[],
    options: { readonly enforce: boolean; readonly label: ((ruleIndex: number) => string) | undefined },
  ) {
    this.#source = source;
    this.#enforce = options.enforce;
    this.#label = options.label;
    this.#parts = requested.map(({ ruleIndex, key, cost }) => ({
      ruleIndex,
      rule: source.rules[ruleIndex] as Rule,
      cost,
      key,
      hi: 0,
      lo: 0,
      slot: -1,
      birth: 0,
      waiter: undefined,
      hold: undefined,
      how: undefined,
      denied: false,
      remaining: 0,
    }));
  }

  /** What this request was counted as, once admitted. A rule that had no place to count it is missing. */
  get counted(): readonly Counted[] {
    return this.#parts.flatMap(({ ruleIndex, hold, how }) =>
      hold === undefined || how === undefined
        ? []
        : [{ ruleIndex, cost: hold.cost, window: hold.window, how }],
    );
  }

  /**
   * What the rules made of the request, once `decision` is made: each of those that admitted it, or the one that denied
   * it. One whose cost no quota could ever cover is left out.
   */
  judged({ admitted, rule }: Decision, now: EpochMs): readonly Judged[] {
    return this.#parts.flatMap((part) => {
      const { ruleIndex, hi, lo, cost, hold, denied, how } = part;
      const isMeant = admitted || (part.rule === rule && denied);
      if (!isMeant || how === undefined || cost > capacity(part.rule)) return [];
      const hot = part.slot < 0 ? undefined : this.#source.hotAt(part.slot);
      const barred = part.rule.blockFor === undefined && hot !== undefined && isBarred(hot.view, now);
      const byHand = hot?.limit !== undefined || barred;
      return [{ ruleIndex, hi, lo, cost, window: hold?.window, denied, how, byHand }];
    });
  }

  /** The request waits, and what its keys were read into is wanted for others: it goes on with these. */
  keep(keyOf: (ruleIndex: number) => KeyMessage): void {
    for (const part of this.#parts) part.key = keyOf(part.ruleIndex);
  }

  /** Goes as far as it can at `now`. */
  step(now: EpochMs): Decision | Waiting {
    const blocked = this.#arrived ? this.#findAgain() : this.#arrive(now);
    if (blocked !== undefined) return blocked;
    for (const part of this.#parts) {
      if (part.how !== undefined) continue;
      this.#locate(part, now);
      const waiting = part.waiter === undefined ? this.#open(part, now) : this.#look(part, part.waiter, now);
      if (waiting === undefined) continue;
      if (waiting.kind === "waiting" || !this.#isShadow(part)) return waiting;
    }
    return this.#admit(now);
  }

  /** On arrival, asks no owner for a request that a later rule denies without I/O anyway. */
  #arrive(now: EpochMs): Decision | undefined {
    this.#arrived = true;
    for (const part of this.#parts) {
      const hasher = this.#source.hashers[part.ruleIndex];
      hasher?.tag(part.key);
      part.hi = hasher?.hi ?? 0;
      part.lo = hasher?.lo ?? 0;
      part.slot = this.#source.lookup(part.ruleIndex, part.hi, part.lo, now);
    }
    for (const part of this.#parts) {
      this.#locate(part, now);
      if (part.slot < 0 || this.#isShadow(part)) continue;
      if (part.cost > capacity(part.rule))
        return this.#deny(part, "blocked", localReset(this.#source, part.slot, part.rule, now), now);
      if (!this.#source.isBlocked(part.slot, now)) continue;
      this.#confirm(part, now);
      return this.#deny(part, "blocked", later(this.#source.blockedUntil(part.slot, now), now), now);
    }
    return undefined;
  }

  /** While the request waited, its entries may have been replaced, and their places be other keys'. */
  #findAgain(): undefined {
    for (const part of this.#parts) part.slot = this.#source.table.find(part.hi, part.lo);
  }

  /** Brings the entry that is looked at next to `now`: another rule's may have taken its place even in this step. */
  #locate(part: Part, now: EpochMs): void {
    if (this.#parts.length === 1 && part.slot >= 0 && part.waiter === undefined) return;
    part.slot = this.#source.lookup(part.ruleIndex, part.hi, part.lo, now);
  }

  /** First look at a rule: fits, denied without I/O, or the owner has to be asked. */
  #open(part: Part, now: EpochMs): Decision | Waiting | undefined {
    const source = this.#source;
    if (part.slot < 0) return this.#fail(part, now, "no-room");
    const verdict = part.cost > capacity(part.rule) ? "oversize" : source.probe(part.slot, part.cost, now);
    switch (verdict) {
      case "oversize":
        return this.#deny(part, "blocked", localReset(this.#source, part.slot, part.rule, now), now);
      case "blocked":
        this.#confirm(part, now);
        return this.#deny(part, "blocked", source.blockedUntil(part.slot, now), now);
      case "fits":
        part.hold = source.hold(part.slot, part.cost, true);
        part.how = "credit";
        part.remaining = remaining(source, part.slot);
        return undefined;
      case "ask":
        return this.#ask(part, now);
      default:
        return unreachable(verdict);
    }
  }

  #ask(part: Part, now: EpochMs): Decision | Waiting | undefined {
    const hash = this.#source.hashers[part.ruleIndex]?.hash(part.key) ?? "";
    const hot = this.#source.heat(part.slot, hash, this.#label?.(part.ruleIndex), now);
    if (hot === undefined) return this.#fail(part, now, "no-room");
    const waiter = this.#source.wait(hot, part.cost, now);
    if (typeof waiter === "string") return this.#fail(part, now, waiter);
    part.birth = this.#source.table.get(part.slot, BIRTH);
    part.waiter = waiter;
    return { kind: "waiting", hot, waiter, until: hot.outbox.dueAt(waiter, part.rule) };
  }

  /** Looks again at a rule whose owner was asked. */
  #look(part: Part, waiter: Waiter, now: EpochMs): Decision | Waiting | undefined {
    const source = this.#source;
    const hot = source.hotAt(part.slot);
    switch (waiter.state) {
      case "granted": {
        // The answer has counted it already, in the entry that asked.
        const { slot, birth, cost } = part;
        part.hold = { slot, birth, cost, window: waiter.window, paid: true };
        part.how = "owner";
        part.remaining = waiter.remaining;
        return undefined;
      }
      case "denied":
        return this.#deny(part, "owner", later(resetAt(this.#source, part.slot, part.rule, now), now), now);
      case "failed":
      case "gone":
        return this.#fail(part, now, waiter.cause);
      case "queued":
      case "carried": {
        const until = hot?.outbox.dueAt(waiter, part.rule) ?? now;
        if (hot !== undefined && until > now) return { kind: "waiting", hot, waiter, until };
        hot?.outbox.leave(waiter);
        return this.#fail(part, now, "deadline");
      }
      default:
        return unreachable(waiter.state);
    }
  }

  /** The owner was not reached in time: the rule's `on_failure` decides. */
  #fail(part: Part, now: EpochMs, cause: DegradedCause): Decision | undefined {
    const source = this.#source;
    this.#cause = cause;
    const { onFailure } = part.rule;
    switch (onFailure) {
      case "closed":
        return this.#deny(part, "degraded", after(now, UNAVAILABLE_RETRY), now);
      case "local":
      case "open": {
        if (part.slot < 0) break; // no place to count it: as if its entry were new
        const most = capacityAt(source, part.slot, part.rule);
        const fits = source.spent(part.slot) + part.cost <= most;
        if (onFailure === "local" && !fits) {
          return this.#deny(part, "degraded", localReset(this.#source, part.slot, part.rule, now), now);
        }
        part.hold = source.hold(part.slot, part.cost, false);
        part.remaining = Math.max(0, most - source.spent(part.slot));
        this.#tell(part, now);
        break;
      }
      default:
        return unreachable(onFailure);
    }
    part.how = "degraded";
    return undefined;
  }

  /** What `on_failure` admits may be known to no Ask that is out: its owner hears of it soon, whoever comes next. */
  #tell(part: Part, now: EpochMs): void {
    const hot = this.#source.hotAt(part.slot);
    // What nobody claimed is counted silently, as it may be.
    if (hot === undefined || (hot.outbox.seq === 0 && !this.#source.isClaimed(part.slot, now))) return;
    // One that is due already may have lost its leader: contexts end. This request's may wait for it.
    if (hot.outbox.reportAt === NEVER) hot.outbox.reportBy(after(now, REPORT_RETRY_MAX));
    this.due.push(hot);
  }

  #admit(now: EpochMs): Decision {
    for (const part of this.#parts) {
      if (part.hold !== undefined) this.#source.take(part.hold);
      this.#pick(part, now);
      if (holdsAhead(part.rule) && part.how !== "degraded") this.#askAhead(part, now);
    }
    const shadow = this.#shadowDenial;
    const decisive =
      this.#parts.find((part) => part.how === "degraded") ??
      this.#parts.find((part) => part.how === "owner") ??
      (this.#parts[0] as Part);
    if (decisive.how === "credit" && shadow === undefined) this.#noteAhead(decisive, now);
    return {
      kind: "decided",
      admitted: true,
      how: shadow?.how ?? decisive.how ?? "credit",
      rule: (shadow?.part ?? decisive).rule,
      unavailable: false,
      retryAt: shadow?.retryAt ?? now,
      quotas: this.#quotas(now),
      tags: this.#tags,
      ...this.#causeOf(shadow?.how ?? decisive.how),
    };
  }

  /** What is held ahead is asked for before it is used up, while requests go on. */
  #askAhead({ slot, ruleIndex, key, hold }: Part, now: EpochMs): void {
    const source = this.#source;
    // Another rule's entry may have taken its place.
    if (hold === undefined || hold.slot !== slot || source.table.get(slot, BIRTH) !== hold.birth) return;
    let hot = source.hotAt(slot);
    if (source.isInGrace(slot)) {
      const hash = source.hashers[ruleIndex]?.hash(key) ?? "";
      hot = source.heat(slot, hash, this.#label?.(ruleIndex), now);
      if (hot !== undefined && !source.mayAsk(hot, now)) return;
    }
    if (hot !== undefined && source.askAhead(hot, now)) this.due.push(hot);
  }

  /** Counts a request that credit held ahead paid for: what an owner granted, or grace. */
  #noteAhead({ rule, ruleIndex, slot }: Part, now: EpochMs): void {
    const source = this.#source;
    if (holdsAhead(rule) && slot >= 0 && (source.isClaimed(slot, now) || source.isInGrace(slot)))
      source.notePaidAhead(ruleIndex);
  }

  /** What credit paid for without an owner knowing may have to be reported. */
  #pick({ how, slot, cost, ruleIndex }: Part, now: EpochMs): void {
    if (how !== "credit" || slot < 0 || this.#source.isClaimed(slot, now)) return;
    const seen = this.#source.sampler.picks(ruleIndex, cost);
    if (seen > 0) this.picked.push({ ruleIndex, slot, seen });
  }

  /** A denial gives back what other rules hold. A shadow rule's denial is only noted. */
  #deny(part: Part, how: How, retryAt: EpochMs, now: EpochMs): Decision {
    const unavailable = how === "degraded" && part.rule.onFailure === "closed";
    part.how = how;
    part.denied = true;
    part.remaining = unavailable ? remaining(this.#source, part.slot) : 0;
    const shadow = this.#isShadow(part);
    if (shadow) {
      this.#shadowDenial ??= { part, how, retryAt };
      if (this.#enforce && isTag(part.rule)) this.#tags = [...this.#tags, part.rule];
    } else this.#release(now);
    return {
      kind: "decided",
      admitted: false,
      how,
      rule: part.rule,
      unavailable,
      retryAt: unavailable ? retryAt : later(retryAt, resetAt(this.#source, part.slot, part.rule, now)),
      quotas: shadow ? [] : this.#quotas(now),
      tags: NO_TAGS,
      ...this.#causeOf(how),
    };
  }

  #causeOf(how: How | undefined): Pick<Decision, "cause"> | undefined {
    return how === "degraded" && this.#cause !== undefined ? { cause: this.#cause } : undefined;
  }

  #release(now: EpochMs): void {
    for (const part of this.#parts) {
      if (part.hold === undefined) continue;
      const hot = this.#source.release(part.hold, now);
      if (hot !== undefined) this.due.push(hot);
      part.hold = undefined;
      part.how = undefined;
    }
  }

  #confirm(part: Part, now: EpochMs): void {
    const hot = this.#source.hotAt(part.slot);
    this.#source.confirmBlock(part.slot, now);
    if (hot?.outbox.mayDepart(now) === true) this.due.push(hot);
  }

  #isShadow(part: Part): boolean {
    return !this.#enforce || !denies(part.rule);
  }

  /** What the client is told of every rule that is enforced. */
  #quotas(now: EpochMs): readonly Quota[] {
    return this.#parts
      .filter((part) => !this.#isShadow(part))
      .map((part) => ({
        rule: part.rule,
        limit: limitOf(this.#source, part.slot, part.rule),
        remaining: part.how === undefined ? remaining(this.#source, part.slot) : part.remaining,
        resetAt: resetAt(this.#source, part.slot, part.rule, now),
      }));
  }
}

/** Whether a rule tells the origin who is over its limit. */
const isTag = ({ mode, action }: Rule): boolean => mode === "enforce" && action.kind === "tag";
