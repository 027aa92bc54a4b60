/** What a source can tell a client of a rule: what is left, and when more comes. */
import { capacity, type Rule } from "../rule.ts";
import { after, type EpochMs, windowEnd } from "../time.ts";
import type { Entries } from "./entries.ts";

/** What the quota is: the rule's limit, unless the owner said that this key has another. */
export function limitOf(entries: Entries, slot: number, rule: Rule): number {
  const hot = slot < 0 ? undefined : entries.hotAt(slot);
  return hot?.limit ?? rule.limit;
}

/** What one isolate may admit by itself while the owner cannot be reached. */
export function capacityAt(entries: Entries, slot: number, rule: Rule): number {
  const hot = slot < 0 ? undefined : entries.hotAt(slot);
  return hot?.limit ?? capacity(rule);
}

/** The owner's last word minus what was used here since; before it has spoken, what is allowed minus what was used here. */
export function remaining(entries: Entries, slot: number): number {
  if (slot < 0) return 0;
  const hot = entries.hotAt(slot);
  const spent = entries.spent(slot);
  if (hot !== undefined && hot.answeredWindow === entries.window(slot)) {
    return Math.max(0, hot.remaining - (spent - hot.spentThen));
  }
  return Math.max(0, capacityAt(entries, slot, entries.ruleAt(slot)) - spent);
}

/** What a client is told of a rule that admits it without asking. */
export const quotaOf = (entries: Entries, slot: number, rule: Rule, now: EpochMs) => ({
  rule,
  limit: limitOf(entries, slot, rule),
  remaining: remaining(entries, slot),
  resetAt: resetAt(entries, slot, rule, now),
});

/** When quota comes back: the end of a block, else what the owner said, else the end of the window here. */
export function resetAt(entries: Entries, slot: number, rule: Rule, now: EpochMs): EpochMs {
  const hot = slot < 0 ? undefined : entries.hotAt(slot);
  if (hot !== undefined) {
    const blocked = entries.blockedUntil(slot, now);
    if (blocked > now) return blocked;
    if (hot.answeredWindow === entries.window(slot) && hot.resetAt > now) return hot.resetAt;
  }
  return localReset(entries, slot, rule, now);
}

/** The end of the entry's window; for a key without an entry, one window from now. */
export const localReset = (entries: Entries, slot: number, rule: Rule, now: EpochMs): EpochMs =>
  slot < 0 ? after(now, rule.window) : windowEnd(entries.gridAt(slot), entries.window(slot));
