/** Streams of requests that nobody holds in memory: one at a time, in the fields of one object. */
import { drawBelow, type Random } from "../tools/random.ts";

/** What a request asks for: a page, or to be logged in. */
export const PAGE = 0;
export const LOGIN = 1;

/** Requests in the order of their times. The fields hold one request, and the next after `next()`. */
export interface Stream {
  /** ms since the stream's beginning, with a fraction. */
  readonly at: number;
  /** Whose request it is, a whole number from 0. */
  readonly client: number;
  /** Index of the place it arrives at. */
  readonly place: number;
  /** Which of the place's isolates gets it, from 0. */
  readonly isolate: number;
  readonly path: typeof PAGE | typeof LOGIN;
  /** Goes on to the next request; false when there is none, and then the fields mean nothing. Before the first call neither. */
  next(): boolean;
}

/** What `arrivals` must know. */
export interface ArrivalOptions {
  /** How many requests, exactly. */
  readonly requests: number;
  /** When the first may come and when the last, ms. */
  readonly from: number;
  readonly to: number;
  /** How many isolates each place has. */
  readonly isolates: ArrayLike<number>;
  readonly random: Random;
}

/** What a shape of traffic decides about a request, given its time. */
export interface Draft {
  readonly at: number;
  client: number;
  place: number;
  path: typeof PAGE | typeof LOGIN;
}

/**
 * A stream of requests at random times, as from a Poisson process of which the number of arrivals is known.
 * @param describe sets client, place and path of the request at `at`; a field that it leaves keeps its value
 */
export function arrivals(options: ArrivalOptions, describe: (request: Draft) => void): Stream {
  const { random, to, isolates } = options;
  let left = options.requests;
  const request = {
    at: options.from,
    client: 0,
    place: 0,
    isolate: 0,
    path: PAGE as typeof PAGE | typeof LOGIN,
    next(): boolean {
      if (left === 0) return false;
      // The first of `left` times drawn evenly from what is left of the time: 1 − u^(1/left) of it.
      request.at += (to - request.at) * -Math.expm1(Math.log(1 - random()) / left);
      left -= 1;
      describe(request);
      request.isolate = drawBelow(random, isolates[request.place] ?? 1);
      return true;
    },
  };
  return request;
}

/** All requests of several streams as one, in the order of their times; of two at once the earlier stream's first. */
export function merge(streams: readonly Stream[]): Stream {
  let heads = streams.filter((stream) => stream.next());
  let current: Stream | undefined;
  const merged = {
    at: 0,
    client: 0,
    place: 0,
    isolate: 0,
    path: PAGE as typeof PAGE | typeof LOGIN,
    next(): boolean {
      const used = current;
      if (used !== undefined && !used.next()) heads = heads.filter((stream) => stream !== used);
      const [first] = heads;
      current = first;
      if (first === undefined) return false;
      let next = first;
      // The streams are few: looking at each is as fast as a heap.
      for (const stream of heads) if (stream.at < next.at) next = stream;
      current = next;
      merged.at = next.at;
      merged.client = next.client;
      merged.place = next.place;
      merged.isolate = next.isolate;
      merged.path = next.path;
      return true;
    },
  };
  return merged;
}
