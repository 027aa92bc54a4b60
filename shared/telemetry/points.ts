/**
 * Data points of denials and claims, for Analytics Engine. Under a flood few are written, and each says how many events
 * it stands for: the sum of weights is the number of events, by event and rule.
 */
import { Budget } from "../budget.ts";
import { POINTS_PER_SECOND } from "../limits.ts";
import type { How } from "../pop/decide.ts";
import type { KeyHash } from "../protocol/messages.ts";
import type { EpochMs } from "../time.ts";

export interface PointEvent {
  readonly event: "denial" | "claim";
  /** The rule's name. */
  readonly rule: string;
  /** The data centre. */
  readonly pop: string;
  readonly how: How;
  /** What the denied request costs; of a claim, what its owner has counted by then. */
  readonly cost: number;
  /** Computed only for a point that is written. */
  readonly key: () => KeyHash;
}

/** As `writeDataPoint` takes it. */
export interface DataPoint {
  /** event, rule, data centre, how it was decided, the key's hash. */
  readonly blobs: [string, string, string, string, string];
  /** cost, and how many events the point stands for. */
  readonly doubles: [number, number];
  /** The rule. */
  readonly indexes: [string];
}

/** The points of one isolate or object. */
export class Points {
  readonly #budget = new Budget(POINTS_PER_SECOND, POINTS_PER_SECOND);
  /** Events that no point stands for yet, by event and rule. */
  readonly #waiting = new Map<string, number>();

  /** The point to write for an event; `undefined` when it waits for the next of its rule. */
  of({ event, rule, pop, how, cost, key }: PointEvent, now: EpochMs): DataPoint | undefined {
    const kind = `${event} ${rule}`;
    const weight = (this.#waiting.get(kind) ?? 0) + 1;
    if (!this.#budget.take(now)) {
      this.#waiting.set(kind, weight);
      return undefined;
    }
    this.#waiting.delete(kind);
    return {
      blobs: [event, rule, pop, how, key()],
      doubles: [cost, weight],
      indexes: [rule],
    };
  }
}
