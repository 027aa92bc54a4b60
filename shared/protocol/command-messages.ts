/**
 * What people may tell an owner by hand, and what they are answered. A command may be repeated: done twice, it leaves
 * the account as it was after the first time, unless somebody was counted in between.
 */
import type { EpochMs } from "../time.ts";
import type { KeyHash, RulePolicy } from "./messages.ts";

export type CommandAction =
  /** Tells, and changes nothing. */
  | { readonly kind: "peek" }
  /** A new count: nothing that was granted or told before weighs any more, no block stands. */
  | { readonly kind: "reset" }
  /** Bars the key until then, whatever its count. It replaces a penalty or block that stands, also by a shorter one. */
  | { readonly kind: "block"; readonly until: EpochMs }
  /** Ends a penalty or block. The count stays: a key that is full stays so. */
  | { readonly kind: "unblock" }
  /** Another limit for this key until then; a token bucket holds as much, too. Null: the rule's again. */
  | { readonly kind: "override"; readonly limit: number; readonly until: EpochMs }
  | { readonly kind: "override"; readonly limit: null };

export interface Command {
  /** Opens the account if there is none. */
  readonly rule: RulePolicy;
  readonly key: KeyHash;
  /** The readable key, only where `KEY_DISPLAY` allows it. */
  readonly label?: string;
  readonly action: CommandAction;
}

/** The account as people are shown it. */
export interface CommandResult {
  /** The rule's name. */
  readonly rule: string;
  /** The readable key where it was told, else its hash. */
  readonly key: string;
  /** 0 for a key that no account is kept of. */
  readonly epoch: number;
  readonly window: number;
  /** Cost that weighs against the limit now. */
  readonly count: number;
  /** Of `count` what sources held ahead after their last Asks: they may have used it since, or hand it back. */
  readonly lent?: number;
  /** Cost that a strict rule keeps back for sources that have not reported in this window. */
  readonly reserved?: number;
  /** Whether the owner has so much to do that it lends more at a time. Owners of older releases say none of the three. */
  readonly busy?: boolean;
  /** The key's limit: the override's if it has one. */
  readonly limit: number;
  /** When quota comes back. */
  readonly resetAt: EpochMs;
  /** Whether sources that know it have no credit of their own for the key. */
  readonly claimed: boolean;
  /** The data centre that asked first; empty if none did. */
  readonly claimedBy: string;
  /** How many sources it knows. */
  readonly sources: number;
  /** The end of a block, of a penalty, or of being full. */
  readonly blockedUntil: EpochMs | null;
  readonly override: { readonly limit: number; readonly until: EpochMs } | null;
}

/** Why a command was not carried out. */
export type Refusal = "until-passed" | "until-too-far" | "limit-too-large";

export type CommandReply =
  | { readonly result: CommandResult }
  | { readonly error: Refusal }
  /** It could not be read; `speaks` is the newest schema that can be. */
  | { readonly error: "unknown-schema" | "malformed"; readonly speaks: number };
