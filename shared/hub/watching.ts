/**
 * When an isolate is connected to its hub. A connection lives under the request that opened it, so it closes
 * itself before the platform would, and the next request opens a successor; one that is lost is opened
 * again after a pause.
 */
import { WATCH_JITTER, WATCH_MIN, WATCH_RETRY_MAX, WATCH_RETRY_MIN } from "../limits.ts";
import { backoff } from "../pop/outbox.ts";
import { after, durationMs, type EpochMs, later, NEVER } from "../time.ts";
import type { Place } from "./feed.ts";

/** Why a connection ended: its time was over, frames were missing, or it broke. */
export type WatchEnd = "expired" | "gap" | "lost";

export class Watching {
  /** Where this isolate is in the hub's feed. */
  readonly place: Place = { feed: "", number: 0 };
  /** No other connection is opened before this time. It passes by itself if the context that set it dies. */
  #nextAt: EpochMs = NEVER;
  #failures = 0;

  /** Asked at every request: whether `open` would have something to say. */
  isDue(now: EpochMs): boolean {
    return now >= this.#nextAt;
  }

  /**
   * Asked at a request for which it is due: until when its context should listen; undefined when somebody does, or when it
   * is too early to try again.
   * @param jitter in [0, 1): so that isolates do not come back to the hub in step
   */
  open(now: EpochMs, jitter: number): EpochMs | undefined {
    if (now < this.#nextAt) return undefined;
    this.#nextAt = after(now, durationMs(WATCH_MIN + jitter * WATCH_JITTER));
    return this.#nextAt;
  }

  connected(): void {
    this.#failures = 0;
  }

  /**
   * A connection of the context that listens until `closeAt` ended, or could not be made ("lost"). When to
   * connect again in the same context; undefined for not at all.
   * @param jitter in [0, 1)
   */
  ended(how: WatchEnd, closeAt: EpochMs, now: EpochMs, jitter: number): EpochMs | undefined {
    const pause = how === "lost" ? this.#pause(jitter) : durationMs(0);
    const again = after(now, pause);
    if (how === "expired" || again === closeAt) this.#nextAt = NEVER;
    else this.#nextAt = later(closeAt, again);
    return how !== "expired" && again < closeAt ? again : undefined;
  }

  #pause(jitter: number) {
    const pause = backoff(WATCH_RETRY_MIN, WATCH_RETRY_MAX, this.#failures, jitter);
    this.#failures += 1;
    return pause;
  }
}
