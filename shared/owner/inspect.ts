/** What people are shown of an account. */
import { type EpochMs, later, windowAt } from "../time.ts";
import { type Account, rollTo } from "./account.ts";
import { counted } from "./meter/meter.ts";

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
