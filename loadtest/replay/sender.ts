/**
 * Sends the schedule to the POPs over HTTP. Open loop: each request leaves at its time, however slow the
 * answers are, as clients do. How late the sender itself was is recorded, so a machine that cannot keep the
 * pace is seen.
 */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { setTimeout } from "node:timers/promises";
import { type EpochMs, epochMs } from "../../shared/time.ts";
import { messageOf } from "../tools/cli.ts";
import { ANSWER_MS_MAX, CONNECTIONS_MAX, IDLE_CONNECTION_MS } from "./bounds.ts";
import type { Planned } from "./schedule.ts";

/** How a decision was made, as `x-onecount` names it. */
export const DECISIONS = ["credit", "owner", "blocked", "degraded", "unlimited"] as const;
export type Decision = (typeof DECISIONS)[number];

export interface Answer {
  readonly status: number;
  /** Absent when no Worker decided: the server itself refused the request. */
  readonly decision?: Decision;
  /** The rule that decided. */
  readonly rule?: string;
  /** `RateLimit-Policy`, as sent. */
  readonly policy?: string;
}

export interface Sent {
  readonly planned: Planned;
  readonly sentAt: EpochMs;
  /** Real ms between its planned time and its leaving. */
  readonly lateMs: number;
  /** Real ms from its leaving to the answer's headers. */
  readonly tookMs: number;
  readonly answer: Answer | { readonly failure: string };
  /**
   * By rule, the window that an admitted request was counted in, where that is known: an owner far away may
   * only be reached when the window in which the request was sent has ended.
   */
  readonly countedIn?: ReadonlyMap<string, number>;
}

export interface SendWatch {
  /** Told how many requests have left. */
  progress?: (sent: number) => void;
  /** Ends the sending; the promise rejects. */
  signal?: AbortSignal;
}

/** Sends all of `plan` (ordered by time) and gives what came of each, in the order sent. */
export async function sendAll(
  plan: readonly Planned[],
  popUrls: readonly string[],
  { progress, signal }: SendWatch = {},
): Promise<Sent[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, timeout: IDLE_CONNECTION_MS });
  const answers: Promise<Sent>[] = [];
  const start = performance.now();
  // Requests under way end at once, instead of each at its own deadline.
  const cancel = (): void => agent.destroy();
  signal?.addEventListener("abort", cancel);
  try {
    for (const planned of plan) {
      await until(start + planned.atMs, signal);
      answers.push(
        sendOne(planned, popUrls[planned.pop] ?? "", performance.now() - start - planned.atMs, agent),
      );
      progress?.(answers.length);
    }
    const sent = await Promise.all(answers);
    signal?.throwIfAborted();
    return sent;
  } finally {
    signal?.removeEventListener("abort", cancel);
    agent.destroy();
  }
}

/** Resolves once `performance.now()` has reached `due`. */
async function until(due: number, signal?: AbortSignal): Promise<void> {
  for (let left = due - performance.now(); left > 0; left = due - performance.now()) {
    await setTimeout(left, undefined, signal === undefined ? {} : { signal });
  }
}

async function sendOne(planned: Planned, popUrl: string, lateMs: number, agent: Agent): Promise<Sent> {
  const sentAt = epochMs(Date.now());
  const started = performance.now();
  const answer = await exchange(planned, popUrl, agent).catch((error: unknown) => ({
    failure: messageOf(error),
  }));
  return { planned, sentAt, lateMs, tookMs: performance.now() - started, answer };
}

function exchange({ request, client }: Planned, popUrl: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(popUrl);
    const outgoing = httpRequest(
      {
        hostname,
        port,
        agent,
        method: request.method,
        path: request.target,
        headers: { "CF-Connecting-IP": client, "User-Agent": "onecount-replay" },
        timeout: ANSWER_MS_MAX,
      },
      (response) => {
        response.resume();
        resolve(readAnswer(response));
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${ANSWER_MS_MAX / 1_000} s`)));
    outgoing.on("error", reject);
    outgoing.end();
  });
}

function readAnswer(response: IncomingMessage): Answer {
  const fields = new Map<string, string>();
  for (const part of headerOf(response, "x-onecount").split(";")) {
    const [name = "", value = ""] = part.split("=", 2);
    fields.set(name.trim(), value.trim());
  }
  const decision = DECISIONS.find((known) => known === fields.get("decision"));
  const rule = fields.get("rule");
  const policy = headerOf(response, "ratelimit-policy");
  return {
    status: response.statusCode ?? 0,
    ...(decision === undefined ? {} : { decision }),
    ...(rule === undefined || rule === "" ? {} : { rule }),
    ...(policy === "" ? {} : { policy }),
  };
}

const headerOf = (response: IncomingMessage, name: string): string => {
  const value = response.headers[name];
  return Array.isArray(value) ? value.join(", ") : (value ?? "");
};
