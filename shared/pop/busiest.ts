/** The clients of an isolate that are shown to people: those that spent most, and those that are wanted by name. */
import { hex32 } from "../hash.ts";
import { KEYS_REPORTED_MAX } from "../limits.ts";
import type { ReportedKey } from "../telemetry/report.ts";
import { type EpochMs, NEVER } from "../time.ts";
import { TAG_HI, TAG_LO } from "./credit-table.ts";
import type { Entries } from "./entries.ts";

/**
 * The busiest entries whose windows run, and all that are wanted, busiest first. Looks through the whole table.
 * @param wanted as rule version, dot, tag
 * @param labelOf what people are shown of an entry, if they are
 */
export function busiest(
  entries: Entries,
  wanted: ReadonlySet<string>,
  labelOf: (slot: number) => string | undefined,
  now: EpochMs,
): ReportedKey[] {
  const chosen: number[] = [];
  const named: number[] = [];
  let least = 0;
  for (const slot of entries.table.slots()) {
    const spent = entries.spent(slot);
    const isNamed = wanted.size > 0 && wanted.has(nameOf(entries, slot));
    // A client that spent nothing here is shown only where it is known from elsewhere.
    if (!isNamed && (spent < least || (spent === 0 && entries.table.hotOf(slot) < 0))) continue;
    if (entries.isOver(slot, now)) continue;
    if (isNamed) named.push(slot);
    else chosen.push(slot);
    if (chosen.length < 4 * KEYS_REPORTED_MAX) continue;
    least = cut(entries, chosen, KEYS_REPORTED_MAX);
  }
  cut(entries, chosen, Math.max(0, KEYS_REPORTED_MAX - named.length));
  return [...named.slice(0, KEYS_REPORTED_MAX), ...chosen].map((slot) => keyAt(entries, slot, labelOf, now));
}

/** Leaves the busiest, and returns what the last of them spent. */
function cut(entries: Entries, slots: number[], most: number): number {
  slots.sort((a, b) => entries.spent(b) - entries.spent(a));
  slots.length = Math.min(slots.length, most);
  const last = slots.at(-1);
  return last === undefined ? 0 : entries.spent(last);
}

const tagAt = ({ table }: Entries, slot: number): string =>
  hex32(table.get(slot, TAG_HI)) + hex32(table.get(slot, TAG_LO));

const nameOf = (entries: Entries, slot: number): string =>
  `${entries.ruleAt(slot).version}.${tagAt(entries, slot)}`;

function keyAt(
  entries: Entries,
  slot: number,
  labelOf: (slot: number) => string | undefined,
  now: EpochMs,
): ReportedKey {
  const hot = entries.hotAt(slot);
  const until = entries.blockedUntil(slot, now);
  const blocked = hot !== undefined && until > now;
  const { version, excessMax } = entries.ruleAt(slot);
  const ahead = entries.aheadAt(slot, now);
  return {
    rule: version,
    tag: tagAt(entries, slot),
    hash: hot?.key ?? null,
    label: labelOf(slot) ?? null,
    ...entries.runningAt(slot, now),
    ...(ahead > 0 && { ahead }),
    ...(excessMax !== undefined && { threshold: entries.thresholdAt(slot, now) }),
    claimed: (hot?.view.claimedUntil ?? NEVER) > now,
    blockedUntil: blocked ? until : null,
    blockedSince: blocked ? hot.blockedSince : null,
  };
}
