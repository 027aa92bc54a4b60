/** What reached owners since the start. Module state of the core service: it outlives objects, and asking disturbs none. */
import type { Traffic } from "../shapes.ts";
import { pops } from "./places.ts";

interface Calls {
  calls: number;
  repeated: number;
  /** What the last one said. */
  last: Uint8Array;
}

const callsBy = new Map<string, Calls>(
  pops.map(({ name }) => [name, { calls: 0, repeated: 0, last: new Uint8Array() }]),
);
let running = 0;

/** A call from a POP reaches an owner. */
export function callStarted(pop: string, frame: Uint8Array): void {
  const known = callsBy.get(pop);
  if (known === undefined) return;
  known.calls += 1;
  if (isSame(known.last, frame)) known.repeated += 1;
  known.last = frame;
  running += 1;
}

export function callEnded(): void {
  running -= 1;
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index]);

export const traffic = (): Traffic => ({
  now: Date.now(),
  pops: Array.from(callsBy, ([name, { calls, repeated }]) => ({ name, calls, repeated })),
  running,
});
