/**
 * One key's account at its owner: the ledger, the meter, the verdicts, and the rules by which an Ask is
 * answered. Pure: the shell loads and stores the row, sends what `ask` returns, and passes the time.
 *
 *               first Ask of a window                 denied, room < 1
 *    unclaimed ───────────────────────▶ claimed ───────────────────────────▶ full (until nextRoomAt)
 *        ▲                                │  ▲                                  │
 *        └──── window over, no Ask ───────┘  └── time passed, or handed back ───┘
 *
 * Every arrow into "claimed" and "full", and a hand-back out of "full", is announced under a higher version.
 */
import { CLOCK_SKEW_MAX } from "../limits.ts";
import type { Announcement, Answer, Ask, Granted, RulePolicy } from "../protocol/messages.ts";
import { after, type EpochMs, later, NEVER, windowAt, windowEnd, windowStart } from "../time.ts";
import {
  emptyLedger,
  hasPlace,
  type Learnt,
  type Ledger,
  learn,
  learnPrevious,
  rollLedger,
} from "./ledger.ts";
import {
  charge,
  chargePrevious,
  counted,
  emptyMeter,
  type MeterState,
  nextRoomAt,
  resetAt,
  rollMeter,
  room,
} from "./meter/meter.ts";

export interface Account {
  readonly key: string;
  policy: RulePolicy;
  label: string | undefined;
  /** The data centre whose Ask opened this account; the object lives near it. */
  readonly claimedBy: string;
  /** Rises whenever the account is loaded anew; an answer of an older epoch is void. */
  epoch: number;
  /** Rises with every change that is announced. */
  version: number;
  ledger: Ledger;
  meter: MeterState;
  /** The window whose claim was announced last, −1 for none. */
  claimedWindow: number;
  /** The announced end of being full, NEVER for none. Not stored: a denial writes nothing. */
  fullUntil: EpochMs;
  penaltyUntil: EpochMs;
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

/** An account nobody has asked for yet. Its epoch is above any that the asking source has heard of. */
export function openAccount(ask: Ask, now: EpochMs): Account {
  const window = windowAt(ask.rule.grid, now);
  return {
    key: ask.key,
    policy: ask.rule,
    label: ask.label,
    claimedBy: ask.pop,
    epoch: ask.epochSeen + 1,
    version: 0,
    ledger: emptyLedger(window),
    meter: emptyMeter(window),
    claimedWindow: -1,
    fullUntil: NEVER,
    penaltyUntil: NEVER,
    epochUnwritten: true,
  };
}

/** Answers one Ask. Mutates the account; `stale` means that a newer object owns this key and this one must end. */
export function ask(account: Account, message: Ask, now: EpochMs): Step {
  if (message.epochSeen > account.epoch) {
    if (!account.epochUnwritten) return { kind: "stale" };
    // Newly loaded or opened anew after the row had expired: the row about to be written proves that this is
    // the object that owns the key. To end here would only load the same low epoch again.
    account.epoch = message.epochSeen + 1;
  }
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
  return take(account, message, now, repeated);
}

/** Counts what the source says, grants what it wants, and says what is news to everyone. */
function take(account: Account, message: Ask, now: EpochMs, repeated: boolean): Step {
  const before = repeated ? account.ledger.sources.get(message.source)?.granted : undefined;
  let changed = false;
  let denied = false;
  let granted: number;
  if (before !== undefined) {
    granted = before;
    denied = before < message.spent + sum(message.want);
  } else {
    const learnt = learn(account.ledger, message, now);
    chargeLearnt(account.meter, learnt);
    const given = grant(account, message.want, now);
    learnt.source.granted += given.cost;
    granted = learnt.source.granted;
    denied = given.denied;
    changed = learnt.isNew || learnt.delta !== 0 || learnt.previousDelta !== 0 || given.cost > 0;
  }
  const news = updateVerdicts(account, denied, now);
  const store = changed || account.epochUnwritten;
  account.epochUnwritten = false;
  return {
    kind: "answer",
    answer: answerOf(account, message, account.meter.window, granted, now),
    store,
    announcement: news ? announcementOf(account) : undefined,
  };
}

const sum = (costs: readonly number[]): number => costs.reduce((total, cost) => total + cost, 0);

function chargeLearnt(meter: MeterState, learnt: Learnt): void {
  if (learnt.delta !== 0) charge(meter, learnt.delta);
  if (learnt.previousDelta !== 0) chargePrevious(meter, learnt.previousDelta);
}

/** Grants costs in order of arrival, each whole or not at all, as long as they fit. */
function grant(account: Account, want: readonly number[], now: EpochMs): { cost: number; denied: boolean } {
  let left = account.penaltyUntil > now ? 0 : room(account.policy, account.meter, now);
  let cost = 0;
  let denied = false;
  for (const wanted of want) {
    if (wanted <= left) {
      left -= wanted;
      cost += wanted;
    } else {
      denied = true;
    }
  }
  if (cost > 0) charge(account.meter, cost);
  return { cost, denied };
}

/** Brings claim and block up to date; true when everyone should hear of a change. */
function updateVerdicts(account: Account, denied: boolean, now: EpochMs): boolean {
  let news = false;
  if (account.claimedWindow !== account.meter.window) {
    account.claimedWindow = account.meter.window;
    news = true;
  }
  const full = room(account.policy, account.meter, now) < 1;
  const until = full && denied ? nextRoomAt(account.policy, account.meter, now) : NEVER;
  if (until !== NEVER && until !== account.fullUntil) {
    account.fullUntil = until;
    news = true;
  } else if (!full && account.fullUntil > now) {
    // Somebody handed back what made it full: whoever was told to wait need not.
    account.fullUntil = NEVER;
    news = true;
  }
  if (news) account.version += 1;
  return news;
}

function answerOf(account: Account, message: Ask, window: number, granted: number, now: EpochMs): Granted {
  const { policy, meter, fullUntil, penaltyUntil } = account;
  return {
    kind: "granted",
    window,
    seq: message.seq,
    epoch: account.epoch,
    version: account.version,
    granted,
    remaining: Math.max(0, room(policy, meter, now)),
    ...(fullUntil > now && { fullUntil }),
    ...(penaltyUntil > now && { penaltyUntil }),
    resetAt: later(resetAt(policy, meter, now), penaltyUntil),
  };
}

function announcementOf(account: Account): Announcement {
  const { fullUntil, penaltyUntil } = account;
  return {
    key: account.key,
    ruleVersion: account.policy.version,
    ...(account.label !== undefined && { label: account.label }),
    epoch: account.epoch,
    version: account.version,
    claimedUntil: windowEnd(account.policy.grid, account.claimedWindow),
    ...(fullUntil !== NEVER && { fullUntil }),
    ...(penaltyUntil !== NEVER && { penaltyUntil }),
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
    chargeLearnt(account.meter, learnt);
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

function rollTo(account: Account, window: number): void {
  if (window <= account.meter.window) return;
  rollMeter(account.meter, window);
  rollLedger(account.ledger, window);
}

/** When nothing of the account is worth keeping any more: one idle window after its end, never before a block has ended. */
export function expiresAt(account: Account): EpochMs {
  const { grid } = account.policy;
  const idle = after(windowEnd(grid, account.meter.window + 1), CLOCK_SKEW_MAX);
  return later(after(idle, CLOCK_SKEW_MAX), account.penaltyUntil);
}

/** What a person is shown of the account. */
export interface OwnerState {
  readonly rule: string;
  readonly key: string;
  readonly epoch: number;
  readonly window: number;
  readonly count: number;
  readonly limit: number;
  readonly claimedBy: string;
  readonly sources: number;
  readonly blockedUntil: EpochMs | null;
}

export function inspect(account: Account, now: EpochMs): OwnerState {
  rollTo(account, windowAt(account.policy.grid, now));
  const until = later(account.fullUntil, account.penaltyUntil);
  return {
    rule: account.policy.name,
    key: account.label ?? account.key,
    epoch: account.epoch,
    window: account.meter.window,
    count: counted(account.policy, account.meter, now),
    limit: account.policy.limit,
    claimedBy: account.claimedBy,
    sources: account.ledger.sources.size,
    blockedUntil: until > now ? until : null,
  };
}
