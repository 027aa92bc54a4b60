/**
 * Claims and blocks as they were heard, joined anew from the messages themselves: who knows of a claim has no
 * silent credit, who knows of a penalty admits nobody, and nobody is denied without I/O for a block that was
 * not heard, was lifted, or is over.
 */
import { capacity } from "../../../shared/capacity.ts";
import { BLOCK_TRUST, ROOM_TRUST } from "../../../shared/limits.ts";
import { accountName } from "../../../shared/owner/accounts.ts";
import type { Decision } from "../../../shared/pop/decide.ts";
import type { Announcement, Answer, Ask, Verdicts } from "../../../shared/protocol/messages.ts";
import { windowStart } from "../../../shared/time.ts";
import type { Isolate } from "../isolate.ts";
import type { Request } from "../request.ts";
import { Checker } from "./checker.ts";
import type { KeyTruth } from "./truth.ts";

interface Known {
  epoch: number;
  version: number;
  claimedUntil: number;
  fullUntil: number;
  penaltyUntil: number;
  trustedUntil: number;
  /** The entry that heard it: one that was pushed out took it along. */
  life: number;
  /** What was spent in a window when it became known that the owner counts for everyone in it. */
  readonly spentThen: Map<number, number>;
}

const isOver = ({ claimedUntil, fullUntil, penaltyUntil }: Known, now: number): boolean =>
  Math.max(claimedUntil, fullUntil, penaltyUntil) <= now;

abstract class Hearing extends Checker {
  /**
   * Whether older news counts once all that was known is over: its owner may have forgotten the key, and begun
   * again at a low epoch, and so may the isolate.
   */
  protected abstract readonly mayForget: boolean;
  /** Whether news of the state that an answer told of is none: what was over by then, the answer left out. */
  protected readonly knowsSame: boolean = false;
  readonly #known = new Map<Isolate, Map<string, Known>>();
  readonly #sentAt = new WeakMap<Ask, number>();
  readonly #fresh: (() => void)[] = [];

  override sent(isolate: Isolate, ask: Ask, again: boolean): void {
    if (!again) this.#sentAt.set(ask, isolate.now());
  }

  protected sentAt(ask: Ask): number {
    return this.#sentAt.get(ask) ?? 0;
  }

  override hears(isolate: Isolate, ask: Ask, answer: Answer): void {
    if (answer.kind !== "granted") return;
    const account = accountName(ask);
    // An entry that was pushed out takes its answers along.
    if (ask.source !== `${isolate.source.isolate}.${this.hotOf(isolate, account)?.life}`) return;
    this.#join(isolate, account, answer, this.sentAt(ask) + BLOCK_TRUST);
  }

  override hearsNews(isolate: Isolate, news: Announcement): void {
    const now = isolate.now();
    const lasts = Math.max(news.claimedUntil ?? 0, news.fullUntil ?? 0, news.penaltyUntil ?? 0);
    if (lasts > now || news.released === true)
      this.#join(isolate, `${news.ruleVersion}.${news.key}`, news, now + BLOCK_TRUST, this.knowsSame);
  }

