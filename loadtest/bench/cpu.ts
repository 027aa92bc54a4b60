/** The processor time that another process has taken, as Linux tells it. */
import { readdirSync, readFileSync } from "node:fs";
import { fail, messageOf } from "../tools/cli.ts";

/** Ticks of `/proc/PID/stat` in a second: 100 on every architecture of Linux (`USER_HZ`). */
const TICKS_PER_SECOND = 100;

/** Nanoseconds on a processor: the first field of a thread's `schedstat`. Undefined where it says nothing. */
export function schedstatNanoseconds(text: string): number | undefined {
  const [field] = /^\d+/.exec(text) ?? [];
  return field === undefined ? undefined : Number(field);
}

/** Nanoseconds in user and kernel mode of all threads, from `/proc/PID/stat`, in steps of 10 ms. */
export function statNanoseconds(text: string): number | undefined {
  // The command's name stands in brackets, and may contain brackets and blanks. utime is field 14, stime 15.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? (ticks * 1e9) / TICKS_PER_SECOND : undefined;
}

/**
 * Nanoseconds that all threads of a process have spent on a processor. Kernels without scheduler statistics
 * tell it in steps of 10 ms. A thread that ends takes its part along, but workerd's live as long as it does.
 */
export function cpuNanoseconds(pid: number): number {
  try {
    const exact = threadsNanoseconds(pid);
    const nanoseconds = exact ?? statNanoseconds(readFileSync(`/proc/${pid}/stat`, "utf8"));
    if (nanoseconds !== undefined) return nanoseconds;
  } catch (error) {
    return fail(`the processor time of a process cannot be read: ${messageOf(error)}`);
  }
  return fail("the processor time of a process cannot be read: /proc/PID/stat has another form");
}

/** Undefined without scheduler statistics: the files are missing then, or all zero. */
function threadsNanoseconds(pid: number): number | undefined {
  const sum = [...nanosecondsByThread(pid).values()].reduce((total, nanoseconds) => total + nanoseconds, 0);
  return sum === 0 ? undefined : sum;
}

/** What each thread of a process has spent on a processor, by its id; 0 without scheduler statistics. Throws without `/proc`. */
export function nanosecondsByThread(pid: number): ReadonlyMap<string, number> {
  return new Map(
    readdirSync(`/proc/${pid}/task`).map((thread) => [
      thread,
      schedstatNanoseconds(textOf(`/proc/${pid}/task/${thread}/schedstat`)) ?? 0,
    ]),
  );
}

/** Nothing for a thread that has ended meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return "";
    throw error;
  }
}
