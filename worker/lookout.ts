/**
 * How sightings of thinly spread clients get to the hub: at most one call a second, in the background of a request that
 * was picked. One that fails is put back: a sighting that comes twice claims a client a little sooner.
 */
import { REPORT_CALL_MAX } from "../shared/limits.ts";
import type { Region } from "../shared/region.ts";
import { encodeSightings, type Sighting, SightingBox } from "../shared/spread/sightings.ts";
import { between, type EpochMs, epochMs } from "../shared/time.ts";
import type { Background } from "./courier.ts";
import type { Env } from "./env.ts";
import { sleep, within } from "./timer.ts";

export class Lookout {
  readonly #env: Env;
  readonly #box = new SightingBox();

  constructor(env: Env) {
    this.#env = env;
  }

  saw(sighting: Sighting, region: Region, background: Background): void {
    const at = this.#box.put(sighting, epochMs(Date.now()));
    if (at !== undefined) background.waitUntil(this.#handOver(region, at));
  }

  async #handOver(region: Region, at: EpochMs): Promise<void> {
    await sleep(between(epochMs(Date.now()), at));
    const sightings = this.#box.empty(epochMs(Date.now()));
    if (sightings.length === 0) return;
    const hub = this.#env.REGION_HUB.getByName(region, { locationHint: region });
    const call = Promise.resolve(hub.sighted(encodeSightings(sightings))).then(() => true);
    const taken = await within(call, REPORT_CALL_MAX).catch(() => false);
    // A hub of an older release has no such call, or it is out of reach or too slow: they go with the next.
    if (taken !== true) this.#box.putBack(sightings, epochMs(Date.now()));
  }
}