  /** @param again whether the same state said again is older */
  #join(isolate: Isolate, account: string, news: Verdicts, trustedUntil: number, again = false): void {
    const known = this.known(isolate, account);
    const older =
      known !== undefined &&
      (news.epoch < known.epoch ||
        (news.epoch === known.epoch &&
          (news.version < known.version || (again && news.version === known.version))));
    if (older && !(this.mayForget && isOver(known, isolate.now()))) return;
    const accounts = this.#known.get(isolate) ?? new Map<string, Known>();
    this.#known.set(isolate, accounts);
    const joined: Known = {
      epoch: news.epoch,
      version: news.version,
      claimedUntil: news.claimedUntil ?? 0,
      fullUntil: news.fullUntil ?? 0,
      penaltyUntil: news.penaltyUntil ?? 0,
      trustedUntil: Math.max(known?.trustedUntil ?? 0, trustedUntil),
      life: 0,
      spentThen: known?.spentThen ?? new Map(),
    };
    accounts.set(account, joined);
    this.#fresh.push(() => {
      const hot = this.hotOf(isolate, account);
      joined.life = hot?.life ?? 0;
      if (hot === undefined) return;
      const { source } = isolate;
      const window = source.window(hot.slot);
      if (joined.claimedUntil > windowStart(source.gridAt(hot.slot), window) && !joined.spentThen.has(window))
        joined.spentThen.set(window, source.spent(hot.slot));
    });
  }

  /** What an isolate was told, and has no reason to have forgotten. */
  protected known(isolate: Isolate, account: string): Known | undefined {
    const known = this.#known.get(isolate)?.get(account);
    if (known === undefined) return undefined;
    const hot = this.hotOf(isolate, account);
    // Two windows without the key: the owner may have forgotten it, and so does the isolate.
    if (hot === undefined || hot.view.epoch === 0) return undefined;
    return known.life === 0 || known.life === hot.life ? known : undefined;
  }

  /** News that finds no entry makes one: only then it is known which entry heard it. */
  override stepped(): void {
    for (const settle of this.#fresh.splice(0)) settle();
  }

  protected hotOf(isolate: Isolate, account: string) {
    const key = this.truth.byAccount(account);
    if (key === undefined) return undefined;
    const slot = this.truth.slotOf(isolate, key);
    return slot < 0 ? undefined : isolate.source.hotAt(slot);
  }
}

/** Who knows of a claim spends no more than it had spent by then and has as grace, or was granted. */
export class Silent extends Hearing {
  readonly name = "silent";
  protected readonly mayForget = false;
  /** The most that each isolate was granted, by account and window. */
  readonly #granted = new Map<Isolate, Map<string, number>>();

  override hears(isolate: Isolate, ask: Ask, answer: Answer): void {
    const known = this.known(isolate, accountName(ask));
    super.hears(isolate, ask, answer);
    // What an older incarnation of the owner grants is void.
    if (answer.kind !== "granted" || answer.epoch < (known?.epoch ?? 0)) return;
    const grants = this.#granted.get(isolate) ?? new Map<string, number>();
    this.#granted.set(isolate, grants);
    const name = `${accountName(ask)} ${answer.window}`;
    grants.set(name, Math.max(grants.get(name) ?? 0, answer.granted));
  }

  override decided({ admission, client, isolate }: Request, { admitted }: Decision): void {
    if (!admitted) return;
    for (const { ruleIndex, window, how } of admission.counted) {
      const key = this.truth.of(ruleIndex, client);
      const known = this.known(isolate, key.account);
      const spent = key.spent(window, isolate);
      if (how === "degraded" || known === undefined || spent.births.size > 1) continue;
      // Of a window that was over when it came in, nothing is known.
      const start = windowStart(this.truth.world.gridOf(ruleIndex, client), window);
      if (known.claimedUntil <= start || isolate.source.window(this.truth.slotOf(isolate, key)) !== window)
        continue;
      const granted = this.#granted.get(isolate)?.get(`${key.account} ${window}`) ?? 0;
      const most = Math.max((known.spentThen.get(window) ?? 0) + key.rule.grace, granted);
      if (spent.admitted - spent.degraded > most)
        this.fail(
          `${isolate.name} knows of a claim on ${client} and spent more than the ${most} it had in window ${window}`,
        );
    }
  }
}

/** Nobody is let in without I/O by an isolate that knows of a penalty. */
export class Barred extends Hearing {
  readonly name = "barred";
  protected readonly mayForget = false;
  protected override readonly knowsSame = true;

