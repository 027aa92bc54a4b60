/**
 * What the scripts share. It runs in k6, so it imports nothing but k6 and files that k6 can read.
 *
 * The environment configures a script (`k6 run -e NAME=VALUE`):
 *   POPS       the POPs and their URLs, as JSON: {"LHR":"http://127.0.0.1:8788"}
 *   LIMIT, THRESHOLD, WINDOW (seconds)   the rule that decides
 *   SOURCES    isolates that count for one client: k in L + (k − 1)(T − 1)
 *   WINDOWS    windows that the run touches; otherwise as many as it could
 *   RATE, SECONDS or MINUTES             the load
 *   LATENCY_MS p95 of each POP, as a sanity check: far above what any distance explains
 *   RUN        makes the addresses of this run's clients; otherwise the time does
 */
import http from "k6/http";
import { Counter } from "k6/metrics";
import { PLANS, type Plan, type ScriptName } from "./plans.ts";

export interface Pop {
  readonly name: string;
  readonly url: string;
}

/** What `setup` gives to every iteration. */
export interface Run {
  readonly run: string;
}

export interface Answer {
  readonly status: number;
  /** How it was decided, as `x-onecount` says. */
  readonly decision: string;
}

const admitted = new Counter("admitted");
const denied = new Counter("denied");
/** Requests that waited for the client's owner. */
const waited = new Counter("waited");
/** Answers without the owner, by `on_failure`: beyond the guarantee. */
const degraded = new Counter("degraded");
const unexpectedStatus = new Counter("unexpected_status");

http.setResponseCallback(http.expectedStatuses(200, 429));

/** A positive number from the environment. */
function setting(name: string, fallback: number): number {
  const text = __ENV[name];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name}=${text}: a positive number is needed`);
  return value;
}

function readPops(): readonly Pop[] {
  const text = __ENV.POPS;
  if (!text) throw new Error(`POPS is not set, such as -e POPS='{"LHR":"http://127.0.0.1:8788"}'`);
  return Object.entries(JSON.parse(text) as Record<string, string>).map(([name, url]) => ({ name, url }));
}

export const POPS = readPops();

/** The POP that comes `turn` places after the first, round and round. */
export function popAt(turn: number): Pop {
  const pop = POPS[turn % POPS.length];
  if (pop === undefined) throw new Error("POPS names no POP");
  return pop;
}

/** A script's plan with what the environment changes, and what follows from it. */
export function planned(script: ScriptName) {
  const plan: Plan = PLANS[script];
  const limit = setting("LIMIT", plan.limit);
  const threshold = setting("THRESHOLD", plan.threshold);
  const windowSeconds = setting("WINDOW", plan.windowSeconds);
  const sources = setting("SOURCES", Math.min(POPS.length, plan.sources ?? POPS.length));
  const seconds = 60 * setting("MINUTES", setting("SECONDS", plan.seconds) / 60);
  return {
    limit,
    threshold,
    // k6 takes whole numbers only.
    rate: Math.max(1, Math.round(setting("RATE", plan.rate))),
    seconds,
    /** What is admitted for one client in one window at most: the guarantee. */
    bound: limit + (sources - 1) * (threshold - 1),
    windows: setting("WINDOWS", Math.ceil(seconds / windowSeconds) + 1),
  };
}

/** A length of time as k6 reads it. */
export const lasting = (seconds: number): string => `${Math.round(1_000 * seconds)}ms`;

/** VUs for iterations that last `secondsEach`; too few of them show as dropped iterations. */
export const vusFor = (rate: number, secondsEach = 1): number => Math.max(10, Math.ceil(rate * secondsEach));

/** Thresholds of every script, and a script's own. */
export function thresholds(own: Record<string, string[]>): Record<string, string[]> {
  const latency = setting("LATENCY_MS", 1_000);
  return {
    ...own,
    ...Object.fromEntries(POPS.map(({ name }) => [`http_req_duration{pop:${name}}`, [`p(95)<${latency}`]])),
    degraded: ["count==0"],
    unexpected_status: ["count==0"],
    dropped_iterations: ["count==0"],
  };
}

/** Once before the load. In k6 every VU has a clock and modules of its own: only this is the same for all. */
export const setup = (): Run => ({ run: __ENV.RUN || String(Date.now()) });

/** An address that no other run uses: a /64 for each client, which is what the limiter counts IPv6 by. */
export function addressOf({ run }: Run, client: number): string {
  let hash = 0x811c9dc5;
  for (const character of run) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  const parts = [(hash >>> 8) & 0xffff, client >>> 16, client & 0xffff];
  return `fd${(hash >>> 24).toString(16).padStart(2, "0")}:${parts.map((part) => part.toString(16)).join(":")}::1`;
}

/**
 * Sends one request of a client and counts what came of it. `tags` go with what is admitted.
 * @param target another request than the script's own
 */
export async function send(
  script: ScriptName,
  pop: Pop,
  client: string,
  tags: Record<string, string> = {},
  { method, path }: Pick<Plan, "method" | "path"> = PLANS[script],
): Promise<Answer> {
  const { status, headers } = await http.asyncRequest(method, `${pop.url}${path}`, null, {
    headers: { "CF-Connecting-IP": client },
    tags: { pop: pop.name },
  });
  const decision = /decision=(\w+)/.exec(headers["X-Onecount"] ?? "")?.[1] ?? "none";
  if (status === 200) admitted.add(1, tags);
  else if (status === 429) denied.add(1);
  else unexpectedStatus.add(1, { status: String(status) });
  if (decision === "owner") waited.add(1);
  if (decision === "degraded") degraded.add(1);
  return { status, decision };
}
