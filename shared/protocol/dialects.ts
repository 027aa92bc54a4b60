/**
 * Which schema the other side speaks, where that is an older one. Whoever is told "unknown schema" says it once
 * more in the other's, and remembers that, so that not every message costs two calls. Objects are upgraded, so
 * what was learnt is soon forgotten and tried again.
 */
import { DIALECT_TRUST, DIALECTS_MAX } from "../limits.ts";
import { after, type EpochMs } from "../time.ts";
import type { Decoded, Reply } from "./codec.ts";
import { SCHEMA, SCHEMA_MIN } from "./schema.ts";

export class Dialects {
  /** By the other side's name, the one learnt first at the front: a Map keeps the order of insertion. */
  readonly #older = new Map<string, { readonly schema: number; readonly until: EpochMs }>();

  /** The schema in which to write to `name`. */
  of(name: string, now: EpochMs): number {
    const known = this.#older.get(name);
    return known !== undefined && known.until > now ? known.schema : SCHEMA;
  }

  /**
   * Takes what `name` says it speaks. True when that is an older schema than `tried`, and one that this code
   * can write: then the same is to be said again in it.
   */
  learn(name: string, speaks: number, tried: number, now: EpochMs): boolean {
    if (!Number.isInteger(speaks) || speaks < SCHEMA_MIN || speaks >= tried) return false;
    this.#older.delete(name);
    this.#older.set(name, { schema: speaks, until: after(now, DIALECT_TRUST) });
    for (const oldest of this.#older.keys()) {
      if (this.#older.size <= DIALECTS_MAX) break;
      this.#older.delete(oldest);
    }
    return true;
  }

  /** The schema in which to say the same once more after this reply; undefined when that is not called for. */
  again(name: string, reply: Decoded<Reply>, tried: number, now: EpochMs): number | undefined {
    if (!reply.ok || !("error" in reply.value) || reply.value.error !== "unknown-schema") return undefined;
    const { speaks } = reply.value;
    return this.learn(name, speaks, tried, now) ? speaks : undefined;
  }

  get size(): number {
    return this.#older.size;
  }
}

/** Writes a message at most once in each schema, however many receivers speak it. */
export function oncePerSchema(write: (schema: number) => Uint8Array): (schema: number) => Uint8Array {
  const written = new Map<number, Uint8Array>();
  return (schema) => {
    const known = written.get(schema) ?? write(schema);
    written.set(schema, known);
    return known;
  };
}

/** The newest schema that both this code and a reader know; a reader that names none is of the first release. */
export const schemaFor = (reads: unknown): number =>
  typeof reads === "number" && Number.isSafeInteger(reads)
    ? Math.min(SCHEMA, Math.max(SCHEMA_MIN, reads))
    : SCHEMA_MIN;