  override decided({ admission, client, isolate, at }: Request, { admitted }: Decision): void {
    if (!admitted || at !== this.truth.world.agenda.now) return;
    const now = isolate.now();
    for (const { ruleIndex, how } of admission.counted) {
      const known = this.known(isolate, this.truth.of(ruleIndex, client).account);
      if (how !== "credit" || known === undefined) continue;
      if (known.penaltyUntil > now && known.trustedUntil > now)
        this.fail(`${isolate.name} admitted ${client}, who is barred until ${known.penaltyUntil}`);
    }
  }
}

/** What an owner had left when an isolate heard of it last, with what the isolate handed back since. */
interface Room {
  readonly window: number;
  readonly left: number;
  /** How far the isolate may go without asking. */
  readonly credit: number;
  readonly askedAt: number;
}

/**
 * Nobody is kept out without I/O by a block that is over, was lifted, or was never heard of; nor because of others that
 * wait, unless they want all that the owner said was left.
 */
export class Released extends Hearing {
  readonly name = "released";
  protected readonly mayForget = true;
  readonly #rooms = new Map<Isolate, Map<string, Room>>();
  /** The last Ask of each isolate for an account, until its first answer is here: others are not listened to. */
  readonly #out = new Map<Isolate, Map<string, Ask>>();

  override sent(isolate: Isolate, ask: Ask, again: boolean): void {
    super.sent(isolate, ask, again);
    const room = this.#rooms.get(isolate)?.get(accountName(ask));
    if (again) return;
    const out = this.#out.get(isolate) ?? new Map<string, Ask>();
    this.#out.set(isolate, out.set(accountName(ask), ask));
    if (room === undefined) return;
    const left = room.left + room.credit - ask.spent;
    this.#note(isolate, ask, { ...room, left, credit: ask.spent });
  }

  override hears(isolate: Isolate, ask: Ask, answer: Answer): void {
    super.hears(isolate, ask, answer);
    const out = this.#out.get(isolate);
    if (answer.kind !== "granted" || out?.get(accountName(ask)) !== ask) return;
    out.delete(accountName(ask));
    const { window, remaining: left, granted: credit } = answer;
    this.#note(isolate, ask, { window, left, credit, askedAt: this.sentAt(ask) });
  }

  #note(isolate: Isolate, ask: Ask, room: Room): void {
    const rooms = this.#rooms.get(isolate) ?? new Map<string, Room>();
    this.#rooms.set(isolate, rooms.set(accountName(ask), room));
  }

  /** Whether those that wait here want all that is left. */
  #isSpokenFor({ rule, account }: KeyTruth, cost: number, isolate: Isolate): boolean {
    if (rule.lease === 0 || rule.algorithm !== "fixed-window") return false;
    const hot = this.hotOf(isolate, account);
    const room = this.#rooms.get(isolate)?.get(account);
    if (hot === undefined || room === undefined || room.window !== isolate.source.window(hot.slot))
      return false;
    const { queue, flight } = hot.outbox;
    let wanted = 0;
    for (const { state, cost } of [...queue, ...(flight?.carried ?? [])])
      if (state === "queued" || state === "carried") wanted += cost;
    return wanted > 0 && isolate.now() - room.askedAt < ROOM_TRUST && wanted + cost > room.left;
  }

  override decided({ client, rules, cost, isolate }: Request, decision: Decision): void {
    if (decision.admitted || decision.how !== "blocked") return;
    const ruleIndex = rules.find((index) => this.truth.world.rules[index] === decision.rule);
    if (ruleIndex === undefined) {
      this.fail(`${client} was denied by a rule that does not match`);
      return;
    }
    const key = this.truth.of(ruleIndex, client);
    if (cost * key.rule.cost > capacity(key.rule)) return;
    const now = isolate.now();
    const known = this.known(isolate, key.account);
    const until = Math.max(known?.fullUntil ?? 0, known?.penaltyUntil ?? 0);
    if (this.#isSpokenFor(key, cost * key.rule.cost, isolate)) return;
    if (known === undefined || until <= now || known.trustedUntil <= now)
      this.fail(`${isolate.name} denied ${client} without asking, who is blocked until ${until}, now ${now}`);
  }
}
