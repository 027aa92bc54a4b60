/** `npm run loadtest` as a whole: a script in the built-in runner against a cluster of its own. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { LimiterReport } from "../../loadtest/k6/report.ts";
import { bound } from "../../shared/bound.ts";

const MAIN = fileURLToPath(new URL("../../loadtest/k6/main.ts", import.meta.url));

/** Without k6, whatever this machine has. */
function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, K6: "/nonexistent/k6" };
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

// How long an answer takes says nothing on a machine that runs other tests as well.
const PATIENT = ["--distance", "0.5", "--env", "LATENCY_MS=60000"];

test("the slide passes all its checks, and says that it was not k6", async () => {
  const { code, stdout, stderr } = await run("slide", ...PATIENT);
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("✓ then TYO denies") });
  expect(stdout).not.toContain("✗");
  // The scripts cannot import the bound from the core, for k6 to read it.
  expect(stdout).toContain(`count<=${bound({ limit: 10, threshold: 4, sources: 4 })} `);
  expect(stdout).toMatch(/^requests +10 admitted, 4 denied$/m);
  expect(stdout).toMatch(/^claims +1 client with an owner$/m);
  expect(stderr).toMatch(
    /^there is no k6 at \$K6 \(\/nonexistent\/k6\); to install it: .+\n.*which is not k6\n$/,
  );
});

test("a limit that the cluster does not keep fails the run", async () => {
  // One at a time at one POP: the rule admits ten, and the script is told to expect no more than six.
  const load = ["--pops", "LHR", "--rate", "10", "--seconds", "3"];
  const { code, stdout, stderr } = await run("spread", ...PATIENT, ...load, "--env", "LIMIT=6", "--json");
  expect(stderr).toMatch(/✗ +admitted +count<=6 +count=10/);
  expect(code).toBe(99);
  const report = JSON.parse(stdout) as LimiterReport;
  expect(report).toMatchObject({ exitCode: 99, admitted: 10, denied: 20, claims: 1, excess: 0, bound: 10 });
});

test("what is wrong on the command line is told in one line", async () => {
  const known = "slide, steady, flash-crowd, credential-stuffing, spread, soak";
  const refuses = async (args: string[], line: string): Promise<void> => {
    expect(await run(...args)).toEqual({ code: 1, stdout: "", stderr: `onecount: ${line}\n` });
  };
  await refuses(["flood"], `there is no script "flood": known are ${known}`);
  await refuses([], `which script? One of ${known} (see --help)`);
  await refuses(["soak", "--rate", "0"], '--rate "0": a whole number from 1 to 10000 is allowed');
  await refuses(["soak", "--env", "LIMIT"], '--env "LIMIT": NAME=VALUE is allowed');
  await refuses(["soak", "--runner", "k7"], '--runner "k7": auto, k6, builtin are allowed');
  await refuses(
    ["soak", "--seconds", "9", "--minutes", "9"],
    "--seconds and --minutes are two lengths of one run: leave out one of them",
  );
  await refuses(["slide", "--pops", "LHR"], "the slide needs two POPs at least (see --help)");
});
