/**
 * The watch: one connection of this isolate to its region's hub, over which it hears what owners announce.
 * It lives under the `waitUntil` of the request that opened it and closes itself before the platform would;
 * the next request opens a successor that gets what was missed. An isolate without requests hears nothing:
 * that costs accuracy, never the bound.
 */
import { follow, type Place } from "../shared/hub/feed.ts";
import {
  WATCH_CONNECT_MAX,
  WATCH_JITTER,
  WATCH_MIN,
  WATCH_RETRY_MAX,
  WATCH_RETRY_MIN,
} from "../shared/limits.ts";
import { backoff } from "../shared/pop/outbox.ts";
import type { Source } from "../shared/pop/source.ts";
import { decodeFeed } from "../shared/protocol/codec.ts";
import { SCHEMA } from "../shared/protocol/schema.ts";
import type { Region } from "../shared/region.ts";
import { epochMs } from "../shared/time.ts";
import type { Background } from "./courier.ts";
import type { Env } from "./env.ts";
import type { OwnerClient } from "./owner-client.ts";
import { sleep, within } from "./timer.ts";

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
    const closeAt = now + WATCH_MIN + Math.random() * WATCH_JITTER;
    this.#nextAt = closeAt;
    background.waitUntil(this.#run(region, closeAt, background));
  }

  /** Listens until `closeAt`, over as many connections as it takes. */
  async #run(region: Region, closeAt: number, background: Background): Promise<void> {
    while (Date.now() < closeAt) {
      const ended = await this.#listen(region, closeAt, background);
      if (ended === "expired") break;
      if (ended === "gap") continue; // frames were lost: catch up at once
      const pause = backoff(WATCH_RETRY_MIN, WATCH_RETRY_MAX, this.#failures, Math.random());
      this.#failures += 1;
      this.#nextAt = Math.max(closeAt, Date.now() + pause);
      if (this.#nextAt > closeAt) return;
      await sleep(pause);
    }
    this.#nextAt = 0;
  }

  /** One connection, and why it ended. */
  async #listen(
    region: Region,
    closeAt: number,
    background: Background,
  ): Promise<"expired" | "gap" | "lost"> {
    const socket = await this.#connect(region);
    if (socket === undefined) return "lost";
    this.#failures = 0;
    const ended = new Promise<"gap" | "lost">((resolve) => {
      socket.addEventListener("message", (event) => {
        if (this.#hear(event.data, background) === "gap") resolve("gap");
      });
      socket.addEventListener("close", () => resolve("lost"));
      socket.addEventListener("error", () => resolve("lost"));
    });
    socket.binaryType = "arraybuffer";
    socket.accept();
    const outcome = (await within(ended, closeAt - Date.now())) ?? "expired";
    socket.close(1000, "a successor follows");
    return outcome;
  }

  async #connect(region: Region): Promise<WebSocket | undefined> {
    const { feed, number } = this.#place;
    const hub = this.#env.REGION_HUB.getByName(region, { locationHint: region });
    const url = `https://hub/watch?feed=${feed}&number=${number}&schema=${SCHEMA}`;
    try {
      const response = await within(hub.fetch(url, { headers: { Upgrade: "websocket" } }), WATCH_CONNECT_MAX);
      return response?.webSocket ?? undefined;
    } catch {
      return undefined;
    }
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
