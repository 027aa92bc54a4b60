/**
 * When each request leaves, and to which POP. Drawn from the seed alone: the same slice, seed, spread and
 * POPs give the same schedule on every machine.
 */
import { drawBelow, type Random, seededRandom, seedFor, shuffled } from "../tools/random.ts";
import type { LogEntry } from "./log-line.ts";
import type { LoggedRequest } from "./request-line.ts";

export interface Planned {
  /** After the start of the replay, in real milliseconds (`--speed` is in it). */
  readonly atMs: number;
  readonly client: string;
  readonly request: LoggedRequest;
  /** Index into the cluster's POPs. */
  readonly pop: number;
}

export interface ScheduleWish {
  readonly speed: number;
  readonly seed: number;
  /** POPs that one client uses at most. */
  readonly spread: number;
  /** POPs that there are. */
  readonly pops: number;
}

/** Plans the entries, which are in the order of time. The pause before the first one is left out. */
export function schedule(entries: readonly LogEntry[], wish: ScheduleWish): Planned[] {
  const times = spreadTimes(entries, seededRandom(seedFor(wish.seed, "times")));
  const popOf = popChooser(wish);
  const start = times.reduce((earliest, time) => Math.min(earliest, time), times[0] ?? 0);
  const planned = entries.map((entry, index) => ({
    atMs: ((times[index] ?? start) - start) / wish.speed,
    client: entry.client,
    request: entry.request,
    pop: popOf(entry.client),
  }));
  // Drawn times may pass those of finer lines in the same second.
  return planned.sort((a, b) => a.atMs - b.atMs);
}

/**
 * A log with a resolution of 1 s says nothing about the order within it beyond the order of its lines, so
 * the requests of a second get drawn times in it, in the lines' order. Finer times are kept.
 */
function spreadTimes(entries: readonly LogEntry[], random: Random): number[] {
  const times: number[] = [];
  let index = 0;
  while (index < entries.length) {
    const first = entries[index];
    if (first === undefined) break;
    let end = index;
    while (entries[end]?.at === first.at && entries[end]?.wholeSecond === first.wholeSecond) end++;
    const offsets = Array.from({ length: end - index }, () => (first.wholeSecond ? random() * 1_000 : 0));
    for (const offset of offsets.sort((a, b) => a - b)) times.push(first.at + offset);
    index = end;
  }
  return times;
}

/** Each client has its own drawn POPs, and its requests go to one of them by draw. */
function popChooser(wish: ScheduleWish): (client: string) => number {
  const all = Array.from({ length: wish.pops }, (_, index) => index);
  const known = new Map<string, { readonly pops: readonly number[]; readonly random: Random }>();
  return (client) => {
    let chosen = known.get(client);
    if (chosen === undefined) {
      const random = seededRandom(seedFor(wish.seed, client));
      chosen = { pops: shuffled(all, random).slice(0, wish.spread), random };
      known.set(client, chosen);
    }
    return chosen.pops[drawBelow(chosen.random, chosen.pops.length)] ?? 0;
  };
}
