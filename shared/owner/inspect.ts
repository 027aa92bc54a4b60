/** What people are shown of an account. */
import type { CommandResult } from "../protocol/command-messages.ts";
import { type EpochMs, later, windowAt } from "../time.ts";
import { type Account, rollTo } from "./account.ts";
import { lentBy } from "./ledger.ts";
import { counted, resetAt } from "./meter/meter.ts";
import { endOverride, quotaOf } from "./override.ts";
import { reserveOf } from "./reserve.ts";

/** What a person is shown of the account. */
export type OwnerState = CommandResult;

/**
 * Looks at a copy: an account that is moved on is kept for longer, and would be for as long as somebody watches.
 * @param busy whether the object that keeps the account has much to do
 */
export function inspect(watched: Account, now: EpochMs, busy = false): OwnerState {
  const account = copyOf(watched);
  endOverride(account, now);
  rollTo(account, windowAt(account.policy.grid, now));
  const { meter, penaltyUntil, override } = account;
  const quota = quotaOf(account);
  const until = later(account.fullUntil, penaltyUntil);
  return {
    rule: account.policy.name,
    key: account.label ?? account.key,
    epoch: account.epoch,
    window: meter.window,
    count: counted(quota, meter, now),
    lent: lentBy(account.ledger),
    reserved: reserveOf(account),
    busy,
    limit: quota.limit,
    resetAt: later(resetAt(quota, meter, now), penaltyUntil),
    claimed: isClaimed(account, now),
    claimedBy: account.claimedBy,
    sources: account.ledger.sources.size,
    blockedUntil: until > now ? until : null,
    override: override ?? null,
  };
}

/** Claims are not stored: after a restart they are known by who asked in this window, and by a busy one before it. */
function isClaimed({ claimedUntil, meter, ledger, policy, override }: Account, now: EpochMs): boolean {
  if (claimedUntil > now || override !== undefined) return true;
  if (meter.previous >= (policy.threshold ?? Number.POSITIVE_INFINITY)) return true;
  for (const { seqWindow } of ledger.sources.values()) if (seqWindow === meter.window) return true;
  return false;
}

function copyOf(account: Account): Account {
  const sources = Array.from(account.ledger.sources, ([id, source]) => [id, { ...source }] as const);
  const ledger = { ...account.ledger, sources: new Map(sources) };
  return { ...account, meter: { ...account.meter }, ledger };
}
