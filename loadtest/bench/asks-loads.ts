/** The loads that are played in virtual time: one client up to a million requests a second, and floods of clients. */
import { playVirtual, type VirtualFigures, type VirtualLoad } from "./asks-virtual.ts";

/** The first one is next to the owner. */
export const POPS: readonly string[] = ["LHR", "CDG", "CHI", "TYO"];

/** On the clock, so that no window ends within a load; the limit is never met. */
const RULE = {
  name: "busy",
  limit: 500_000_000,
  window: "1h",
  align: "clock",
  algorithm: "fixed-window",
  threshold: 4,
};

export type LoadKind = "busy" | "blocked" | "shared" | "leased" | "cut off";

export interface NamedLoad extends VirtualLoad {
  readonly kind: LoadKind;
}

export interface NamedFigures extends VirtualFigures {
  readonly kind: LoadKind;
}

const SECOND = 1_000;
const busy = { kind: "busy", pops: POPS, rule: RULE, clients: 1 } as const;
/** A block is confirmed every 5 s: spans hold three of that, and one at the highest rate, of five million requests. */
const blocked = { kind: "blocked", pops: POPS, rule: { ...RULE, limit: 20 }, clients: 1 } as const;

export const LOADS: readonly NamedLoad[] = [
  { ...busy, rate: 10, settleMs: 3 * SECOND, spanMs: 10 * SECOND },
  { ...busy, rate: 1_000, settleMs: SECOND, spanMs: 10 * SECOND },
  { ...busy, rate: 100_000, settleMs: SECOND, spanMs: 2 * SECOND },
  { ...busy, rate: 1_000_000, settleMs: SECOND / 2, spanMs: SECOND },
  { ...blocked, rate: 10, settleMs: 4 * SECOND, spanMs: 15 * SECOND },
  { ...blocked, rate: 1_000, settleMs: SECOND, spanMs: 15 * SECOND },
  { ...blocked, rate: 100_000, settleMs: SECOND, spanMs: 15 * SECOND },
  { ...blocked, rate: 1_000_000, settleMs: SECOND / 2, spanMs: 5 * SECOND },
  {
    kind: "shared",
    pops: POPS,
    rule: { ...RULE, owners: 1 },
    clients: 200,
    rate: 20_000,
    settleMs: SECOND,
    spanMs: 2 * SECOND,
  },
  {
    // As many Asks as it gets at first make an owner say that it is busy, and lease more at a time.
    kind: "leased",
    pops: POPS,
    rule: { ...RULE, owners: 1, lease: "auto" },
    clients: 200,
    rate: 20_000,
    settleMs: 2 * SECOND,
    spanMs: 4 * SECOND,
  },
  {
    kind: "cut off",
    pops: POPS,
    rule: { ...RULE, owners: 1 },
    clients: 2_000,
    rate: 200_000,
    settleMs: SECOND,
    spanMs: SECOND,
    cutOff: true,
  },
];

/** Plays them one after the other; whoever shows the progress gets a turn between two. */
export async function playLoads(progress: (share: number) => void): Promise<readonly NamedFigures[]> {
  const figures: NamedFigures[] = [];
  for (const load of LOADS) {
    figures.push({ kind: load.kind, ...playVirtual(load) });
    progress(figures.length / LOADS.length);
    await new Promise(setImmediate);
  }
  return figures;
}
