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

/** Looks at a copy: an account that is moved on is kept for longer, and would be for as long as somebody watches. */
export function inspect(watched: Account, now: EpochMs): OwnerState {
  const account = copyOf(watched);
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

function copyOf(account: Account): Account {
  const sources = Array.from(account.ledger.sources, ([id, source]) => [id, { ...source }] as const);
  const ledger = { ...account.ledger, sources: new Map(sources) };
  return { ...account, meter: { ...account.meter }, ledger };
}
