/**
 * Strict rules: what an owner keeps back for sources that have not reported in this window, as each of them may have
 * admitted its silent credit. With that kept, no more than the limit is admitted, as long as the sources that see the
 * client are no more than the rule says.
 *
 * A source has reported when it asked in this window. Where an Ask of it said that it knows of a claim that covers this
 * window, it began the window with its grace alone.
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
  const [reported, knowing] = [new Set<string>(), new Set<string>()];
  for (const [source, { seqWindow, claimSeen = 0 }] of ledger.sources) {
    const isolate = isolateOf(source);
    // It asks for what it has seen, not for what it admitted.
    if (isolate === HUB_SOURCE) continue;
    if (seqWindow === ledger.window) reported.add(isolate);
    else if (claimSeen > start) knowing.add(isolate);
  }
  for (const isolate of reported) knowing.delete(isolate);
  const unknown = Math.max(0, reserve.sources - reported.size - knowing.size);
  return unknown * reserve.each + knowing.size * reserve.claimed;
}
