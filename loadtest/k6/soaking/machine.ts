/** The machine that a soak keeps busy, and the process that it soaks. */
import { readFileSync } from "node:fs";
import { type CpuInfo, cpus } from "node:os";
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

/** Looks at the machine every half second while `work` lasts: its result, and the usual share. */
export async function whileMeasured<T>(work: () => Promise<T>): Promise<{ result: T; share: number }> {
  const shares: number[] = [];
  let before = cpus();
  const timer = setInterval(() => {
    const after = cpus();
    shares.push(busyShare(before, after));
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
