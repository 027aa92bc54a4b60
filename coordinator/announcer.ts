/** How an owner tells every region's hub what is new, each in a schema that the hub can read. */

import { encodeNews } from "../shared/protocol/codec.ts";
import { Dialects, oncePerSchema } from "../shared/protocol/dialects.ts";
import type { Announcement } from "../shared/protocol/messages.ts";
import { SCHEMA_MIN } from "../shared/protocol/schema.ts";
import { REGIONS, type Region } from "../shared/region.ts";
import { type EpochMs, epochMs } from "../shared/time.ts";
import type { Env } from "../worker/env.ts";

export class Announcer {
  readonly #env: Env;
  readonly #dialects = new Dialects();

  constructor(env: Env) {
    this.#env = env;
  }

  /** Tells all hubs in parallel. A hub that is not reached costs accuracy, never the bound. */
  async announce(news: readonly Announcement[]): Promise<void> {
    const frame = oncePerSchema((schema) => encodeNews(news, schema));
    const now = epochMs(Date.now());
    await Promise.allSettled(REGIONS.map((region) => this.#tell(region, frame, now)));
  }

  async #tell(region: Region, frame: (schema: number) => Uint8Array, now: EpochMs): Promise<void> {
    const hub = this.#env.REGION_HUB.getByName(region, { locationHint: region });
    const schema = this.#dialects.of(region, now);
    // Hubs of the first release say nothing, and read nothing but the first schema.
    const speaks: unknown = (await hub.announce(frame(schema))) ?? SCHEMA_MIN;
    if (typeof speaks !== "number" || !this.#dialects.learn(region, speaks, schema, now)) return;
    await hub.announce(frame(speaks));
  }
}
