/**
 * The watch: one connection of this isolate to its region's hub, over which it hears what owners announce.
 * It lives under the `waitUntil` of the request that opened it; when it opens, closes and comes again is
 * `shared/hub/watching.ts`'s. An isolate without requests hears nothing: that costs accuracy, never the bound.
 */
import { follow } from "../shared/hub/feed.ts";
import { type WatchEnd, Watching } from "../shared/hub/watching.ts";
import type { Source } from "../shared/pop/source.ts";
import { decodeFeed } from "../shared/protocol/codec.ts";
import { SCHEMA } from "../shared/protocol/schema.ts";
import type { Region } from "../shared/region.ts";
import { between, type EpochMs, epochMs, NEVER } from "../shared/time.ts";
import type { Background } from "./courier.ts";
import type { Env } from "./env.ts";
import { hubSocket } from "./hub-socket.ts";
import type { OwnerClient } from "./owner-client.ts";
import { sleep, within } from "./timer.ts";

/** Who is told of what was heard. */
export interface Hearing {
  heard(news: number, background: Background): void;
  /** Somebody looks at this region's isolates until then. @param wanted clients: rule version, dot, tag */
  watched(until: EpochMs, wanted: readonly string[], background: Background): void;
}

export class Watch {
  readonly #source: Source;
  readonly #client: OwnerClient;
  readonly #env: Env;
  readonly #watching = new Watching();
  readonly #hearing: Hearing;
  /** When there was a connection last: NEVER before the first, and while there is one, now. */
  #lastAt: EpochMs = NEVER;
  #open = 0;

  constructor(source: Source, client: OwnerClient, env: Env, hearing: Hearing) {
    this.#source = source;
    this.#client = client;
    this.#env = env;
    this.#hearing = hearing;
  }

  /** How long ago there was a connection, ms: 0 while there is one, null before the first. */
  ageMs(now: EpochMs): number | null {
    if (this.#open > 0) return 0;
    // A clock that was put back makes no length below zero.
    return this.#lastAt === NEVER ? null : Math.max(0, between(this.#lastAt, now));
  }

  /** Asked at every request: whether `keep` has something to do. */
  isDue(now: EpochMs): boolean {
    return this.#watching.isDue(now);
  }

  /** Called at a request for which it is due: opens a connection when none is open and none is to be waited for. */
  keep(region: Region, now: EpochMs, background: Background): void {
    const closeAt = this.#watching.open(now, Math.random());
    if (closeAt !== undefined) background.waitUntil(this.#run(region, closeAt, background));
  }

  /** Listens until `closeAt`, over as many connections as it takes. */
  async #run(region: Region, closeAt: EpochMs, background: Background): Promise<void> {
    for (;;) {
      const how = await this.#listen(region, closeAt, background);
      const now = epochMs(Date.now());
      const again = this.#watching.ended(how, closeAt, now, Math.random());
      if (again === undefined) return;
      await sleep(between(now, again));
    }
  }

  /** One connection, and why it ended. */
  async #listen(region: Region, closeAt: EpochMs, background: Background): Promise<WatchEnd> {
    const socket = await this.#connect(region);
    if (socket === undefined) return "lost";
    this.#watching.connected();
    const ended = new Promise<"gap" | "lost">((resolve) => {
      socket.addEventListener("message", (event) => {
        if (this.#hear(event.data, background) === "gap") resolve("gap");
      });
      socket.addEventListener("close", () => resolve("lost"));
      socket.addEventListener("error", () => resolve("lost"));
    });
    socket.binaryType = "arraybuffer";
    socket.accept();
    this.#open += 1;
    const outcome = (await within(ended, between(epochMs(Date.now()), closeAt))) ?? "expired";
    this.#open -= 1;
    this.#lastAt = epochMs(Date.now());
    socket.close(1000, "a successor follows");
    return outcome;
  }

  #connect(region: Region): Promise<WebSocket | undefined> {
    const { feed, number } = this.#watching.place;
    return hubSocket(this.#env, region, `/watch?feed=${feed}&number=${number}&schema=${SCHEMA}`);
  }

  #hear(data: string | ArrayBuffer, background: Background): "next" | "gap" {
    const frame = typeof data === "string" ? undefined : decodeFeed(new Uint8Array(data));
    if (frame?.ok !== true) {
      console.error(JSON.stringify({ event: "unreadable-frame", error: frame?.error ?? "text" }));
      return "next";
    }
    const now = epochMs(Date.now());
    const { watched } = frame.value;
    if (watched !== undefined) this.#hearing.watched(watched.until, watched.keys, background);
    for (const news of frame.value.news) {
      const hot = this.#source.hear(news, now, Math.random());
      if (hot !== undefined) this.#client.drive(hot, background);
    }
    // After the news is known here: a report may leave at once, and tells what is known.
    this.#hearing.heard(frame.value.news.length, background);
    return follow(this.#watching.place, frame.value);
  }
}
