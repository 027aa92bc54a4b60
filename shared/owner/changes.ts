/** What of an announcement is worth a line in the log: that a key was claimed, blocked or released. */
import type { OwnerEventName } from "../telemetry/log.ts";
import { type EpochMs, later, NEVER } from "../time.ts";
import type { Account } from "./account.ts";

/** How an account stood before something happened to it. */
export interface Standing {
  readonly claimed: boolean;
  readonly blocked: boolean;
}

export interface Change {
  readonly event: OwnerEventName;
  readonly account: Account;
  /** The data centre whose request led to it; `undefined` for a command. */
  readonly pop: string | undefined;
  /** NEVER for a release. */
  readonly until: EpochMs;
}

const blockedUntil = ({ fullUntil, penaltyUntil }: Account): EpochMs => later(fullUntil, penaltyUntil);

export const standing = (account: Account, now: EpochMs): Standing => ({
  claimed: account.claimedUntil > now,
  blocked: blockedUntil(account) > now,
});

/** What has changed since. A claim or a block that is prolonged is no news; nor is one that ends by itself. */
export function changesSince(
  before: Standing,
  account: Account,
  pop: string | undefined,
  now: EpochMs,
): readonly Change[] {
  const { claimed, blocked } = standing(account, now);
  const changes: Change[] = [];
  const add = (event: OwnerEventName, until: EpochMs) => changes.push({ event, account, pop, until });
  if (claimed && !before.claimed) add("claim", account.claimedUntil);
  if (blocked && !before.blocked) add("block", blockedUntil(account));
  if (!blocked && before.blocked) add("release", NEVER);
  return changes;
}
