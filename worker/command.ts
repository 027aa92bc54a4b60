/** The way of a command to the owner of a key, and of its answer back. */
import { gridOf } from "../shared/grid.ts";
import { COMMAND_MAX } from "../shared/limits.ts";
import { ownerName } from "../shared/owner-name.ts";
import { policyOf } from "../shared/policy.ts";
import type { Decoded } from "../shared/protocol/codec.ts";
import {
  type Command,
  type CommandAction,
  type CommandReply,
  type CommandResult,
  decodeCommandReply,
  encodeCommand,
  type Refusal,
} from "../shared/protocol/commands.ts";
import { SCHEMA, SCHEMA_MIN } from "../shared/protocol/schema.ts";
import type { Rule } from "../shared/rule.ts";
import { formatDuration } from "../shared/time.ts";
import type { Env } from "./env.ts";
import { BadRequest, Unavailable } from "./limit-request.ts";
import type { NamedKey } from "./limiter.ts";
import { within } from "./timer.ts";

/** What the owner would not do, in words. What can be seen before it is sent is refused then, with what is allowed. */
const REFUSALS: Readonly<Record<Refusal, string>> = {
  "until-passed": "it would have ended before it came to the owner of the key",
  "until-too-far": "it would last longer than the owner of the key allows",
  "limit-too-large": "the limit is more than the owner of the key can count over the rule's window",
};

/** Gives a command to a key's owner. Throws `BadRequest` when it is refused, `Unavailable` when nobody knows. */
export async function command(
  env: Env,
  rule: Rule,
  { hash, tagLo, label }: NamedKey,
  action: CommandAction,
): Promise<CommandResult> {
  const policy = policyOf(rule, gridOf(rule, tagLo));
  const told = { rule: policy, key: hash, ...(label !== undefined && { label }), action };
  const reply = await say(env, ownerName(rule, hash), told);
  if (!reply.ok || "speaks" in reply.value)
    throw new Unavailable("the owner of the key is of another release; it is replaced within minutes");
  if ("error" in reply.value) throw new BadRequest(REFUSALS[reply.value.error]);
  return reply.value.result;
}

/** Says a command, once more in an older schema if the object speaks no other. */
async function say(env: Env, owner: string, told: Command): Promise<Decoded<CommandReply>> {
  const once = async (schema: number) => {
    // A stub can stay broken after an error: every call takes a new one.
    const call = () => env.KEY_OWNER.getByName(owner).command(encodeCommand(told, schema));
    return decodeCommandReply(await inTime("the owner of the key", call));
  };
  const reply = await once(SCHEMA);
  const speaks = reply.ok && "speaks" in reply.value ? reply.value.speaks : SCHEMA;
  return speaks < SCHEMA && speaks >= SCHEMA_MIN ? once(speaks) : reply;
}

/** The answer of a call to an object, waited for no longer than a person would. Throws `Unavailable`. */
export async function inTime<T>(whom: string, call: () => Promise<T>): Promise<T> {
  let answer: T | undefined;
  try {
    answer = await within(call(), COMMAND_MAX);
  } catch (error) {
    console.warn(JSON.stringify({ event: "call-failed", error: String(error) }));
  }
  if (answer !== undefined) return answer;
  throw new Unavailable(
    `${whom} could not be reached within ${formatDuration(COMMAND_MAX)}; what was asked may have been done or not, and can be repeated`,
  );
}
