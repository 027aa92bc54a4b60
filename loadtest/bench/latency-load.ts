/** The requests of one run: what clients do, and what each request took. */
import type { Random } from "../tools/random.ts";
import type { Sample, Way } from "./latency-way.ts";

/** Ways in which clients come. */
export const SHAPES = ["quiet", "sequential", "random", "inFlight"] as const;
export type Shape = (typeof SHAPES)[number];

/** What one run of a way took, by shape; `free` are answers that call no limiter. */
export type Run = Readonly<Record<Shape | "free", readonly Sample[]>>;

/** How much of each there is in a run. */
export interface Load {
  /** Visits, each a request at the first POP and then one at every other, so far apart. */
  readonly visits: number;
  readonly visitEveryMs: number;
  /** For how long the busy client sends one request after another, at every POP. */
  readonly sequentialMs: number;
  /** Requests a second at each POP at random moments, and for how long. */
  readonly perSecond: number;
  readonly randomMs: number;
  /** Requests in flight at each POP, the next as soon as one is answered, and for how long. */
  readonly inFlight: number;
  readonly inFlightMs: number;
}

export interface RunInput {
  readonly way: Way;
  readonly pops: number;
  readonly load: Load;
  readonly busyClient: string;
  /** Addresses that no run has used. */
  readonly newClient: () => string;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** One run: each shape in turn, at all POPs at once. */
export async function runOnce(input: RunInput): Promise<Run> {
  const { way, load, busyClient, signal } = input;
  const { free: answer } = way;
  const limited = (pop: number): Promise<Sample> => way.limited(pop, busyClient);
  const run = {
    // As quiet clients come, so that what a machine takes to wake up is in both.
    free: answer === undefined ? [] : await visits(input, () => answer),
    quiet: await visits(input, () => {
      const client = input.newClient();
      return (pop) => way.limited(pop, client);
    }),
    sequential: await atPops(input, (pop) => chain(load.sequentialMs, signal, () => limited(pop))),
    random: await atPops(input, (pop) => {
      const moments = randomMoments(load.perSecond, load.randomMs, input.random);
      return atMoments(moments, signal, () => limited(pop));
    }),
    inFlight: await atPops(input, (pop) =>
      inParallel(load.inFlight, () => chain(load.inFlightMs, signal, () => limited(pop))),
    ),
  };
  signal.throwIfAborted();
  return run;
}

/** Has the first POP know the busy client first, and every POP know that it is busy. */
export async function makeBusy(
  { way, pops, busyClient }: Pick<RunInput, "way" | "pops" | "busyClient">,
  requests: number,
): Promise<void> {
  for (let pop = 0; pop < pops; pop++) await repeat(requests, () => way.limited(pop, busyClient));
}

/** To the first POP first: what counts for a client stands next to it. */
async function visits(
  { pops, load, signal }: RunInput,
  visitor: () => (pop: number) => Promise<Sample>,
): Promise<Sample[]> {
  const moments = Array.from({ length: load.visits }, (_, index) => index * load.visitEveryMs);
  const visited = await atMoments(moments, signal, async () => {
    const send = visitor();
    const first = await send(0);
    const others = Array.from({ length: pops - 1 }, (_, index) => send(index + 1));
    return [first, ...(await Promise.all(others))];
  });
  return visited.flat();
}

async function atPops({ pops }: RunInput, load: (pop: number) => Promise<Sample[]>): Promise<Sample[]> {
  return (await Promise.all(Array.from({ length: pops }, (_, pop) => load(pop)))).flat();
}

const inParallel = async (chains: number, load: () => Promise<Sample[]>): Promise<Sample[]> =>
  (await Promise.all(Array.from({ length: chains }, load))).flat();

async function repeat<T>(times: number, send: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let time = 0; time < times; time++) all.push(await send());
  return all;
}

/** One after another, as long as `ms` are not over; at least one. */
async function chain<T>(ms: number, signal: AbortSignal, send: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  const until = performance.now() + ms;
  do all.push(await send());
  while (performance.now() < until && !signal.aborted);
  return all;
}

/** Each at its moment, however slow the answers are. */
async function atMoments<T>(
  momentsMs: readonly number[],
  signal: AbortSignal,
  send: () => Promise<T>,
): Promise<T[]> {
  const start = performance.now();
  const all: Promise<T>[] = [];
  for (const moment of momentsMs) {
    const left = start + moment - performance.now();
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    if (signal.aborted) break;
    const sent = send();
    // A failure is told below, also one that comes while later requests still have to leave.
    sent.catch(() => undefined);
    all.push(sent);
  }
  return Promise.all(all);
}

/** Moments of a Poisson process: independent of one another, and so of any message that is out. */
export function randomMoments(perSecond: number, forMs: number, random: Random): number[] {
  const moments: number[] = [];
  for (let at = 0; ; moments.push(at)) {
    at += (-Math.log(1 - random()) * 1_000) / perSecond;
    if (at >= forMs) return moments;
  }
}
