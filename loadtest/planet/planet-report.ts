/** What a planet run reports. */
import { SET_SIZE } from "../../shared/limits.ts";
import type { How } from "../../shared/pop/decide.ts";
import { REGIONS } from "../../shared/region.ts";
import type { Bill } from "../replay/prices.ts";
import { billPerMillion, type Messages } from "../replay/usage.ts";
import type { BoundFigures } from "./bound-check.ts";
import { type Decided, HOWS } from "./decision-tally.ts";
import type { PlanetRun } from "./planet.ts";
import type { SkewFigures } from "./skew-figures.ts";
import { SHAPES, type Shape } from "./traffic.ts";
import type { World } from "./world.ts";

/** Plain data: one JSON document. The same seed gives the same report, apart from `machine`. */
export interface PlanetReport {
  readonly seed: number;
  readonly places: number;
  readonly isolates: number;
  readonly clients: number;
  readonly virtualMs: number;
  readonly rules: readonly {
    readonly name: string;
    readonly limit: number;
    readonly windowMs: number;
    readonly threshold: number;
    readonly blockForMs?: number;
  }[];
  readonly requests: number;
  readonly admitted: number;
  readonly denied: number;
  /** Requests that waited for an owner. */
  readonly waited: number;
  readonly decisions: Readonly<Record<How, Decided>>;
  readonly shapes: Readonly<Record<Shape, Decided & { readonly clients: number }>>;
  /** Keys × windows in which an owner was asked for the key. */
  readonly claims: number;
  readonly bound: BoundFigures;
  /** All blocks, and those of each shape's clients. */
  readonly skew: SkewFigures;
  readonly skewByShape: Readonly<Record<Shape, SkewFigures>>;
  readonly messages: Messages;
  /** Announcements that sources took from frames; and those that said of a key no more than that it is claimed. */
  readonly heard: number;
  readonly heardClaims: number;
  /** For a million such requests. */
  readonly bill: Bill;
  /** Entries of credit tables that were replaced while they still counted. */
  readonly replaced: number;
  /** Events of the simulation. */
  readonly steps: number;
  /** One source's state, bytes: its table, and its hot keys once it has as many as it keeps. */
  readonly sourceBytes: {
    readonly entries: number;
    readonly table: number;
    readonly hotKeysMax: number;
    readonly hotKeys: number;
  };
  readonly machine: Machine;
}

/** What the run took of the process that ran it. */
export interface Machine {
  readonly elapsedMs: number;
  readonly cpuMs: number;
  readonly peakRssBytes: number;
}

/** What one entry of a credit table takes, and what each of its sets takes besides, bytes. */
const ENTRY_BYTES = 36;
const SET_BYTES = 12;
/** What a hot key takes that was announced, as measured in Node 24; one that asks takes up to twice as much. */
const HOT_KEY_BYTES = 400;

export function reportOf(run: PlanetRun, machine: Machine): PlanetReport {
  const { options, world, traffic, witness, decisions } = run;
  const { requests, admitted, denied } = decisions.all();
  const { calls, asks, rowsWritten, announcements, frames, connections, waited, steps } = world.tally;
  const messages = { calls, asks, rowsWritten, announcements, frames, connections, opened: witness.opened };
  return {
    seed: options.seed,
    places: options.places.length,
    isolates: world.isolates.length,
    clients: options.clients,
    virtualMs: options.durationMs,
    rules: options.rules.map(({ name, limit, window, threshold, blockFor }) => ({
      name,
      limit,
      windowMs: window,
      threshold,
      ...(blockFor !== undefined && { blockForMs: blockFor }),
    })),
    requests,
    admitted,
    denied,
    waited,
    decisions: byName(HOWS, (how) => decisions.byHow(how)),
    shapes: byName(SHAPES, (shape) => {
      const { from, to } = traffic.parts[shape].clients;
      return { clients: to - from, ...decisions.byShape(shape) };
    }),
    claims: witness.claims,
    bound: run.bound.figures(),
    skew: run.skew.all(),
    skewByShape: run.skew.byShape(),
    messages,
    heard: witness.heard,
    heardClaims: witness.heardClaims,
    bill: billPerMillion(messages, requests, farthestHubMs(world)),
    replaced: world.isolates.reduce((total, { source }) => total + source.table.replacements, 0),
    steps,
    sourceBytes: {
      entries: options.sets * SET_SIZE,
      table: options.sets * (SET_SIZE * ENTRY_BYTES + SET_BYTES),
      hotKeysMax: options.hotKeysMax,
      hotKeys: options.hotKeysMax * HOT_KEY_BYTES,
    },
    machine,
  };
}

const byName = <Name extends string, T>(names: readonly Name[], of: (name: Name) => T): Record<Name, T> =>
  Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, T>;

/** Round trip from an owner to the farthest hub, the longest of all owners', ms. */
function farthestHubMs(world: World): number {
  const places = new Set(Array.from(world.owners.values(), ({ place }) => place));
  let farthest = 0;
  for (const place of places)
    for (const region of REGIONS) farthest = Math.max(farthest, 2 * world.hubDistance(place, region));
  return farthest;
}
