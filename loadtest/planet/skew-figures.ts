/** Block skew in figures, beside what the distances alone would take. */
import { percentile } from "../replay/measure.ts";
import type { HeldBlock } from "./block-watch.ts";
import { SHAPES, type Shape } from "./traffic.ts";
import type { World } from "./world.ts";

export interface Spread {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface SkewFigures {
  /** Blocks: keys × windows that an owner blocked and of which at least one source heard. */
  readonly blocks: number;
  /** From the owner's word to the last source that saw the client in that window. */
  readonly skew: Spread;
  /** The same, of sources that listened to their hub when the block began: the others hear with their next request. */
  readonly listening: Spread;
  /** One way from the owner over its region's hub to that source, at the speed of the network, no waiting. */
  readonly overHub: Spread;
  /** One way from the owner straight to the source, among those that heard, that is farthest from it. */
  readonly straight: Spread;
  /** Of the last sources, those that heard by an announcement; the others asked themselves. */
  readonly announced: number;
  /** Sources that saw a client in a window of a block, and those of them that never heard. */
  readonly sources: number;
  readonly unheard: number;
  /** Blocks that held sooner than distance allows. Must be none. */
  readonly tooSoon: number;
}

/** What rounding may take from a sum of distances, ms. */
const ROUNDING_MS = 1e-3;

/** One block in figures. */
interface Measured {
  readonly shape: Shape;
  readonly skewMs: number;
  readonly listeningSkewMs: number | undefined;
  readonly overHubMs: number;
  readonly straightMs: number;
  readonly announced: boolean;
  readonly sources: number;
  readonly unheard: number;
}

export class SkewTally {
  readonly #world: World;
  readonly #measured: Measured[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  take(block: HeldBlock, shape: Shape): void {
    const { skewMs, listeningSkewMs, isolate, announced, ownerPlace, heardBy, unheard } = block;
    let straightMs = 0;
    for (const other of heardBy)
      straightMs = Math.max(straightMs, this.#world.oneWayMs(ownerPlace, this.#placeOf(other)));
    const overHubMs = this.#overHubMs(ownerPlace, this.#placeOf(isolate));
    const sources = heardBy.length + unheard;
    this.#measured.push({
      shape,
      skewMs,
      listeningSkewMs,
      overHubMs,
      straightMs,
      announced,
      sources,
      unheard,
    });
  }

  all(): SkewFigures {
    return figures(this.#measured);
  }

  byShape(): Readonly<Record<Shape, SkewFigures>> {
    const of = (shape: Shape) => figures(this.#measured.filter((one) => one.shape === shape));
    return Object.fromEntries(SHAPES.map((shape) => [shape, of(shape)])) as Record<Shape, SkewFigures>;
  }

  #placeOf(isolate: number): number {
    return this.#world.isolates[isolate]?.place ?? 0;
  }

  #overHubMs(from: number, to: number): number {
    const region = this.#world.places[to]?.region;
    if (region === undefined) throw new RangeError(`there is no place ${to}`);
    return this.#world.hubDistance(from, region) + this.#world.hubDistance(to, region);
  }
}

function figures(measured: readonly Measured[]): SkewFigures {
  const sum = (of: (one: Measured) => number): number => measured.reduce((total, one) => total + of(one), 0);
  return {
    blocks: measured.length,
    skew: spreadOf(measured.map(({ skewMs }) => skewMs)),
    listening: spreadOf(measured.flatMap(({ listeningSkewMs }) => listeningSkewMs ?? [])),
    overHub: spreadOf(measured.map(({ overHubMs }) => overHubMs)),
    straight: spreadOf(measured.map(({ straightMs }) => straightMs)),
    announced: measured.filter(({ announced }) => announced).length,
    sources: sum(({ sources }) => sources),
    unheard: sum(({ unheard }) => unheard),
    tooSoon: measured.filter(isTooSoon).length,
  };
}

const isTooSoon = ({ skewMs, announced, overHubMs, straightMs }: Measured): boolean =>
  skewMs < (announced ? Math.max(straightMs, overHubMs) : straightMs) - ROUNDING_MS;

/** The nearest-rank percentiles; 0 of nothing. */
function spreadOf(values: readonly number[]): Spread {
  return {
    p50Ms: percentile(values, 0.5),
    p99Ms: percentile(values, 0.99),
    maxMs: percentile(values, 1),
  };
}
