/** What callers of the limiter's API and of its service binding are answered. */
import type { How } from "../shared/pop/decide.ts";
import type { CommandResult } from "../shared/protocol/command-messages.ts";
import type { Rule } from "../shared/rule.ts";
import type { Switches } from "../shared/telemetry/live.ts";

/** What became of a request, or would. */
export interface LimitDecision {
  readonly admitted: boolean;
  /** `credit`, `owner`, `blocked`, or `degraded`: the owner was not reached, and the rule's `on_failure` decided. */
  readonly how: How;
  readonly rule: string;
  readonly limit: number;
  /** Cost that is left; absent where nobody is told, as under a shadow rule. */
  readonly remaining?: number;
  /** When quota comes back, ms since 1970. */
  readonly resetAt?: number;
  /** Not admitted: in how many seconds trying again may help. */
  readonly retryAfterSeconds?: number;
}

/** One key as its owner knows it, under a rule or one of its plans. */
export interface Account extends CommandResult {
  readonly plan?: string;
}

/** A rule as people are shown it. */
export interface RuleSummary extends Switches {
  readonly name: string;
  readonly version: string;
  readonly plan?: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly threshold: number;
  readonly algorithm: Rule["algorithm"];
  readonly mode: Rule["mode"];
  readonly guarantee: string;
}

/** A key that an owner counts for everyone. */
export interface Claim {
  readonly rule: string;
  readonly plan?: string;
  /** The readable key where it is shown, else its hash. */
  readonly key: string;
  readonly claimedUntil: number | null;
  readonly blockedUntil: number | null;
}
