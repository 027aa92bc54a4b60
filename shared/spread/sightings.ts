/** Reports of clients that are spread thinly, as messages, and as an isolate gathers them for its hub. */
import * as v from "valibot";
import { SIGHTINGS_MAX, SIGHTINGS_PAUSE } from "../limits.ts";
import { type Decoded, decode, encode } from "../protocol/codec.ts";
import { count, hex, policySchema, positive } from "../protocol/fields.ts";
import { after, type EpochMs, NEVER, windowEnd } from "../time.ts";

const sightingSchema = v.object({
  rule: policySchema,
  key: hex(32),
  label: v.exactOptional(v.string()),
  /** The object that owns the key. */
  owner: v.string(),
  /** The data centre that saw it last. */
  pop: v.string(),
  window: count,
  /** How many units of what it cost were picked. */
  seen: positive,
  /** So often claims it. */
  needed: positive,
});

/** A client of which requests were picked by chance, in one window. */
export type Sighting = v.InferOutput<typeof sightingSchema>;

export const encodeSightings = (sightings: readonly Sighting[], schema?: number): Uint8Array =>
  encode(sightings, schema);
export const decodeSightings = (bytes: unknown): Decoded<readonly Sighting[]> =>
  decode(v.pipe(v.array(sightingSchema), v.maxLength(SIGHTINGS_MAX)), bytes);

export const sightingName = ({ rule, key, window }: Pick<Sighting, "rule" | "key" | "window">): string =>
  `${rule.version}.${key}.${window}`;

/** What one isolate has seen and not handed over yet: bounded, and handed over at most once a second. */
export class SightingBox {
  readonly #box = new Map<string, Sighting>();
  /** No other hand-over begins before. It passes by itself if the context that set it dies. */
  #nextAt: EpochMs = NEVER;
  #sentAt: EpochMs = NEVER;

  /** One more. When to hand over, for a context that then has to; `undefined` when another one does. */
  put(sighting: Sighting, now: EpochMs): EpochMs | undefined {
    const name = sightingName(sighting);
    const known = this.#box.get(name);
    // Under a flood of clients some are left out: they come again, or they are no danger.
    if (known === undefined && this.#box.size >= SIGHTINGS_MAX) return undefined;
    this.#box.set(name, known === undefined ? sighting : { ...known, seen: known.seen + sighting.seen });
    if (now < this.#nextAt) return undefined;
    const at = this.#sentAt === NEVER ? now : Math.max(now, after(this.#sentAt, SIGHTINGS_PAUSE));
    this.#nextAt = after(at as EpochMs, SIGHTINGS_PAUSE);
    return at as EpochMs;
  }

  /** What could not be handed over goes with the next, unless its window is over: then nobody has to be claimed. */
  putBack(sightings: readonly Sighting[], now: EpochMs): void {
    for (const sighting of sightings)
      if (windowEnd(sighting.rule.grid, sighting.window) > now) this.put(sighting, now);
  }

  /** All that is to be handed over now. */
  empty(now: EpochMs): readonly Sighting[] {
    const all = [...this.#box.values()];
    this.#box.clear();
    this.#sentAt = now;
    this.#nextAt = NEVER;
    return all;
  }

  get size(): number {
    return this.#box.size;
  }
}
