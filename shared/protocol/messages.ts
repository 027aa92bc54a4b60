/**
 * The messages of the credit protocol, field by field. One question and one answer carry counting,
 * claiming, forwarding and blocking alike; one announcement carries the news of it.
 *
 *   source ── Ask ──▶ owner          source ◀── Answer ── owner ── Announcement ──▶ hubs ──▶ sources
 */
import type { DurationMs, EpochMs, WindowGrid } from "../time.ts";

/** The algorithms an owner can meter with. */
export type Algorithm = "fixed-window" | "sliding-window" | "token-bucket";

/** 128 bits as 32 hex digits. The first 16 digits are the tag under which POPs keep the key. */
export type KeyHash = string;

/** What an owner must know of a rule. It travels in every Ask, so that an owner needs no configuration. */
export interface RulePolicy {
  /** 16 hex digits over everything that the rule says, except its name. */
  readonly version: string;
  /** The rule's name, for display only. */
  readonly name: string;
  readonly algorithm: Algorithm;
  /** Cost admitted per window, worldwide. */
  readonly limit: number;
  /** This key's windows. */
  readonly grid: WindowGrid;
  /** The request of one source that claims the key. Sources that do not send it are of an older release. */
  readonly threshold?: number;
  /** Whether answers and announcements say how many sources see the key: sources set their threshold by it. */
  readonly tellSources?: boolean;
  /** The largest share of what is left that may be granted ahead of being asked for; left out, nothing. */
  readonly lease?: number;
  /** Cost that a source may admit beyond `threshold − 1` before an owner has answered; for figures only. */
  readonly grace?: number;
  /** What a full token bucket holds; left out, the limit. */
  readonly burst?: number;
  /**
   * Of a strict rule: for so many sources so much is kept back until they have reported, and so much for each that knew
   * of the claim when the window began.
   */
  readonly reserve?: { readonly sources: number; readonly each: number; readonly claimed: number };
  /** How long a denied key stays barred; left out, no longer than it is full. */
  readonly blockForMs?: DurationMs;
}

/** What stands in the place of an isolate's id where a hub asks: it claims what others saw, and admits nothing. */
export const HUB_SOURCE = "hub";

/** A source's question, and at the same time its account of itself. All costs are cumulative for (source, window). */
export interface Ask {
  /** Isolate id and the entry's life number: `3f9c21d07ab84e55.7`. */
  readonly source: string;
  /** The data centre that asks, an IATA code. The owner remembers the first one as the claimer. */
  readonly pop: string;
  readonly rule: RulePolicy;
  readonly key: KeyHash;
  /** The readable key, only where `KEY_DISPLAY` allows it. */
  readonly label?: string;
  readonly window: number;
  /** New for every new content; a retry is the same bytes. */
  readonly seq: number;
  /** The highest owner epoch this source has heard of for the key, 0 for none. */
  readonly epochSeen: number;
  /** Cost admitted or held here in `window`, and what may be until the answer is here: no more than that will be. */
  readonly spent: number;
  /** What of `spent` was not spent when it left: held ahead, and handed back if it is not used. For display only. */
  readonly kept?: number;
  /** The part of `spent` that an answer has confirmed as counted. */
  readonly counted: number;
  /** Cost admitted here in `window − 1`. */
  readonly previousSpent: number;
  /** Of a strict rule: until when this source knows that the key is claimed. */
  readonly claimSeen?: EpochMs;
  /** The waiting costs, first come first; empty in a report. */
  readonly want: readonly number[];
  /** Cost that it would like to have ahead of what it wants; left out, none. */
  readonly ahead?: number;
}

/** The verdicts of an owner. They are joined by (epoch, version): the newer replaces the older whole. */
export interface Verdicts {
  readonly epoch: number;
  readonly version: number;
  /** Until then sources have no credit of their own for the key. */
  readonly claimedUntil?: EpochMs;
  /** No room until then. */
  readonly fullUntil?: EpochMs;
  /** Barred until then, whatever the count. */
  readonly penaltyUntil?: EpochMs;
}

/** The owner took the Ask into account. */
export interface Granted extends Verdicts {
  readonly kind: "granted";
  readonly window: number;
  readonly seq: number;
  /** The owner's cumulative authorisation for this source in `window`. */
  readonly granted: number;
  /** Room left for everyone after this answer. */
  readonly remaining: number;
  /** When quota comes back, by the owner's clock. */
  readonly resetAt: EpochMs;
  /** How many isolates the owner heard of in this window, or in the one before if they were more; only if `tellSources`. */
  readonly sources?: number;
  /** The key's limit, where an override makes it another than the rule's. */
  readonly limit?: number;
  /** So many of the waiting costs were denied only for what a strict rule keeps back. For display only. */
  readonly keptBack?: number;
  /** The owner has much to do; where the rule leases, it granted more ahead than it was asked for. For display only. */
  readonly busy?: boolean;
}

/** The Ask names a window in which this owner grants nothing: `window` is the one it is in. */
export interface Refused {
  readonly kind: "refused";
  readonly seq: number;
  readonly window: number;
  readonly now: EpochMs;
}

/** A later Ask of the same source was answered already; nothing was done. */
export interface Dropped {
  readonly kind: "dropped";
  readonly seq: number;
}

export type Answer = Granted | Refused | Dropped;

/** What an owner tells every POP. It expires with the last of its times. */
export interface Announcement extends Verdicts {
  readonly key: KeyHash;
  readonly ruleVersion: string;
  /** The readable key, only where `KEY_DISPLAY` allows it. */
  readonly label?: string;
  /** The data centre whose Ask came first, for display only. */
  readonly claimedBy?: string;
  /** As in answers. */
  readonly sources?: number;
  /** A hub claimed the key, that saw it at many isolates: none of them did. For display only. */
  readonly found?: boolean;
  /** Blocks were lifted by hand, not longer ago than a block is believed: news also when nothing else of it lasts. */
  readonly released?: boolean;
}
