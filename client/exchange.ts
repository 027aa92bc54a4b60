/** One HTTP request to the limiter, from its sending to the last byte of its answer within one time limit. */
import { NOTHING } from "../shared/status.ts";
import type { Failed, Reason } from "./outcome.ts";

/** What of `fetch` is needed; that of the platform serves. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
    readonly signal: AbortSignal;
    readonly redirect: "manual";
  },
) => Promise<{ readonly status: number; text(): Promise<string> }>;

export interface Exchange {
  readonly fetch: Fetch;
  readonly url: string;
  readonly token: string;
  readonly timeoutMs: number;
  readonly method: string;
  /** Sent as JSON; `undefined` for nothing. */
  readonly body: unknown;
}

/** Longest part of an answer that a message shows. */
const SHOWN_MAX = 200;

export const failed = (reason: Reason, message: string): Failed => ({ kind: "failed", reason, message });

/** The answer's JSON (`undefined` if it is empty), or why there is none. Never rejects. */
export async function exchange(
  asked: Exchange,
): Promise<{ readonly kind: "answer"; readonly json: unknown } | Failed> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), asked.timeoutMs);
  try {
    const { status, text } = await Promise.race([send(asked, timeout.signal), aborted(timeout.signal)]);
    if (status < 200 || status > 299) return refused(status, text);
    return text === "" ? { kind: "answer", json: undefined } : parsed(text);
  } catch (error) {
    if (timeout.signal.aborted) return failed("timeout", `no answer within ${asked.timeoutMs} ms`);
    return failed("unreachable", describe(error));
  } finally {
    clearTimeout(timer);
  }
}

async function send({ fetch, url, token, method, body }: Exchange, signal: AbortSignal) {
  const headers: Record<string, string> = { Authorization: `Bearer ${token}`, Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  // A redirect would carry the token elsewhere. ("error" is not known to Workers.)
  const init = { method, headers, signal, redirect: "manual" as const };
  const response = await fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
  return { status: response.status, text: await response.text() };
}

/** Not every `fetch` that a caller may give listens to the signal. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
  });

function refused(status: number, text: string): Failed {
  const detail = detailOf(text);
  const message = `status ${status}${detail === "" ? "" : `: ${detail}`}`;
  if (status === 401 || status === 403) return failed("unauthorized", message);
  // The API answers who has no token as if it were not there.
  if (status === 404 && detail === NOTHING)
    return failed("unauthorized", `${message}, or the token is wrong`);
  // These say nothing of the request: whatever stands before the limiter is busy.
  if (status >= 400 && status < 500 && status !== 408 && status !== 429)
    return failed("bad-request", message);
  return failed("server", message);
}

/** What an answer says went wrong: as problem details have it, else its beginning. */
function detailOf(text: string): string {
  const read = parsed(text);
  const detail = read.kind === "answer" ? (read.json as { detail?: unknown } | null)?.detail : undefined;
  return typeof detail === "string" ? detail : text.slice(0, SHOWN_MAX);
}

function parsed(text: string): { readonly kind: "answer"; readonly json: unknown } | Failed {
  try {
    return { kind: "answer", json: JSON.parse(text) };
  } catch {
    return failed("server", `not JSON: ${text.slice(0, SHOWN_MAX)}`);
  }
}

/** A `fetch` that fails says why only in the error's cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
