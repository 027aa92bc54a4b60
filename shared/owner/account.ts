/**
 * One key's account at its owner: the ledger, the meter, the verdicts, and the rules by which an Ask is
 * answered. Pure: the shell loads and stores the row, sends what `ask` returns, and passes the time.
 *
 *               first Ask of a window                 denied, room < 1
 *    unclaimed ───────────────────────▶ claimed ───────────────────────────▶ full (until nextRoomAt)
 *        ▲                                │  ▲                                  │
 *        └──── claimedUntil passed ───────┘  └── time passed, or handed back ───┘
 *
 * A claim lasts to the end of its window, and of the next one as well as soon as the window is busy (its count
 * reaches the threshold): a steady attacker finds no silent credit after a rollover. With `block_for` the
 * first denial also starts a penalty, during which nothing is granted whatever the count.
 *
 * Every arrow into "claimed" and "full", a penalty, and a hand-back out of "full" is announced under a higher
 * version.
 */
import { CLOCK_SKEW_MAX, RESERVE_RETRY } from "../limits.ts";
import {
  type Announcement,
  type Answer,
  type Ask,
  type Granted,
  HUB_SOURCE,
  type RulePolicy,
} from "../protocol/messages.ts";
import { after, type EpochMs, later, NEVER, windowAt, windowEnd, windowStart } from "../time.ts";
import { leaseOf } from "./lease.ts";
import {
  emptyLedger,
  hasPlace,
  isolateOf,
  isolatesIn,
  type Learnt,
  type Ledger,
  learn,
  learnPrevious,
  rollLedger,
} from "./ledger.ts";
import {
  charge,
  chargePrevious,
  emptyMeter,
  forgottenAt,
  type MeterState,
  resetAt,
  rollMeter,
  room,
} from "./meter/meter.ts";
import { endOverride, type Override, quotaOf } from "./override.ts";
import { reserveOf } from "./reserve.ts";
import { claimedWindow, startPenalty, updateVerdicts } from "./verdicts.ts";

export interface Account {
  readonly key: string;
  policy: RulePolicy;
  label: string | undefined;
  /** The data centre whose Ask came first; empty before there was one. The object lives near it. */
  claimedBy: string;
  /** Rises whenever the account is loaded anew; an answer of an older epoch is void. */
  epoch: number;
  /** Rises with every change that is announced. */
  version: number;
  ledger: Ledger;
  meter: MeterState;
  /** The announced end of the claim, NEVER for none. Not stored: it is announced anew after a restart. */
  claimedUntil: EpochMs;
  /** The announced end of being full, NEVER for none. Not stored: a denial writes nothing. */
  fullUntil: EpochMs;
  penaltyUntil: EpochMs;
  /** Until then announcements say that blocks were lifted by hand. Not stored: older news of a block is void after a restart. */
  releasedUntil: EpochMs;
  override: Override | undefined;
  /** True until the first row under this epoch is written: no answer may leave before it. */
  epochUnwritten: boolean;
}

/** What the shell has to do after an Ask, in this order: store, answer, announce. */
export type Step =
  | { readonly kind: "stale" }
  | {
      readonly kind: "answer";
      readonly answer: Answer;
      /** The row must be durable before the answer or the announcement leaves. */
      readonly store: boolean;
      readonly announcement: Announcement | undefined;
    };

/** What an account is opened for: an Ask, or a command, which comes from no source. */
export type Opening = Pick<Ask, "rule" | "key" | "label"> & Partial<Pick<Ask, "pop" | "epochSeen">>;

/** An account nobody has asked for yet. Its epoch is above any that the asking source has heard of. */
export function openAccount({ rule, key, label, pop = "", epochSeen = 0 }: Opening, now: EpochMs): Account {
  const window = windowAt(rule.grid, now);
  return {
    key,
    policy: rule,
    label,
    claimedBy: pop,
    epoch: epochSeen + 1,
    version: 0,
    ledger: emptyLedger(window),
    meter: emptyMeter(window),
    claimedUntil: NEVER,
    fullUntil: NEVER,
    penaltyUntil: NEVER,
    releasedUntil: NEVER,
    override: undefined,
    epochUnwritten: true,
  };
}

/**
 * Answers one Ask. Mutates the account; `stale` means that a newer object owns this key and this one must end.
 * @param busy whether the object has so much to do that its sources should ask less often
 */
