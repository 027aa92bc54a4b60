/**
 * Leases: what an owner grants ahead of being asked for. It is granted like everything else, out of the room there is
 * and counted at once, so it never makes more than the limit; what is not used comes back by a report.
 *
 * A source says how much it could use. The owner gives the rule's share of what is left if the client is at one source,
 * and less if it is at several, as all draw on it: at n of them, 2 / (n + 1) of that share. So leases shrink as the limit
 * comes near, and where they would come to no more than a half there are none.
 */
import { LEASE_ACTIVE, LEASE_WIDEN } from "../limits.ts";
import type { Ask } from "../protocol/messages.ts";
import { between, type EpochMs } from "../time.ts";
import type { Account } from "./account.ts";
import type { Ledger } from "./ledger.ts";
import { room } from "./meter/meter.ts";
import { quotaOf } from "./override.ts";
import { reserveOf } from "./reserve.ts";

/**
 * What an Ask is granted beyond what it wants, all of which was granted.
 * @param busy whether the owner has so much to do that its sources should ask less often: then it grants more at a time
 */
export function leaseOf(account: Account, { rule, ahead = 0 }: Ask, now: EpochMs, busy: boolean): number {
  const { lease: share = 0, algorithm } = rule;
  // A bucket that is given back what it lent would be fuller than one that lent nothing: what flowed in meanwhile stays.
  if (share === 0 || ahead === 0 || algorithm === "token-bucket" || account.penaltyUntil > now) return 0;
  const left = room(quotaOf(account), account.meter, now) - reserveOf(account);
  // One share more than there are sources: then something is left for whoever asks next. Rounded, a half down.
  const part = Math.ceil((2 * share * left) / (1 + activeSources(account.ledger, now)) - 1 / 2);
  const most = Math.min(part, Math.floor(share * left));
  return Math.max(0, Math.min(busy ? LEASE_WIDEN * ahead : ahead, most));
}

/** Sources heard of not long ago, the one that asks among them. */
function activeSources({ sources }: Ledger, now: EpochMs): number {
  let active = 0;
  for (const { seenAt } of sources.values()) if (between(seenAt, now) < LEASE_ACTIVE) active += 1;
  return Math.max(1, active);
}
