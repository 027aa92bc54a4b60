/**
 * What people may do to an account by hand: look at it, reset its count, block and unblock its key, give it another
 * limit. Pure, as `account.ts`: the shell stores the row before it acknowledges, and announces.
 *
 *    counting ──reset──▶ counting from zero            penalty, block ──unblock, reset──▶ none
 *    none, penalty, block ──block──▶ block             the rule's limit ◀──override──▶ another one, claimed
 *
 * Every arrow is announced under a higher version, so that an answer sent before it does not undo it.
 */
import { BLOCK_MAX, BLOCK_TRUST, OVERRIDE_MAX } from "../limits.ts";
import type { Command, CommandAction, CommandResult, Refusal } from "../protocol/commands.ts";
import type { Announcement } from "../protocol/messages.ts";
import { LIMIT_TIMES_WINDOW_MAX } from "../rule-schema.ts";
import { after, type EpochMs, NEVER, windowAt } from "../time.ts";
import { type Account, announcementOf, openAccount, rollTo } from "./account.ts";
import { inspect } from "./inspect.ts";
import { resetLedger } from "./ledger.ts";
import { resetMeter, room } from "./meter/meter.ts";
import { changeOverride, endOverride, type Override, quotaOf } from "./override.ts";
import { claimedUntilOf, fullUntilOf } from "./verdicts.ts";

/** What the shell has to do after a command, in this order: store, acknowledge, announce. */
export type CommandStep =
  | { readonly kind: "refused"; readonly error: Refusal }
  | {
      readonly kind: "done";
      readonly result: CommandResult;
      /** The row must be durable before the result or the announcement leaves. */
      readonly store: boolean;
      readonly announcement: Announcement | undefined;
    };

/** What a command makes of a key that no account is kept of: it opens one, unless there is nothing to be kept. */
export const opens = ({ action }: Command): boolean =>
  action.kind !== "peek" && !(action.kind === "override" && action.limit === null);

/** What people are shown of a key that no account is kept of. */
export const inspectNone = (command: Command, now: EpochMs): CommandResult => ({
  ...inspect(openAccount(command, now), now),
  epoch: 0,
});

/**
 * Carries out a command. Mutates the account, unless it is refused.
 * @param busy as in `inspect`
 */
export function carryOut(
  account: Account,
  { action, label }: Command,
  now: EpochMs,
  busy = false,
): CommandStep {
  const error = refusalOf(account, action, now);
  if (error !== undefined) return { kind: "refused", error };
  const changed = action.kind !== "peek" && change(account, action, now);
  if (!changed)
    return { kind: "done", result: inspect(account, now, busy), store: false, announcement: undefined };
  account.label ??= label;
  account.version += 1;
  account.epochUnwritten = false;
  const announcement = announcementOf(account, now);
  return { kind: "done", result: inspect(account, now, busy), store: true, announcement };
}

function refusalOf({ policy }: Account, action: CommandAction, now: EpochMs): Refusal | undefined {
  if (!("until" in action)) return undefined;
  // One that comes so late would end what was commanded after it.
  if (action.until <= now) return "until-passed";
  const longest = action.kind === "block" ? BLOCK_MAX : OVERRIDE_MAX;
  if (action.until > after(now, longest)) return "until-too-far";
  if (action.kind === "override" && action.limit * policy.grid.lengthMs > LIMIT_TIMES_WINDOW_MAX)
    return "limit-too-large";
  return undefined;
}

/** False when everything is as it was. */
function change(
  account: Account,
  action: Exclude<CommandAction, { readonly kind: "peek" }>,
  now: EpochMs,
): boolean {
  endOverride(account, now);
  rollTo(account, windowAt(account.policy.grid, now));
  switch (action.kind) {
    case "reset":
      resetMeter(account.meter);
      resetLedger(account.ledger);
      account.fullUntil = NEVER;
      account.penaltyUntil = NEVER;
      release(account, now);
      return true;
    case "block":
      account.penaltyUntil = action.until;
      account.releasedUntil = NEVER;
      return true;
    case "unblock":
      account.penaltyUntil = NEVER;
      release(account, now);
      return true;
    case "override": {
      const { limit } = action;
      if (limit === null && account.override === undefined) return false;
      override(account, limit === null ? undefined : { limit, until: action.until }, now);
      return true;
    }
  }
}

function release(account: Account, now: EpochMs): void {
  account.releasedUntil = after(now, BLOCK_TRUST);
}

function override(account: Account, given: Override | undefined, now: EpochMs): void {
  changeOverride(account, given, now);
  account.claimedUntil = claimedUntilOf(account);
  if (account.fullUntil <= now) return;
  const full = room(quotaOf(account), account.meter, now) < 1;
  account.fullUntil = full ? fullUntilOf(account, now) : NEVER;
  if (!full) release(account, now);
}
