/** `npm run replay`: an access log against a cluster, real or simulated, and what the limiter made of it. */
import { ClusterError } from "../cluster/error.ts";
import { fail, runCli } from "../tools/cli.ts";
import { formatReport } from "./format.ts";
import { type ReplayOptions, readOptions } from "./options.ts";
import { reportJson } from "./report.ts";
import { replay } from "./run.ts";
import { sweepVirtual } from "./sweep.ts";
import { formatSweep, sweepJson } from "./table.ts";
import { replayVirtual } from "./virtual-run.ts";

void runCli(async () => {
  const wish = readOptions();
  const stopped = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopped.abort());
  try {
    process.stdout.write(await outcome(wish, stopped.signal));
  } catch (error) {
    if (stopped.signal.aborted) fail("stopped");
    if (error instanceof ClusterError) fail(error.message);
    throw error;
  }
});

async function outcome(wish: ReplayOptions, signal: AbortSignal): Promise<string> {
  if (wish.sweep !== undefined) {
    const sweep = await sweepVirtual(wish, wish.sweep, signal);
    return wish.json ? sweepJson(sweep) : formatSweep(sweep);
  }
  const report = await (wish.virtual ? replayVirtual : replay)(wish, signal);
  return wish.json ? reportJson(report) : formatReport(report);
}
