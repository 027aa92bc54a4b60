/** `npm run replay`: a slice of an access log against a cluster, and what the limiter made of it. */
import { ClusterError } from "../cluster/error.ts";
import { fail, runCli } from "../tools/cli.ts";
import { formatReport } from "./format.ts";
import { readOptions } from "./options.ts";
import { reportJson } from "./report.ts";
import { replay } from "./run.ts";

void runCli(async () => {
  const wish = readOptions();
  const stopped = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopped.abort());
  try {
    const report = await replay(wish, stopped.signal);
    process.stdout.write(wish.json ? reportJson(report) : formatReport(report));
  } catch (error) {
    if (stopped.signal.aborted) fail("stopped");
    if (error instanceof ClusterError) fail(error.message);
    throw error;
  }
});
