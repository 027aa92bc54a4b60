/** Whether memory stays flat: an isolate's last minute against its first. */
import type { HeapReading } from "../../cluster/heap.ts";

const MINUTE_MS = 60_000;
/** How far the last minute may be above the first. */
export const GROWTH_MAX = 0.05;

export interface MemorySample {
  /** Ms since the first minute began. */
  readonly atMs: number;
  readonly heaps: readonly HeapReading[];
  /** Of the whole workerd process, in bytes; undefined where the system does not say. */
  readonly resident: number | undefined;
}

export interface IsolateMemory {
  readonly isolate: string;
  /** Bytes in each full minute. */
  readonly minutes: readonly number[];
  /** The last minute against the first, −1 for nothing left; null when there are not two of them. */
  readonly growth: number | null;
}

/** Each isolate's memory by minute, in the order in which they were read. */
export function memoryOf(samples: readonly MemorySample[], minutes: number): readonly IsolateMemory[] {
  const isolates = new Set(samples.flatMap(({ heaps }) => heaps.map(({ isolate }) => isolate)));
  return Array.from(isolates, (isolate) => {
    const own = byMinute(
      samples,
      minutes,
      ({ heaps }) => heaps.find((heap) => heap.isolate === isolate)?.bytes,
    );
    const [first] = own;
    const last = own.at(-1);
    const judged = own.length > 1 && first !== undefined && last !== undefined && first > 0;
    return { isolate, minutes: own, growth: judged ? last / first - 1 : null };
  });
}

/** The process as a whole, by minute. It is shown and not judged: the system takes back freed memory when it likes. */
export const residentOf = (samples: readonly MemorySample[], minutes: number): readonly number[] =>
  byMinute(samples, minutes, ({ resident }) => resident);

/** The lowest reading of each full minute that has some. */
function byMinute(
  samples: readonly MemorySample[],
  minutes: number,
  bytesIn: (sample: MemorySample) => number | undefined,
): readonly number[] {
  return Array.from({ length: minutes }, (_, minute) => {
    const within = samples.filter(({ atMs }) => Math.floor(atMs / MINUTE_MS) === minute);
    const read = within.map(bytesIn).filter((bytes) => bytes !== undefined);
    // What is under way at one moment is no memory that stays; and V8 gives array buffers back one collection later.
    return read.length === 0 ? undefined : Math.min(...read);
  }).filter((bytes) => bytes !== undefined);
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

/** Full minutes in a run of that length. */
export const minutesIn = (seconds: number): number => Math.floor((1_000 * seconds) / MINUTE_MS);

export const isFlat = ({ growth }: IsolateMemory): boolean => growth === null || growth <= GROWTH_MAX;
