/**
 * Memory: bytes per key, of ours and of others, and one isolate's Source under millions of clients.
 *
 * Each is measured in a process of its own, which this file also is: it fills, collects garbage and tells what
 * grew. Clients' addresses are made on the way, as a request brings them: who keeps a text pays for it.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SET_SIZE, SETS } from "../../shared/limits.ts";
import { addressOf, type Goal, OTHERS, ours } from "./decide.ts";

/** Keys for the bytes per key. */
export const KEYS = 100_000;
/** Clients of one isolate, first these, then on to those. */
export const CLIENTS_FEW = 1_000_000;
export const CLIENTS_MANY = 10_000_000;

const OURS = "ours";
/** Another state is filled with so many keys before, so that code and its feedback are there already. */
const WARM_KEYS = 2_000;

/** What a process holds, bytes. `external` has the array buffers in it. */
interface Held {
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
}

/** What one state came to at a number of clients. */
export interface Measured extends Held {
  readonly clients: number;
  /** heapUsed + external. */
  readonly bytes: number;
  readonly seconds: number;
  /** Ours: how many clients have an entry of their own. */
  readonly entries: number | undefined;
}

export interface PerKey {
  readonly name: string;
  readonly bytesPerKey: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface MemoryFigures {
  readonly keys: number;
  readonly perKey: readonly PerKey[];
  readonly table: { readonly entries: number; readonly bytes: number; readonly bytesPerEntry: number };
  readonly isolate: { readonly few: Measured; readonly many: Measured; readonly ratio: number };
  readonly goals: readonly Goal[];
}

/** @param progress told what share is done, from 0 to 1 */
export async function benchMemory(progress: (share: number) => void): Promise<MemoryFigures> {
  const perKey: PerKey[] = [];
  let table = { entries: 0, bytes: 0, bytesPerEntry: 0 };
  const names = [OURS, ...Object.keys(OTHERS)];
  for (const [done, name] of names.entries()) {
    progress(done / (names.length + 2));
    const [filled] = await inChild(name, [KEYS]);
    if (filled === undefined) throw new Error(`the measurement of ${name} told nothing`);
    perKey.push({
      name,
      bytesPerKey: filled.bytes / KEYS,
      bytes: filled.bytes,
      seconds: filled.seconds,
    });
    if (name === OURS) table = tableOf(filled);
  }
  progress(names.length / (names.length + 2));
  const [few, many] = await inChild(OURS, [CLIENTS_FEW, CLIENTS_MANY]);
  if (few === undefined || many === undefined) throw new Error("the measurement of an isolate told nothing");
  // No goal may be met because a reading went wrong.
  if (few.bytes < table.bytes) throw new Error(`an isolate measured ${few.bytes} bytes, less than its table`);
  const ratio = many.bytes / few.bytes;
  return {
    keys: KEYS,
    perKey,
    table,
    isolate: { few, many, ratio },
    goals: [
      {
        text: "at most 40 bytes for a key's entry",
        actual: table.bytesPerEntry,
        met: table.bytesPerEntry <= 40,
      },
      {
        text: "one isolate holds at most 16 MB after 10 million clients, none of whom has to ask",
        actual: many.bytes / 1e6,
        met: many.bytes <= 16e6,
      },
      { text: "10 million clients take what 1 million do, as a ratio", actual: ratio, met: ratio <= 1.05 },
    ],
  };
}

/** The table is the only thing of ours in array buffers, and its size does not depend on keys. */
function tableOf({ arrayBuffers }: Measured): MemoryFigures["table"] {
  const entries = SETS * SET_SIZE;
  return { entries, bytes: arrayBuffers, bytesPerEntry: arrayBuffers / entries };
}

async function inChild(name: string, clients: readonly number[]): Promise<readonly Measured[]> {
  const file = fileURLToPath(import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    file,
    name,
    ...clients.map(String),
  ]);
  return JSON.parse(stdout) as Measured[];
}

/** Counts a request of each client; `entries` where it can be told. */
interface Filler {
  readonly count: (address: string) => unknown;
  readonly entries: () => number | undefined;
}

function fillerOf(name: string): Filler {
  const other = OTHERS[name];
  if (other !== undefined) return { count: other(), entries: () => undefined };
  const { source, decide } = ours();
  return { count: decide, entries: () => [...source.table.slots()].length };
}

async function fill({ count }: Filler, from: number, to: number): Promise<void> {
  for (let index = from; index < to; index++) {
    const counted = count(addressOf(index));
    if (counted instanceof Promise) await counted;
  }
}

async function held(): Promise<Held> {
  // A collection leaves buffers and weakly held things to the next turn, and to the next collection.
  for (let time = 0; time < 3; time++) {
    globalThis.gc?.();
    await new Promise(setImmediate);
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { heapUsed, external, arrayBuffers };
}

/** States that live as long as this process. One that died between two readings would make the other look small. */
const kept: Filler[] = [];

function keep(filler: Filler): Filler {
  kept.push(filler);
  return filler;
}

/** What the state of `name` comes to after each of these numbers of clients. */
async function measure(name: string, stops: readonly number[]): Promise<readonly Measured[]> {
  await fill(keep(fillerOf(name)), 0, WARM_KEYS);
  const before = await held();
  const filler = keep(fillerOf(name));
  const measured: Measured[] = [];
  let from = 0;
  for (const clients of stops) {
    const start = performance.now();
    await fill(filler, from, clients);
    const seconds = (performance.now() - start) / 1000;
    from = clients;
    const after = await held();
    const heapUsed = after.heapUsed - before.heapUsed;
    const external = after.external - before.external;
    const arrayBuffers = after.arrayBuffers - before.arrayBuffers;
    const entries = filler.entries();
    measured.push({
      clients,
      heapUsed,
      external,
      arrayBuffers,
      bytes: heapUsed + external,
      seconds,
      entries,
    });
  }
  return measured;
}

if (import.meta.main) {
  const [name = "", ...stops] = process.argv.slice(2);
  const measured = await measure(name, stops.map(Number));
  process.stdout.write(JSON.stringify(measured));
}
