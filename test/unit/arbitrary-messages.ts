/** Messages of every kind with every value a field may have, for fast-check. */
import fc from "fast-check";
import type { Command, CommandAction, CommandReply } from "../../shared/protocol/commands.ts";
import type { Announcement, Answer, Ask, Granted } from "../../shared/protocol/messages.ts";
import { durationMs, epochMs } from "../../shared/time.ts";

export const count = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
);
const time = count.map(epochMs);
const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: digits, maxLength: digits });
export const text = fc.string({ unit: "grapheme" });
const verdicts = { epoch: count, version: count, claimedUntil: time, fullUntil: time, penaltyUntil: time };

const policy = fc.record(
  {
    version: hex(16),
    name: text,
    algorithm: fc.constantFrom("fixed-window", "sliding-window", "token-bucket"),
    limit: fc.integer({ min: 1 }),
    grid: fc.record({
      lengthMs: fc.integer({ min: 1 }).map(durationMs),
      offsetMs: fc.nat().map(durationMs),
    }),
    threshold: fc.integer({ min: 1 }),
    tellSources: fc.boolean(),
    lease: fc.double({ min: 0.001, max: 0.5, noNaN: true }),
    burst: fc.integer({ min: 1 }),
    blockForMs: fc.nat().map(durationMs),
  },
  { requiredKeys: ["version", "name", "algorithm", "limit", "grid"] },
);

export const ask = fc.record<Ask>(
  {
    source: fc.string({ minLength: 1 }),
    pop: text,
    rule: policy,
    key: hex(32),
    label: text,
    window: count,
    seq: count,
    epochSeen: count,
    spent: count,
    kept: count,
    counted: count,
    previousSpent: count,
    want: fc.array(fc.integer({ min: 1 })),
    ahead: count,
  } as never,
  {
    requiredKeys: [
      "source",
      "pop",
      "rule",
      "key",
      "window",
      "seq",
      "epochSeen",
      "spent",
      "counted",
      "previousSpent",
      "want",
    ],
  },
);
const granted = fc.record(
  {
    kind: fc.constant("granted"),
    ...verdicts,
    window: count,
    seq: count,
    granted: count,
    remaining: count,
    resetAt: time,
    sources: count,
    limit: fc.integer({ min: 1 }),
    keptBack: count,
  },
  { requiredKeys: ["kind", "epoch", "version", "window", "seq", "granted", "remaining", "resetAt"] },
) as fc.Arbitrary<Granted>;
export const answer: fc.Arbitrary<Answer> = fc.oneof(
  granted,
  fc.record({ kind: fc.constant("refused" as const), seq: count, window: count, now: time }),
  fc.record({ kind: fc.constant("dropped" as const), seq: count }),
);
export const announcement = fc.record(
  {
    key: hex(32),
    ruleVersion: hex(16),
    label: text,
    ...verdicts,
    sources: count,
    found: fc.boolean(),
    released: fc.boolean(),
  },
  { requiredKeys: ["key", "ruleVersion", "epoch", "version"] },
) as fc.Arbitrary<Announcement>;

const limit = fc.integer({ min: 1 });
const action: fc.Arbitrary<CommandAction> = fc.oneof(
  fc.record({ kind: fc.constantFrom("peek", "reset", "unblock") }),
  fc.record({ kind: fc.constant("block" as const), until: time }),
  fc.record({ kind: fc.constant("override" as const), limit, until: time }),
  fc.constant({ kind: "override", limit: null } as const),
);
export const command = fc.record(
  { rule: policy, key: hex(32), label: text, action },
  { requiredKeys: ["rule", "key", "action"] },
) as fc.Arbitrary<Command>;
const shownByAll = {
  rule: text,
  key: text,
  epoch: count,
  window: count,
  count,
  limit,
  resetAt: time,
  claimed: fc.boolean(),
  claimedBy: text,
  sources: count,
  blockedUntil: fc.option(time),
  override: fc.option(fc.record({ limit, until: time })),
};
const result = fc.record(
  { ...shownByAll, lent: count, reserved: count, busy: fc.boolean() },
  { requiredKeys: Object.keys(shownByAll) as (keyof typeof shownByAll)[] },
);
export const commandReply: fc.Arbitrary<CommandReply> = fc.oneof(
  fc.record({ result }),
  fc.record({ error: fc.constantFrom("until-passed", "until-too-far", "limit-too-large") }),
  fc.record({ error: fc.constantFrom("unknown-schema", "malformed"), speaks: count }),
);
