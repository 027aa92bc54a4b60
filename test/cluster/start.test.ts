/** `npm start` as a person uses it: through npm, with signals and ports. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { until } from "./client.ts";

/** Ports of this test, out of the way of a cluster that somebody has running. */
const PORT = 18_787;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

/** Starts `npm start` with options; `ready` and `ended` tell how it goes. */
function start(...options: string[]) {
  const child = spawn("npm", ["start", "--silent", "--", ...options], { stdio: ["ignore", "pipe", "pipe"] });
  running.push(child);
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (text.stdout += chunk));
  child.stderr.on("data", (chunk) => (text.stderr += chunk));
  const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, ...text })));
  const ready = () => until("the ready line", async () => text.stdout.includes("ready "));
  return { child, ended, ready, text };
}

const answers = async (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/`).then(
    (response) => response.body?.cancel().then(() => true) ?? true,
    () => false,
  );

describe("npm start", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "is ready with every port, and after %s to npm exits 0 and leaves none",
    async (signal) => {
      const cluster = start("--port", String(PORT), "--quiet");
      await cluster.ready();
      expect(cluster.text.stdout).toBe(`ready http://127.0.0.1:${PORT}\n`);
      const ports = [0, 1, 2, 3, 4].map((offset) => PORT + offset);
      expect(await Promise.all(ports.map(answers))).toEqual(Array(5).fill(true));
      const lhr = await fetch(`http://127.0.0.1:${PORT + 1}/some/path`, {
        headers: { "CF-Connecting-IP": "203.0.113.9" },
      });
      expect(await lhr.json()).toEqual({ pop: "LHR", path: "/some/path" });
      cluster.child.kill(signal);
      expect((await cluster.ended).code).toBe(0);
      expect(await Promise.all(ports.map(answers))).toEqual(Array(5).fill(false));
    },
  );

  it("says in one line that a port is taken, and exits 1", async () => {
    const taken = await new Promise<Server>((resolve) => {
      const server = createServer();
      server.listen(PORT + 12, "127.0.0.1", () => resolve(server));
    });
    const { code, stdout, stderr } = await start("--port", String(PORT + 10)).ended;
    taken.close();
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr.trim().split("\n")).toEqual([expect.stringContaining(String(PORT + 12))]);
  });

  it.each([
    [["--pops", "LHR,XXX"], "XXX"],
    [["--pops", "LHR,LHR"], "LHR"],
    [["--port", "0"], "port"],
    [["--distance", "-1"], "distance"],
    [["--frobnicate"], "--frobnicate"],
    [["--rules", "no-such-file.toml"], "no-such-file.toml"],
  ])("refuses %j in one clear line", async (options, named) => {
    const { code, stderr } = await start(...options).ended;
    expect(code).toBe(1);
    expect(stderr.trim().split("\n")).toEqual([expect.stringContaining(named)]);
  });
});
