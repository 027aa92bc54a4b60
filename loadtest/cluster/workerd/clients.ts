/** The clients that `POST /api/send` plays: their requests, and what became of them. */
import type { Sent } from "../../../worker/page/cluster-info.ts";
import { addressOf, type SendRequest } from "../send.ts";
import { type CoreEnv, clientsOf } from "./env.ts";
import { pops } from "./places.ts";

interface Answer {
  readonly admitted: boolean;
  /** As `x-onecount` says it. */
  readonly decision: string;
  readonly resetSeconds: Readonly<Record<string, number>>;
}

/** Sends them all and waits for the answers. */
export async function sendAll(env: CoreEnv, send: SendRequest): Promise<Sent> {
  const answers: Promise<Answer>[] = [];
  const startedAt = Date.now();
  for (let index = 0; index < send.count; index += 1) {
    if (send.perSecond === undefined) await answers.at(-1);
    else {
      const due = startedAt + (1_000 * index) / send.perSecond;
      if (due > Date.now()) await scheduler.wait(due - Date.now());
    }
    answers.push(sendOne(env, send, addressOf(send.ip, index % send.clients)));
  }
  const all = await Promise.all(answers);
  const admitted = all.filter((answer) => answer.admitted).length;
  const decisions: Record<string, number> = {};
  for (const { decision } of all) decisions[decision] = (decisions[decision] ?? 0) + 1;
  const resetSeconds = all.at(-1)?.resetSeconds ?? {};
  return { sent: all.length, admitted, denied: all.length - admitted, decisions, resetSeconds };
}

async function sendOne(env: CoreEnv, { pop, path, method }: SendRequest, ip: string): Promise<Answer> {
  const url = pops.find(({ name }) => name === pop)?.url ?? "";
  const response = await clientsOf(env, pop).fetch(`${url}${path}`, {
    method,
    headers: { "cf-connecting-ip": ip },
    redirect: "manual",
  });
  // Read, as clients do: a response that is thrown away may take the work behind it along.
  await response.arrayBuffer();
  const { headers } = response;
  const resets = (headers.get("RateLimit") ?? "").matchAll(/"([^"]*)";r=\d+;t=(\d+)/g);
  return {
    admitted: response.ok,
    decision: /decision=(\w+)/.exec(headers.get("x-onecount") ?? "")?.[1] ?? "unlimited",
    resetSeconds: Object.fromEntries(Array.from(resets, ([, rule, seconds]) => [rule, Number(seconds)])),
  };
}
