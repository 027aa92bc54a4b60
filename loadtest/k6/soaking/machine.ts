/** The machine that a soak keeps busy, and the process that it soaks. */
import { readFileSync } from "node:fs";
import { type CpuInfo, cpus } from "node:os";
import { nanosecondsByThread } from "../../bench/cpu.ts";
import { median } from "./memory.ts";

const SAMPLE_MS = 500;

type CpuTimes = readonly Pick<CpuInfo, "times">[];

/** The share of all cores' time between two looks in which they did something, 0 to 1. */
export function busyShare(before: CpuTimes, after: CpuTimes): number {
  const sum = (cores: CpuTimes, of: (times: CpuInfo["times"]) => number): number =>
    cores.reduce((total, { times }) => total + of(times), 0);
  const all = ({ user, nice, sys, irq, idle }: CpuInfo["times"]): number => user + nice + sys + irq + idle;
  const passed = sum(after, all) - sum(before, all);
  const idle = sum(after, (times) => times.idle) - sum(before, (times) => times.idle);
  return passed > 0 ? 1 - idle / passed : 0;
}

/** Nanoseconds that a process's threads have been on a processor, by thread. */
type Threads = ReadonlyMap<string, number>;

/** The share of the time between two looks for which the busiest thread of a process was on a processor, 0 to 1. */
export function busiestShare(before: Threads, after: Threads, passedMs: number): number {
  let most = 0;
  for (const [thread, spent] of after) most = Math.max(most, spent - (before.get(thread) ?? spent));
  return passedMs > 0 ? Math.min(1, most / (1e6 * passedMs)) : 0;
}

/** Nothing where the system does not say so in `/proc`. */
function threadsOf(pid: number): Threads {
  try {
    return nanosecondsByThread(pid);
  } catch {
    return new Map();
  }
}

const look = (pid: number) => ({ cores: cpus(), threads: threadsOf(pid), atMs: performance.now() });

/**
 * Looks at the machine and at a server every half second while `work` lasts: its result, and the usual share. That is
 * the machine's, or the busiest thread's if that is more: the cluster runs all JavaScript on one thread, and is at its
 * limit when that never rests, however many cores are idle.
 */
export async function whileMeasured<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ result: T; share: number }> {
  const shares: number[] = [];
  let before = look(pid);
  const timer = setInterval(() => {
    const after = look(pid);
    const busiest = busiestShare(before.threads, after.threads, after.atMs - before.atMs);
    shares.push(Math.max(busiest, busyShare(before.cores, after.cores)));
    before = after;
  }, SAMPLE_MS);
  try {
    const result = await work();
    // The median leaves out what it takes to start and to end.
    return { result, share: median(shares) ?? 0 };
  } finally {
    clearInterval(timer);
  }
}

/** Bytes that a process holds in memory; undefined where the system does not say so in `/proc`. */
export function residentBytes(pid: number): number | undefined {
  try {
    return residentIn(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return undefined;
  }
}

/** `VmRSS` in the text of `/proc/PID/status`, in bytes. */
export function residentIn(status: string): number | undefined {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  return kib === undefined ? undefined : 1_024 * Number(kib);
}
