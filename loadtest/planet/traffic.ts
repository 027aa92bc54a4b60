/**
 * The traffic of a planet, drawn from a seed: a crowd of ordinary clients, and the four kinds of abuse that a
 * limiter with many counters finds hardest to see.
 */
import { drawBelow, type Random, seededRandom, seedFor, shuffled } from "../tools/random.ts";
import { arrivals, type Draft, LOGIN, merge, PAGE, type Stream } from "./stream.ts";
import { zipf } from "./zipf.ts";

/**
 * - `crowd`: each client lives at one place and sends all its requests there, some often, most seldom;
 * - `flash`: one client, hammered from all places within seconds;
 * - `stuffing`: log-ins of thousands of clients, a few each, for a short while, at a handful of places;
 * - `thin`: a client that calls on every place in turn, seldom at any one of them;
 * - `moving`: clients that are at one place for some seconds, then at another far away.
 */
export const SHAPES = ["crowd", "flash", "stuffing", "thin", "moving"] as const;
export type Shape = (typeof SHAPES)[number];

/** Of all requests, unless told otherwise. The crowd has the rest: 80 %. */
const SHARES: Readonly<Record<Exclude<Shape, "crowd">, number>> = {
  flash: 0.06,
  stuffing: 0.08,
  thin: 0.03,
  moving: 0.03,
};

/**
 * How unequal the crowd is. Zipf's law with exponents from 0.7 to 0.9 fits the clients of two real access
 * logs best, once their scanners are left out.
 */
const CROWD_EXPONENT = 0.8;
/** Of the crowd's requests, one in so many is a log-in. */
const CROWD_LOGIN_EVERY = 20;
/** A flash crowd starts at this share of the time, and lasts so long, but at most a tenth of the time. */
const FLASH_START = 0.4;
const FLASH_MS = 10_000;
/** Stuffed clients get about so many log-ins each (more if there are too few clients), at so many places. */
const STUFFING_REQUESTS = 12;
const STUFFING_PLACES = 4;
/** The share of the stuffed clients under attack at any one time. */
const STUFFING_AT_ONCE = 0.05;
/** A thin client calls on each place about once in this time. */
const THIN_ROUND_MS = 10_000;
/** Moving clients stay this long, and send about one request in this time. */
const MOVE_EVERY_MS = 5_000;
const MOVER_REQUEST_MS = 250;
/** Of all clients, at most these shares are stuffed, thin, and moving; but at least one each. */
const STUFFED_MAX = 0.25;
const FEW_MAX = 0.01;

export interface TrafficOptions {
  /** A whole number; the same one gives the same traffic. */
  readonly seed: number;
  /** How many places there are. */
  readonly places: number;
  /** How many isolates each place has, or all. */
  readonly isolatesPerPlace: number | readonly number[];
  /** How many clients there are in all shapes together, at least 5; not each of them need come. */
  readonly clients: number;
  /** How many requests, exactly. */
  readonly requests: number;
  readonly durationMs: number;
  /** Other shares of abuse, each from 0 to 1; the crowd has what is left of 1. */
  readonly shares?: Readonly<Partial<Record<Exclude<Shape, "crowd">, number>>>;
  /** Indexes of the places that moving clients visit in turn; by default eight that are far apart in the list. */
  readonly stops?: readonly number[];
}

/** A shape's part of the traffic. */
export interface Part {
  /** Its clients: from this one, up to but not including that one. In the crowd the first is the busiest. */
  readonly clients: { readonly from: number; readonly to: number };
  readonly requests: number;
}

export interface Traffic {
  /** All requests in the order of their times, from 0 to `durationMs`. */
  readonly stream: Stream;
  readonly parts: Readonly<Record<Shape, Part>>;
}

/** The traffic of all shapes. Throws `RangeError` for options that make none. */
export function planetTraffic(options: TrafficOptions): Traffic {
  const isolates = isolatesOf(options);
  const parts = partsOf(options);
  const streams = SHAPES.map((shape) => {
    const random = seededRandom(seedFor(options.seed, shape));
    const { requests } = parts[shape];
    const [from, to] = shape === "flash" ? flashTime(options) : [0, options.durationMs];
    const describe = requests === 0 ? () => {} : DESCRIBERS[shape](options, parts[shape], random);
    return arrivals({ requests, from, to, isolates, random }, describe);
  });
  return { stream: merge(streams), parts };
}

