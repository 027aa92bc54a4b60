/** What an owner writes into the log of what it announces: claims, blocks and releases, each where it is decided. */
import type { Change } from "../shared/owner/changes.ts";
import { EventLog, type OwnerEvent } from "../shared/telemetry/log.ts";
import { type EpochMs, NEVER } from "../shared/time.ts";

/** The lines of one object. */
export class Journal {
  readonly #log = new EventLog((time) => new Date(time).toISOString());

  write(change: Change, now: EpochMs): void {
    const line = this.#log.line(() => eventOf(change), now);
    if (line !== undefined) console.info(line);
  }
}

const eventOf = ({ event, account, pop, until }: Change): OwnerEvent => ({
  event,
  rule: account.policy.name,
  ...(pop !== undefined && { pop }),
  key: account.key,
  ...(until !== NEVER && { until }),
});
