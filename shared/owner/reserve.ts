/**
 * Strict rules: what an owner keeps back for sources that have not reported in this window, as each of them may have
 * admitted its silent credit. With that kept, no more than the limit is admitted, as long as the sources that see the
 * client are no more than the rule says.
 *
 * A source has reported when it asked in this window, or when an Ask of it said that it knows of a claim that covers
 * this window: then it began the window without silent credit.
 */
import { HUB_SOURCE } from "../protocol/messages.ts";
import { windowStart } from "../time.ts";
import type { Account } from "./account.ts";
import { isolateOf } from "./ledger.ts";

/** Cost that may not be granted now, whatever room there is. */
export function reserveOf({ policy, ledger }: Account): number {
  const { reserve, grid } = policy;
  if (reserve === undefined) return 0;
  const start = windowStart(grid, ledger.window);
  const reported = new Set<string>();
  for (const [source, { seqWindow, claimSeen = 0 }] of ledger.sources)
    if (seqWindow === ledger.window || claimSeen > start) reported.add(isolateOf(source));
  // It asks for what it has seen, not for what it admitted.
  reported.delete(HUB_SOURCE);
  return Math.max(0, reserve.sources - reported.size) * reserve.each;
}