function isolatesOf({ places, isolatesPerPlace, stops = [] }: TrafficOptions): ArrayLike<number> {
  if (!(places >= 1)) throw new RangeError(`${places} places`);
  const wrong = stops.find((stop) => !(stop >= 0 && stop < places));
  if (wrong !== undefined) throw new RangeError(`there is no place ${wrong} to stop at`);
  if (typeof isolatesPerPlace === "number") return new Int32Array(places).fill(isolatesPerPlace);
  if (isolatesPerPlace.length === places) return isolatesPerPlace;
  throw new RangeError(`isolates of ${isolatesPerPlace.length} places, but there are ${places}`);
}

function partsOf(options: TrafficOptions): Record<Shape, Part> {
  const { clients, requests, places, durationMs } = options;
  if (!(clients >= 5)) throw new RangeError(`${clients} clients are too few for ${SHAPES.length} shapes`);
  const shares = { ...SHARES, ...options.shares };
  const count = (shape: Exclude<Shape, "crowd">): number => Math.floor(requests * shares[shape]);
  const [flash, stuffing, thin, moving] = [count("flash"), count("stuffing"), count("thin"), count("moving")];
  const crowd = requests - flash - stuffing - thin - moving;
  if (!(crowd >= 0)) throw new RangeError("the shares of abuse add up to more than 1");
  const atMost = (share: number, wanted: number): number =>
    Math.max(1, Math.min(Math.round(wanted), Math.floor(clients * share)));
  const [stuffed, thinned, movers] = [
    atMost(STUFFED_MAX, stuffing / STUFFING_REQUESTS),
    atMost(FEW_MAX, thin / (places * (durationMs / THIN_ROUND_MS))),
    atMost(FEW_MAX, moving / (durationMs / MOVER_REQUEST_MS)),
  ];
  let from = 0;
  const part = (size: number, of: number): Part => {
    from += size;
    return { clients: { from: from - size, to: from }, requests: of };
  };
  return {
    crowd: part(clients - 1 - stuffed - thinned - movers, crowd),
    flash: part(1, flash),
    stuffing: part(stuffed, stuffing),
    thin: part(thinned, thin),
    moving: part(movers, moving),
  };
}

function flashTime({ durationMs }: TrafficOptions): [from: number, to: number] {
  const from = durationMs * FLASH_START;
  return [from, from + Math.min(FLASH_MS, durationMs / 10)];
}

/** Makes what decides a request's client, place and path. */
type Describer = (options: TrafficOptions, part: Part, random: Random) => (request: Draft) => void;

const DESCRIBERS: Readonly<Record<Shape, Describer>> = {
  crowd({ places }, { clients: { from, to } }, random) {
    const homes = Int32Array.from({ length: to - from }, () => drawBelow(random, places));
    const rank = zipf(to - from, CROWD_EXPONENT, random);
    return (request) => {
      const client = rank();
      request.client = from + client;
      request.place = homes[client] as number;
      request.path = drawBelow(random, CROWD_LOGIN_EVERY) === 0 ? LOGIN : PAGE;
    };
  },

  flash({ places }, { clients: { from } }, random) {
    return (request) => {
      request.client = from;
      request.place = drawBelow(random, places);
    };
  },

  stuffing({ places, durationMs }, { clients: { from, to } }, random) {
    // The attack moves through the clients as time goes by: each is under it for a while.
    const atOnce = Math.ceil((to - from) * STUFFING_AT_ONCE);
    const apart = Math.max(1, Math.floor(places / STUFFING_PLACES));
    return (request) => {
      const first = Math.floor((request.at / durationMs) * (to - from - atOnce + 1));
      const client = from + first + drawBelow(random, atOnce);
      request.client = client;
      request.place = (client + apart * drawBelow(random, STUFFING_PLACES)) % places;
      request.path = LOGIN;
    };
  },

  thin({ places }, { clients: { from, to } }, random) {
    const route = shuffled(
      Array.from({ length: places }, (_, place) => place),
      random,
    );
    let sent = 0;
    return (request) => {
      const client = sent % (to - from);
      const visit = (sent - client) / (to - from);
      sent += 1;
      request.client = from + client;
      // Each client starts somewhere else on the same route.
      request.place = route[(visit + client) % places] as number;
    };
  },

  moving({ places, stops }, { clients: { from, to } }, random) {
    const count = Math.min(8, places);
    const route = stops ?? Array.from({ length: count }, (_, stop) => Math.floor((stop * places) / count));
    if (route.length === 0) throw new RangeError("moving clients have nowhere to be");
    return (request) => {
      const client = drawBelow(random, to - from);
      request.client = from + client;
      request.place = route[(Math.floor(request.at / MOVE_EVERY_MS) + client) % route.length] as number;
    };
  },
};