export function ask(account: Account, message: Ask, now: EpochMs, busy = false): Step {
  if (message.epochSeen > account.epoch) {
    if (!account.epochUnwritten) return { kind: "stale" };
    // Newly loaded or opened anew after the row had expired: the row about to be written proves that this is
    // the object that owns the key. To end here would only load the same low epoch again.
    account.epoch = message.epochSeen + 1;
  }
  // Opened by a Worker of the first release, or kept in a row of it: those say less of the rule.
  if (account.policy.threshold === undefined) account.policy = message.rule;
  if (account.claimedBy === "") account.claimedBy = message.pop;
  account.label ??= message.label;
  endOverride(account, now);
  rollTo(account, windowAt(account.policy.grid, now));
  if (message.window > account.meter.window) {
    const ahead = windowStart(account.policy.grid, message.window) - now;
    if (ahead > CLOCK_SKEW_MAX) return refuse(account, message, now, false);
    rollTo(account, message.window);
  }
  const known = account.ledger.sources.get(message.source);
  if (known !== undefined && message.seq < known.seq) {
    return {
      kind: "answer",
      answer: { kind: "dropped", seq: message.seq },
      store: false,
      announcement: undefined,
    };
  }
  const repeated = known !== undefined && message.seq === known.seq && message.window === known.seqWindow;
  if (message.window < account.meter.window) {
    return repeated ? repeatPrevious(account, message, now) : reportLate(account, message, now);
  }
  if (!hasPlace(account.ledger, message.source, now)) return refuse(account, message, now, false);
  return take(account, message, now, { repeated, busy });
}

/** Counts what the source says, grants what it wants, and says what is news to everyone. */
function take(
  account: Account,
  message: Ask,
  now: EpochMs,
  { repeated, busy }: { readonly repeated: boolean; readonly busy: boolean },
): Step {
  const before = repeated ? account.ledger.sources.get(message.source)?.granted : undefined;
  let changed = false;
  let denied = false;
  let keptBack = 0;
  let granted: number;
  if (before !== undefined) {
    granted = before;
    denied = before < message.spent + sum(message.want);
  } else {
    const learnt = learn(account.ledger, message, now);
    chargeLearnt(account, learnt, now);
    const given = grant(account, message.want, now);
    // With a lease on top, a source that was denied something would take it for granted.
    const lease = given.denied ? 0 : leaseOf(account, message, now, busy);
    if (lease > 0) charge(quotaOf(account), account.meter, lease, now);
    learnt.source.granted += given.cost + lease;
    if (lease > 0) learnt.source.ahead = (learnt.source.ahead ?? 0) + lease;
    granted = learnt.source.granted;
    ({ denied, keptBack } = given);
    changed = learnt.isNew || learnt.delta !== 0 || learnt.previousDelta !== 0 || given.cost + lease > 0;
  }
  const penalised = denied && startPenalty(account, now);
  const wasClaimed = account.claimedUntil > now;
  const news = updateVerdicts(account, denied, now) || penalised;
  if (news) account.version += 1;
  const store = changed || penalised || account.epochUnwritten;
  account.epochUnwritten = false;
  return {
    kind: "answer",
    answer: {
      ...answerOf(account, message, account.meter.window, granted, now),
      ...(keptBack > 0 && { keptBack }),
      ...(busy && { busy }),
    },
    store,
    announcement: news
      ? {
          ...announcementOf(account, now),
          ...(!wasClaimed && isolateOf(message.source) === HUB_SOURCE && { found: true }),
        }
      : undefined,
  };
}

const sum = (costs: readonly number[]): number => costs.reduce((total, cost) => total + cost, 0);

function chargeLearnt(account: Account, learnt: Learnt, now: EpochMs): void {
  const { meter } = account;
  const policy = quotaOf(account);
  if (learnt.delta !== 0) charge(policy, meter, learnt.delta, now);
  if (learnt.previousDelta !== 0) chargePrevious(policy, meter, learnt.previousDelta, now);
}

interface Given {
  readonly cost: number;
  readonly denied: boolean;
  /** How many costs were denied that would have fitted into what a strict rule keeps back. */
  readonly keptBack: number;
}

/** Grants costs in order of arrival, each whole or not at all, as long as they fit. */
function grant(account: Account, want: readonly number[], now: EpochMs): Given {
  const quota = quotaOf(account);
  const isBarred = account.penaltyUntil > now;
  const reserve = isBarred ? 0 : reserveOf(account);
  let left = isBarred ? 0 : room(quota, account.meter, now) - reserve;
  let cost = 0;
  let denied = false;
  let keptBack = 0;
  for (const wanted of want) {
    if (wanted <= left) {
      left -= wanted;
      cost += wanted;
    } else {
      denied = true;
      if (wanted <= left + reserve) keptBack += 1;
    }
  }
  if (cost > 0) charge(quota, account.meter, cost, now);
  return { cost, denied, keptBack };
}

