/**
 * The watch: one connection of this isolate to its region's hub, over which it hears what owners announce.
 * It lives under the `waitUntil` of the request that opened it and closes itself before the platform would;
 * the next request opens a successor that gets what was missed. An isolate without requests hears nothing:
 * that costs accuracy, never the bound.
 */
import { follow, type Place } from "../shared/hub/feed.ts";
import { WATCH_JITTER, WATCH_MIN, WATCH_RETRY_MAX, WATCH_RETRY_MIN } from "../shared/limits.ts";
import { backoff } from "../shared/pop/outbox.ts";
import type { Source } from "../shared/pop/source.ts";
import { decodeFeed } from "../shared/protocol/codec.ts";
import type { Region } from "../shared/region.ts";
import { durationMs, epochMs } from "../shared/time.ts";
import type { Env } from "./env.ts";
import type { Background, OwnerClient } from "./owner-client.ts";
import { within } from "./timer.ts";

export class Watch {
  readonly #source: Source;
  readonly #client: OwnerClient;
  readonly #env: Env;
  readonly #place: Place = { feed: "", number: 0 };
  /** No other connection is opened before this time. It passes by itself if the context that set it dies. */
  #nextAt = 0;
  #failures = 0;

  constructor(source: Source, client: OwnerClient, env: Env) {
    this.#source = source;
    this.#client = client;
    this.#env = env;
  }

  /** Called on every request: opens a connection when none is open and none is to be waited for. */
  keep(region: Region, now: number, background: Background): void {
    if (now < this.#nextAt) return;
    const lifeMs = WATCH_MIN + Math.random() * WATCH_JITTER;
    this.#nextAt = now + lifeMs;
    background.waitUntil(this.#run(region, lifeMs, background));
  }

  async #run(region: Region, lifeMs: number, background: Background): Promise<void> {
    const since = Date.now();
    const outcome = await this.#listen(region, lifeMs, background);
    if (outcome === "unreachable") {
      const pause = backoff(WATCH_RETRY_MIN, WATCH_RETRY_MAX, this.#failures, Math.random());
      this.#failures += 1;
      this.#nextAt = Date.now() + pause;
      return;
    }
    this.#failures = 0;
    this.#nextAt = 0;
    // Frames were lost: catch up at once, within the time this context may use.
    const left = lifeMs - (Date.now() - since);
    if (outcome === "gap" && left > 0) {
      this.#nextAt = Date.now() + left;
      await this.#run(region, left, background);
    }
  }

  async #listen(
    region: Region,
    lifeMs: number,
    background: Background,
  ): Promise<"over" | "gap" | "unreachable"> {
    const { feed, number } = this.#place;
    const hub = this.#env.REGION_HUB.getByName(region, { locationHint: region });
    let socket: WebSocket | null | undefined;
    try {
      const request = hub.fetch(`https://hub/watch?feed=${feed}&number=${number}`, {
        headers: { Upgrade: "websocket" },
      });
      socket = (await within(request, durationMs(WATCH_RETRY_MAX)))?.webSocket;
    } catch {
      return "unreachable";
    }
    if (socket === null || socket === undefined) return "unreachable";
    const open = socket;
    const ended = new Promise<"over" | "gap">((resolve) => {
      open.addEventListener("message", (event) => {
        if (this.#hear(event.data, background) === "gap") resolve("gap");
      });
      open.addEventListener("close", () => resolve("over"));
      open.addEventListener("error", () => resolve("over"));
    });
    open.binaryType = "arraybuffer";
    open.accept();
    const outcome = (await within(ended, lifeMs)) ?? "over";
    open.close(1000, "a successor follows");
    return outcome;
  }

  #hear(data: string | ArrayBuffer, background: Background): "next" | "gap" {
    const frame = typeof data === "string" ? undefined : decodeFeed(new Uint8Array(data));
    if (frame?.ok !== true) {
      console.error(JSON.stringify({ event: "unreadable-frame", error: frame?.error ?? "text" }));
      return "next";
    }
    const now = epochMs(Date.now());
    for (const news of frame.value.news) {
      const hot = this.#source.hear(news, now, Math.random());
      if (hot !== undefined) this.#client.drive(hot, background);
    }
    return follow(this.#place, frame.value);
  }
}
