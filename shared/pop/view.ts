/** What a source believes of a key's owner: claims and blocks, joined from answers and announcements. */
import { BLOCK_TRUST } from "../limits.ts";
import type { Verdicts } from "../protocol/messages.ts";
import { after, between, type EpochMs, later, NEVER } from "../time.ts";

export interface View {
  epoch: number;
  version: number;
  /** The owner counts for everyone until then. */
  claimedUntil: EpochMs;
  fullUntil: EpochMs;
  penaltyUntil: EpochMs;
  /** A block is believed until then without hearing of it again: news that it was lifted may get lost. */
  trustedUntil: EpochMs;
}

export const emptyView = (): View => ({
  epoch: 0,
  version: 0,
  claimedUntil: NEVER,
  fullUntil: NEVER,
  penaltyUntil: NEVER,
  trustedUntil: NEVER,
});

/** Orders (epoch, version): positive when `news` is newer than the view, 0 when it is the same state. */
export const compare = (view: View, news: Verdicts): number =>
  news.epoch === view.epoch ? news.version - view.version : news.epoch - view.epoch;

/**
 * Takes news that is as new as the view or newer, whole; older news changes nothing.
 * @param saidAt when the owner can have said it at the earliest, by this source's clock
 */
export function join(view: View, news: Verdicts, saidAt: EpochMs): void {
  if (compare(view, news) < 0) return;
  view.epoch = news.epoch;
  view.version = news.version;
  view.fullUntil = news.fullUntil ?? NEVER;
  view.penaltyUntil = news.penaltyUntil ?? NEVER;
  view.trustedUntil = later(view.trustedUntil, after(saidAt, BLOCK_TRUST));
}

const trusted = (view: View, until: EpochMs, now: EpochMs): boolean => until > now && view.trustedUntil > now;

export const isBarred = (view: View, now: EpochMs): boolean => trusted(view, view.penaltyUntil, now);
export const isFull = (view: View, now: EpochMs): boolean => trusted(view, view.fullUntil, now);

export const isBlocked = (view: View, now: EpochMs): boolean => isBarred(view, now) || isFull(view, now);

/** The end of the block that is believed now, NEVER for none. */
export const blockedUntil = (view: View, now: EpochMs): EpochMs =>
  later(isBarred(view, now) ? view.penaltyUntil : NEVER, isFull(view, now) ? view.fullUntil : NEVER);

/** True in the second half of the trust in a block: time to confirm it, so that no denied request has to wait for that. */
export const wantsConfirmation = (view: View, now: EpochMs): boolean =>
  blockedUntil(view, now) > NEVER && between(now, view.trustedUntil) < BLOCK_TRUST / 2;