function answerOf(account: Account, message: Ask, window: number, granted: number, now: EpochMs): Granted {
  const { meter, claimedUntil, fullUntil, penaltyUntil, override } = account;
  const quota = quotaOf(account);
  const left = room(quota, meter, now);
  const free = left - reserveOf(account);
  // What is kept back is free as soon as sources have reported: whoever is denied for it should come again soon.
  const again = left >= 1 && free < 1 ? after(now, RESERVE_RETRY) : resetAt(quota, meter, now);
  return {
    kind: "granted",
    window,
    seq: message.seq,
    epoch: account.epoch,
    version: account.version,
    granted,
    remaining: Math.max(0, free),
    ...(claimedUntil > now && { claimedUntil }),
    ...(fullUntil > now && { fullUntil }),
    ...(penaltyUntil > now && { penaltyUntil }),
    resetAt: later(again, penaltyUntil),
    ...(override !== undefined && { limit: override.limit }),
    ...sourcesOf(account),
  };
}

/** How many sources see the key, where its rule has a threshold that follows them. */
const sourcesOf = ({ policy, ledger }: Account): Pick<Granted, "sources"> =>
  policy.tellSources === true ? { sources: isolatesIn(ledger) } : {};

/** What every POP is told of the account. */
export function announcementOf(account: Account, now: EpochMs): Announcement {
  const { claimedUntil, fullUntil, penaltyUntil, releasedUntil } = account;
  return {
    key: account.key,
    ruleVersion: account.policy.version,
    ...(account.label !== undefined && { label: account.label }),
    ...(account.claimedBy !== "" && { claimedBy: account.claimedBy }),
    ...sourcesOf(account),
    epoch: account.epoch,
    version: account.version,
    ...(claimedUntil !== NEVER && { claimedUntil }),
    ...(fullUntil !== NEVER && { fullUntil }),
    ...(penaltyUntil !== NEVER && { penaltyUntil }),
    ...(releasedUntil > now && { released: true }),
  };
}

/** A repeated Ask of the previous window gets the answer it got then: its grant was counted there. */
function repeatPrevious(account: Account, message: Ask, now: EpochMs): Step {
  const granted = account.ledger.sources.get(message.source)?.previous;
  if (granted === undefined || message.window !== account.meter.window - 1)
    return refuse(account, message, now, false);
  const store = account.epochUnwritten;
  account.epochUnwritten = false;
  return {
    kind: "answer",
    answer: answerOf(account, message, message.window, granted, now),
    store,
    announcement: undefined,
  };
}

/** An Ask of an ended window only reports: its spending is counted where it happened, nothing is granted. */
function reportLate(account: Account, message: Ask, now: EpochMs): Step {
  const takeable =
    message.window === account.meter.window - 1 && hasPlace(account.ledger, message.source, now);
  if (takeable) {
    const learnt = learnPrevious(account.ledger, message, now);
    chargeLearnt(account, learnt, now);
    return refuse(account, message, now, learnt.isNew || learnt.previousDelta !== 0);
  }
  return refuse(account, message, now, false);
}

function refuse(account: Account, message: Ask, now: EpochMs, changed: boolean): Step {
  const store = changed || account.epochUnwritten;
  account.epochUnwritten = false;
  return {
    kind: "answer",
    answer: { kind: "refused", seq: message.seq, window: account.meter.window, now },
    store,
    announcement: undefined,
  };
}

/** Moves an account to a later window; windows never go back. */
export function rollTo(account: Account, window: number): void {
  if (window <= account.meter.window) return;
  rollMeter(account.meter, window);
  rollLedger(account.ledger, window);
}

/**
 * When nothing of the account is worth keeping any more: one idle window after the one in which its claim, its
 * block or its override ends. Until then sources remember its epoch, and would take the news of a new account for old.
 */
export function expiresAt(account: Account): EpochMs {
  const { meter, policy, override, penaltyUntil } = account;
  const { grid } = policy;
  const held = windowAt(grid, later(penaltyUntil, override?.until ?? NEVER));
  const last = Math.max(claimedWindow(account), held);
  // A bucket that is forgotten before it is full again would be given away full, at the slower of its two rates.
  const full = later(forgottenAt(policy, meter), forgottenAt(quotaOf(account), meter));
  const idle = later(windowEnd(grid, last + 1), full);
  return after(after(idle, CLOCK_SKEW_MAX), CLOCK_SKEW_MAX);
}
