/**
 * What the live page is told, message by message, as JSON. Times are ms since 1970; `rule` is a rule's version (16 hex
 * digits), to be looked up among the rules of `hello`.
 *
 *   isolates ──reports──▶ RegionHub ──counts, keys, news──▶ the Worker ──one stream of these──▶ the page
 *                         KeyOwner ──────client──────────▶
 */
import type { CommandResult } from "../protocol/command-messages.ts";
import type { Region } from "../region.ts";

/** What of a rule changes which guarantee holds and who waits; 0, `off` and what is left out is off. */
export interface Switches {
  /** Of an automatic threshold, the share of the limit that it allows beyond it. */
  readonly excessMax?: number | undefined;
  readonly lease?: "auto" | number;
  readonly grace?: number;
  /** For so many isolates the limit is exact. */
  readonly strict?: number;
  readonly spread?: "auto" | "off";
}

/** The rules of the Worker that the page talks to. */
export interface LiveRule extends Switches {
  readonly version: string;
  readonly name: string;
  readonly plan?: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly threshold: number;
  readonly algorithm: string;
  readonly mode: "enforce" | "shadow";
  /** The published bound in words. */
  readonly guarantee: string;
}

/** Always first. */
export interface Hello {
  readonly kind: "hello";
  readonly now: number;
  /** The data centre of the Worker that answers. */
  readonly pop: string;
  readonly rules: readonly LiveRule[];
}

/** How requests were decided at one data centre since its isolates began; whole numbers that only grow. */
export interface PopCounts {
  readonly pop: string;
  /** Isolates that reported within the last minute. */
  readonly isolates: number;
  /** By rule version, as many numbers as `OUTCOMES`, in that order. */
  readonly rules: Readonly<Record<string, readonly number[]>>;
  /** Requests that no rule covered. */
  readonly unlimited: number;
}

/** One region's counts; replaces what was said of that region before. */
export interface Counts {
  readonly kind: "counts";
  readonly at: number;
  readonly region: Region;
  readonly pops: readonly PopCounts[];
}

/** One client as one isolate knows it. */
export interface KeyCount {
  readonly pop: string;
  /** The isolate's id. */
  readonly source: string;
  readonly rule: string;
  /** The readable key where KEY_DISPLAY shows it, else its hash, or the first 16 digits of that. */
  readonly key: string;
  /** 32 hex digits once the key was claimed; before, nobody has computed it. */
  readonly hash: string | null;
  readonly window: number;
  /** Cost admitted here in the window. */
  readonly used: number;
  /** What it holds ahead of asking its owner; left out, nothing. */
  readonly ahead?: number;
  /** The threshold in force here, where the rule's is automatic. */
  readonly threshold?: number;
  readonly claimed: boolean;
  readonly blockedUntil: number | null;
  /** When this isolate learnt of the block that stands; its own clock. */
  readonly blockedSince: number | null;
}

/** The busiest clients of one region, busiest first; replaces what was said of that region before. */
export interface Keys {
  readonly kind: "keys";
  readonly at: number;
  readonly region: Region;
  readonly keys: readonly KeyCount[];
}

/** What an owner told every POP. */
export interface LiveNews {
  readonly rule: string;
  readonly key: string;
  readonly hash: string;
  readonly epoch: number;
  readonly version: number;
  /** The data centre whose Ask came first. */
  readonly claimedBy: string | null;
  readonly claimedUntil: number | null;
  readonly blockedUntil: number | null;
  /** A block was lifted by hand. */
  readonly released: boolean;
}

/** First all that stands, then whatever comes, as it comes. `standing` is true of the former. */
export interface News {
  readonly kind: "news";
  readonly at: number;
  readonly standing: boolean;
  readonly news: readonly LiveNews[];
}

export interface StoryEvent {
  readonly at: number;
  /** `found`: claimed by a hub, for it is seen at many isolates. `moved`: another incarnation of its owner counts now. */
  readonly what: "seen" | "claimed" | "found" | "moved" | "blocked" | "released";
  /** The data centre where it was seen, or whose Ask claimed it. */
  readonly pop: string | null;
  readonly epoch: number;
  /** Of a block or a claim. */
  readonly until: number | null;
}

/** The chosen client as its owners know it, one account for each plan of the rule, and what happened to it, oldest first. */
export interface Client {
  readonly kind: "client";
  readonly at: number;
  /** The rule's name and the key, as they were asked for. */
  readonly rule: string;
  readonly key: string;
  readonly accounts: readonly (CommandResult & { readonly plan?: string })[];
  readonly story: readonly StoryEvent[];
  /** Why there is no news of it, in words; the accounts are then empty. */
  readonly problem: string | null;
}

/** What a hundredth of the keys, counted exactly beside the limiter, says of a rule. Whole windows only. */
export interface AccuracyFigures {
  /** The rule's name. */
  readonly rule: string;
  /** Cost admitted in all. */
  readonly admitted: number;
  /** Cost admitted beyond what one exact count of the same requests would have admitted. */
  readonly over: number;
  /** Cost denied that it would have admitted. */
  readonly under: number;
  /** The most that one key was over in one window, and what the published bound allows there. */
  readonly worst: number;
  readonly bound: number;
}

export interface Accuracy {
  readonly kind: "accuracy";
  readonly at: number;
  readonly rules: readonly AccuracyFigures[];
}

/** A region's hub is out of reach: what was said of it is old. Over when something comes from it again. */
export interface Silent {
  readonly kind: "silent";
  readonly at: number;
  readonly region: Region;
}

/** Comes when nothing else did for a few seconds. */
export interface Beat {
  readonly kind: "beat";
  readonly at: number;
}

export type LiveMessage = Hello | Counts | Keys | News | Client | Accuracy | Silent | Beat;

/** How a request can be decided, and whether it was admitted (a shadow rule admits what it would deny). */
export const OUTCOMES = [
  { decision: "credit", admitted: false },
  { decision: "credit", admitted: true },
  { decision: "owner", admitted: false },
  { decision: "owner", admitted: true },
  { decision: "blocked", admitted: false },
  { decision: "blocked", admitted: true },
  { decision: "degraded", admitted: false },
  { decision: "degraded", admitted: true },
] as const;
