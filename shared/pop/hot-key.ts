/** What a source keeps of a key beyond its count, once the key asked its owner or was announced. */
import type { Rule } from "../rule.ts";
import { type EpochMs, NEVER } from "../time.ts";
import { Outbox } from "./outbox.ts";
import { blockedUntil, emptyView, type View } from "./view.ts";

export interface HotKey {
  readonly rule: Rule;
  /** 128 bits that name the owner; the first 64 are the entry's tag. */
  readonly key: string;
  /** The readable key, only where `KEY_DISPLAY` allows it. */
  label: string | undefined;
  /** New whenever the entry is created anew: with the isolate's id it is the source id. */
  readonly life: number;
  /** The entry's place, −1 once the entry was replaced. */
  slot: number;
  readonly view: View;
  readonly outbox: Outbox;
  /** The part of the entry's spending that an answer confirmed as counted. */
  counted: number;
  /** The window of the last Ask or claim heard; two windows later nothing of it matters any more. */
  lastWindow: number;
  /** The owner's last `remaining` and `resetAt`, and OWN + HELD when they were said. */
  remaining: number;
  resetAt: EpochMs;
  spentThen: number;
  /** The window in which the owner said it, −1 for never, or for before a block was lifted by hand. */
  answeredWindow: number;
  /** When this source learnt of the block that stands or stood last, and that block's end. */
  blockedSince: EpochMs;
  blockedEnd: EpochMs;
  /** The key's limit where the owner said that it is another than the rule's. */
  limit: number | undefined;
}

export const newHotKey = (
  rule: Rule,
  key: string,
  label: string | undefined,
  life: number,
  slot: number,
): HotKey => ({
  rule,
  key,
  label,
  life,
  slot,
  view: emptyView(),
  outbox: new Outbox(),
  counted: 0,
  lastWindow: -1,
  remaining: 0,
  resetAt: NEVER,
  spentThen: 0,
  answeredWindow: -1,
  blockedSince: NEVER,
  blockedEnd: NEVER,
  limit: undefined,
});

/** Keeps when a block was learnt of. One that is prolonged before it ends is the same block. */
export function noteBlock(hot: HotKey, now: EpochMs): void {
  const until = blockedUntil(hot.view, now);
  if (until === NEVER) hot.blockedSince = NEVER;
  else if (hot.blockedSince === NEVER || hot.blockedEnd <= now) hot.blockedSince = now;
  hot.blockedEnd = until;
}
