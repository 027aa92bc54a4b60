/** Follows the live stream for as long as the page is open, and connects anew whenever it ends. */
import { NOTHING } from "../../shared/status.ts";
import type { LiveMessage } from "../../shared/telemetry/live.ts";
import { detailOf } from "./admin.ts";
import { EventStreamReader } from "./event-stream.ts";

/** The stream says something every few seconds; after so long without a word the connection is taken for dead. */
const SILENCE_MAX_MS = 20_000;
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;
const LASTED_MS = 5_000;

export type StreamStatus =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** Connects again at that time (ms since 1970). */
  | { readonly kind: "waiting"; readonly until: number; readonly why: string }
  /** The token is not the right one; nothing is tried again. */
  | { readonly kind: "refused" };

export interface StreamOptions {
  readonly url: string;
  readonly token: string;
  onMessage(message: LiveMessage): void;
  onStatus(status: StreamStatus): void;
}

/** Begins to follow; the result ends it for good. */
export function follow(options: StreamOptions): () => void {
  const stopped = new AbortController();
  void keepFollowing(options, stopped.signal);
  return () => stopped.abort();
}

async function keepFollowing(options: StreamOptions, stopped: AbortSignal): Promise<void> {
  let failures = 0;
  let beganAt = 0;
  while (!stopped.aborted) {
    options.onStatus({ kind: "connecting" });
    const why = await followOnce(options, stopped, () => {
      beganAt = Date.now();
      options.onStatus({ kind: "live" });
    });
    if (stopped.aborted) return;
    if (why === REFUSED) return options.onStatus({ kind: "refused" });
    // A stream that lasted ends because each one does some time; it is no failure.
    const hasLasted = beganAt > 0 && Date.now() - beganAt > LASTED_MS;
    beganAt = 0;
    if (hasLasted) failures = 0;
    // Pages that lost the same Worker come back at different moments.
    const pauseMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** failures) * (0.5 + Math.random() / 2);
    failures += 1;
    options.onStatus({ kind: "waiting", until: Date.now() + pauseMs, why });
    await pause(pauseMs, stopped);
  }
}

const REFUSED = Symbol("refused");

/** One connection, until it ends. Resolves to why it did. */
async function followOnce(
  { url, token, onMessage }: StreamOptions,
  stopped: AbortSignal,
  onFirst: () => void,
): Promise<string | typeof REFUSED> {
  const connection = new AbortController();
  const end = () => connection.abort();
  stopped.addEventListener("abort", end, { once: true });
  let watchdog = setTimeout(end, SILENCE_MAX_MS);
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" },
      cache: "no-store",
      signal: connection.signal,
    });
    if (!response.ok || response.body === null) {
      const detail = detailOf(await response.text());
      // Without the right token each path of the API answers like one that does not exist. With it the rule of the
      // chosen client may be one that is not there any more.
      const isRefused = response.status !== 404 || detail === undefined || detail === NOTHING;
      if ([401, 403, 404].includes(response.status) && isRefused) return REFUSED;
      return detail ?? `the Worker answered ${response.status}`;
    }
    const events = new EventStreamReader();
    let isFirst = true;
    const text = response.body.pipeThrough(new TextDecoderStream());
    for await (const piece of piecesOf(text)) {
      clearTimeout(watchdog);
      watchdog = setTimeout(end, SILENCE_MAX_MS);
      for (const data of events.read(piece)) {
        if (stopped.aborted) return "stopped";
        if (isFirst) onFirst();
        isFirst = false;
        onMessage(JSON.parse(data) as LiveMessage);
      }
    }
    return "the stream ended";
  } catch {
    return connection.signal.aborted ? "nothing came any more" : "the Worker is out of reach";
  } finally {
    clearTimeout(watchdog);
    stopped.removeEventListener("abort", end);
    connection.abort();
  }
}

/** Not every browser lets a stream be iterated. */
async function* piecesOf(stream: ReadableStream<string>): AsyncGenerator<string> {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

const pause = (ms: number, stopped: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const stop = (): void => {
      clearTimeout(timer);
      resolve();
    };
    stopped.addEventListener("abort", stop, { once: true });
  });
