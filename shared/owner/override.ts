/**
 * An override: another limit for one key, given by hand, until it ends or is taken back. The account meters with it,
 * and keeps the key claimed for as long, for no source knows of another limit: a lower one would be passed by what
 * sources count silently, and a higher one told to nobody.
 *
 * What was counted stays; a token bucket keeps what is missing from it, and holds the override's limit.
 */
import type { RulePolicy } from "../protocol/messages.ts";
import { type EpochMs, NEVER } from "../time.ts";
import type { Account } from "./account.ts";
import { charge } from "./meter/meter.ts";

export interface Override {
  readonly limit: number;
  readonly until: EpochMs;
}

/** What the account meters by: the rule's policy, with the override's limit if there is one. */
export function quotaOf({ policy, override }: Pick<Account, "policy" | "override">): RulePolicy {
  if (override === undefined) return policy;
  const { limit } = override;
  return { ...policy, limit, ...(policy.algorithm === "token-bucket" && { burst: limit }) };
}

/** Changes the limit, from `at` on: what flowed into a bucket before came at the old rate. */
export function changeOverride(account: Account, override: Override | undefined, at: EpochMs): void {
  charge(quotaOf(account), account.meter, 0, at);
  account.override = override;
  charge(quotaOf(account), account.meter, 0, at);
}

/** Ends an override whose time is over, as of that time. */
export function endOverride(account: Account, now: EpochMs): void {
  const until = account.override?.until ?? NEVER;
  if (account.override !== undefined && until <= now) changeOverride(account, undefined, until);
}
