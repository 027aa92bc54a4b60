/** What a hub says of its region to who asks. */
import type { RuleCounts } from "../telemetry/tally.ts";

/** All that a hub counted, to be shown as metrics. */
export interface RegionMetrics {
  readonly rules: readonly RuleCounts[];
  readonly unlimited: number;
  readonly faults: number;
  readonly heard: number;
  readonly busy: number;
  readonly replacements: number;
  readonly asks: readonly number[];
  readonly askMs: number;
  readonly pops: readonly PopGauges[];
  /** By the rule's name, the lowest automatic threshold that an isolate works with. Hubs of older releases say none. */
  readonly thresholds?: ReadonlyMap<string, number>;
  /** By the rule's name, clients that this hub found thinly spread and had claimed. */
  readonly found?: ReadonlyMap<string, number>;
}

/** What the isolates of a data centre are like now. */
export interface PopGauges {
  readonly pop: string;
  readonly isolates: number;
  /** The longest that one of them has been without a connection to this hub. */
  readonly watchAgeMs: number;
  readonly entries: number;
  readonly capacity: number;
}

/** How requests were decided at a data centre. */
export interface PopTotals {
  readonly pop: string;
  isolates: number;
  readonly rules: Record<string, readonly number[]>;
  unlimited: number;
}
