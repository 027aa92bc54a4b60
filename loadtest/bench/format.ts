/** The benchmark's figures as text for people. */
import { duration, number, table } from "../tools/columns.ts";
import type { DecideFigures, Goal } from "./decide.ts";
import type { ClaimResult, Spread } from "./interleave.ts";
import type { MemoryFigures } from "./memory.ts";

/** Where and when figures were taken: they mean little elsewhere. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly date: string;
  /** Absent outside of a git repository. */
  readonly commit?: string;
}

export function formatMachine({ cpu, cores, node, date, commit }: Machine): string {
  const parts = [cpu, `${cores} cores`, `Node ${node}`, date];
  return [...parts, ...(commit === undefined ? [] : [`commit ${commit}`])].join(", ");
}

const ns = (value: number): string => value.toFixed(value < 100 ? 1 : 0);
export const times = (value: number): string => `${value.toFixed(2)}×`;
export const spread = ({ least, most }: Spread, words: (value: number) => string): string =>
  `${words(least)} to ${words(most)}`;

export function formatDecide(figures: DecideFigures): string {
  const { clients, ipv6Every, rounds } = figures;
  const rows = figures.figures.map(({ name, median, spread: range, same }) => [
    name,
    ns(median),
    spread(range, ns),
    times(same.median),
    spread(same.spread, times),
  ]);
  return section(
    `Decisions in process, ${number(clients)} clients, 1 of ${ipv6Every} with IPv6: ns each, medians of ${rounds} rounds`,
    [
      table([["", "ns", "rounds", "against itself", "rounds"], ...rows], 1),
      figures.claims.map(formatClaim).join("\n"),
      formatGoals(figures.goals),
    ],
  );
}

function formatClaim({ faster, slower, ratio, spread: range, noise, beyondNoise }: ClaimResult): string {
  const said = `${faster}: ${times(ratio)} as fast as ${slower} (${spread(range, times)})`;
  return beyondNoise ? said : `${said}; not beyond the noise of ${Math.round(100 * noise)} %`;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;

export function formatMemory({ keys, perKey, table: entries, isolate, goals }: MemoryFigures): string {
  const rows = perKey.map(({ name, bytesPerKey, bytes, seconds }) => [
    name,
    bytesPerKey.toFixed(1),
    megabytes(bytes),
    duration(1000 * seconds),
  ]);
  const clients = [isolate.few, isolate.many].map((measured) => [
    `${number(measured.clients)} clients`,
    megabytes(measured.bytes),
    number(measured.entries ?? 0),
    duration(1000 * measured.seconds),
  ]);
  return section(`Memory after ${number(keys)} keys`, [
    table([["", "bytes a key", "in all", "filled in"], ...rows], 1),
    `Ours is a table of fixed size: ${number(entries.entries)} entries of ${entries.bytesPerEntry.toFixed(1)} bytes, ${megabytes(entries.bytes)}.`,
    table([["one isolate of ours", "in all", "entries", "filled in"], ...clients], 1),
    formatGoals(goals),
  ]);
}

export const formatGoals = (goals: readonly Goal[]): string =>
  goals
    .map(({ text, actual, met }) => `${met ? "met   " : "missed"} ${text}: ${actual.toFixed(2)}`)
    .join("\n");

export const section = (title: string, parts: readonly string[]): string => [title, ...parts].join("\n\n");
