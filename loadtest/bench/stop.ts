/** Commands that hold processes and files end by way of their `finally` blocks, also on Ctrl-C. */
import { ClusterError } from "../cluster/error.ts";
import { fail } from "../tools/cli.ts";

/** Runs `work`, whose signal tells it to end. What goes wrong with its servers ends the command with one line. */
export async function stoppable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stopped = new AbortController();
  const stop = (): void => stopped.abort();
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    return await work(stopped.signal);
  } catch (error) {
    if (stopped.signal.aborted) fail("stopped");
    if (error instanceof ClusterError) fail(error.message);
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}
