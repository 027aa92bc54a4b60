/** Asks as a source would send them, for tests of the objects. */
import { decodeReply, encodeAsks } from "../../shared/protocol/codec.ts";
import type { Answer, Ask, RulePolicy } from "../../shared/protocol/messages.ts";
import { durationMs } from "../../shared/time.ts";

/** A window of 30 days: no test depends on where in it it starts. */
const MONTH = durationMs(30 * 86_400_000);

export const policy: RulePolicy = {
  version: "00112233445566aa",
  name: "test",
  algorithm: "fixed-window",
  limit: 5,
  grid: { lengthMs: MONTH, offsetMs: durationMs(0) },
};

export const windowNow = (): number => Math.floor(Date.now() / MONTH);

export const askOf = (part: Partial<Ask>): Ask => ({
  source: "a.1",
  pop: "LHR",
  rule: policy,
  key: "0123456789abcdef0123456789abcdef",
  window: windowNow(),
  seq: 1,
  epochSeen: 0,
  spent: 0,
  counted: 0,
  previousSpent: 0,
  want: [],
  ...part,
});

interface Owner {
  ask(frame: Uint8Array): Promise<Uint8Array>;
}

/** Sends one Ask and returns its answer. */
export async function send(owner: Owner, part: Partial<Ask>): Promise<Answer> {
  const reply = decodeReply(await owner.ask(encodeAsks([askOf(part)])));
  if (!reply.ok || !("answers" in reply.value)) throw new Error(`no answer: ${JSON.stringify(reply)}`);
  const [answer] = reply.value.answers;
  if (answer === undefined) throw new Error("an answer is missing");
  return answer;
}
