/**
 * Commands as bytes: what people may tell an owner by hand, and what they are answered. A command may be repeated: done twice, it leaves
 * the account as it was after the first time, unless somebody was counted in between.
 */
import * as v from "valibot";
import { type Decoded, decode, encode } from "./codec.ts";
import type { Command, CommandReply } from "./command-messages.ts";
import { count, hex, policySchema, positive, time } from "./fields.ts";

export type { Command, CommandAction, CommandReply, CommandResult, Refusal } from "./command-messages.ts";

const actionSchema = v.union([
  v.object({ kind: v.picklist(["peek", "reset", "unblock"]) }),
  v.object({ kind: v.literal("block"), until: time }),
  v.object({ kind: v.literal("override"), limit: positive, until: time }),
  v.object({ kind: v.literal("override"), limit: v.null() }),
]);

const commandSchema = v.object({
  rule: policySchema,
  key: hex(32),
  label: v.exactOptional(v.string()),
  action: actionSchema,
});

const resultSchema = v.object({
  rule: v.string(),
  key: v.string(),
  epoch: count,
  window: count,
  count,
  lent: v.exactOptional(count),
  reserved: v.exactOptional(count),
  busy: v.exactOptional(v.boolean()),
  limit: positive,
  resetAt: time,
  claimed: v.boolean(),
  claimedBy: v.string(),
  sources: count,
  blockedUntil: v.nullable(time),
  override: v.nullable(v.object({ limit: positive, until: time })),
});

const replySchema = v.union([
  v.object({ result: resultSchema }),
  v.object({ error: v.picklist(["until-passed", "until-too-far", "limit-too-large"]) }),
  v.object({ error: v.picklist(["unknown-schema", "malformed"]), speaks: count }),
]);

export const encodeCommand = (command: Command, schema?: number): Uint8Array => encode(command, schema);
export const decodeCommand = (bytes: Uint8Array): Decoded<Command> => decode(commandSchema, bytes);

export const encodeCommandReply = (reply: CommandReply, schema?: number): Uint8Array => encode(reply, schema);
export const decodeCommandReply = (bytes: Uint8Array): Decoded<CommandReply> => decode(replySchema, bytes);
