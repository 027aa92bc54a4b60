/**
 * What an owner tells operators of what it announces: lines in the log for claims, blocks and releases, and a data point
 * for a claim. Each is told where it is decided, so once worldwide.
 */
import type { Change } from "../shared/owner/changes.ts";
import { EventLog, type OwnerEvent } from "../shared/telemetry/log.ts";
import { type PointEvent, Points } from "../shared/telemetry/points.ts";
import { type EpochMs, NEVER } from "../shared/time.ts";
import type { Env } from "../worker/env.ts";

/** The lines and points of one object. */
export class Journal {
  readonly #log = new EventLog((time) => new Date(time).toISOString());
  readonly #points = new Points();
  readonly #analytics: AnalyticsEngineDataset | undefined;

  constructor(env: Pick<Env, "ANALYTICS">) {
    this.#analytics = env.ANALYTICS;
  }

  /** Never throws. */
  write(change: Change, now: EpochMs): void {
    try {
      const line = this.#log.line(() => eventOf(change), now);
      if (line !== undefined) console.info(line);
      if (change.event !== "claim" || this.#analytics === undefined) return;
      const point = this.#points.of(pointOf(change), now);
      if (point !== undefined) this.#analytics.writeDataPoint(point);
    } catch {
      // What operators are told is no reason to answer otherwise.
    }
  }
}

const eventOf = ({ event, account, pop, until }: Change): OwnerEvent => ({
  event,
  rule: account.policy.name,
  ...(pop !== undefined && { pop }),
  key: account.key,
  ...(until !== NEVER && { until }),
});

const pointOf = ({ account, pop }: Change): PointEvent => ({
  event: "claim",
  rule: account.policy.name,
  pop: pop ?? "",
  how: "owner",
  cost: account.meter.current,
  key: () => account.key,
});
