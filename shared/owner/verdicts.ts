/** What an owner believes of its key besides the count: claimed until, full until, barred until. */
import { after, type EpochMs, epochMs, later, NEVER, windowAt, windowEnd } from "../time.ts";
import type { Account } from "./account.ts";
import { nextRoomAt, room } from "./meter/meter.ts";
import { quotaOf } from "./override.ts";

/** A denial for want of room starts the rule's penalty, if it has one and none is running. It is never extended. */
export function startPenalty(account: Account, now: EpochMs): boolean {
  const { blockForMs } = account.policy;
  if (blockForMs === undefined || account.penaltyUntil > now) return false;
  if (room(quotaOf(account), account.meter, now) >= 1) return false;
  account.penaltyUntil = after(now, blockForMs);
  return true;
}

/** Brings claim and block up to date; true when everyone should hear of a change. */
export function updateVerdicts(account: Account, denied: boolean, now: EpochMs): boolean {
  let news = false;
  const full = room(quotaOf(account), account.meter, now) < 1;
  const until = full && (denied || isToldEarly(account)) ? fullUntilOf(account, now) : NEVER;
  if (until !== NEVER && until !== account.fullUntil) {
    account.fullUntil = until;
    news = true;
  } else if (!full && account.fullUntil > now) {
    // Somebody handed back what made it full: whoever was told to wait need not.
    account.fullUntil = NEVER;
    news = true;
  }
  const claimedUntil = claimedUntilOf(account);
  if (claimedUntil > account.claimedUntil) {
    account.claimedUntil = claimedUntil;
    news = true;
  }
  return news;
}

/**
 * Whether everybody hears that nothing is left before anybody is denied. Under a rule that leases most requests are
 * let in without asking, and nobody should have to wait just to be denied; and what others hold comes back sooner. A
 * penalty, though, begins with a denial that the owner knows of.
 */
const isToldEarly = ({ policy }: Account): boolean =>
  (policy.lease ?? 0) > 0 && policy.algorithm !== "token-bucket" && policy.blockForMs === undefined;

/** When there is room again; another limit comes back with the end of an override. */
export function fullUntilOf(account: Account, now: EpochMs): EpochMs {
  const until = nextRoomAt(quotaOf(account), account.meter, now);
  const { override } = account;
  return override !== undefined && override.until < until ? override.until : until;
}

/** The end of the claim: of its last window, or of an override, which no source could hold to by itself. */
export const claimedUntilOf = (account: Account): EpochMs =>
  later(windowEnd(account.policy.grid, claimedWindow(account)), account.override?.until ?? NEVER);

/**
 * The last window of the claim: the one after the last busy one. A window is busy when its count reaches the
 * threshold, and also while the key is full: what is denied then is not counted, but it is no quiet either.
 */
export function claimedWindow({ policy, meter, fullUntil }: Account): number {
  const counted =
    meter.current >= (policy.threshold ?? Number.POSITIVE_INFINITY) ? meter.window + 1 : meter.window;
  const full = fullUntil === NEVER ? 0 : windowAt(policy.grid, epochMs(fullUntil - 1)) + 1;
  return Math.max(counted, full);
}
