/** What stands in the log: events of owners and isolates, each once, and never an address. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DEGRADED_QUIET } from "../../shared/limits.ts";
import { Configuration } from "../../worker/config.ts";
import type { Env } from "../../worker/env.ts";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

const IP = "203.0.113.9";
let lines: Record<string, unknown>[];
beforeEach(() => {
  lines = [];
  for (const how of ["info", "warn", "error"] as const)
    vi.spyOn(console, how).mockImplementation((line: string) => {
      lines.push(JSON.parse(line) as Record<string, unknown>);
    });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const common = { at: expect.stringMatching(/^\d{4}-.*Z$/), rule: "test", pop: "local" };
const hash = expect.stringMatching(/^[0-9a-f]{32}$/);

describe("the log", () => {
  it("has a claim and a block once, whatever number of isolates hears of them, and keys as hashes alone", async () => {
    const shared = { RULES: [ruleOf({ limit: 3, threshold: 2 })], KEY_SECRET: "s1", KEY_DISPLAY: "plain" };
    const [one, two] = [await freshWorker(shared), await freshWorker(shared)];
    for (let sent = 0; sent < 5; sent += 1) {
      await one.fetch("/", { ip: IP });
      await two.fetch("/", { ip: IP });
    }
    expect(lines).toEqual([
      { event: "claim", ...common, key: hash, until: common.at },
      { event: "block", ...common, key: hash, until: common.at },
    ]);
    expect(JSON.stringify(lines)).not.toContain(IP);
  });

  it("has the start and the end of a spell without owners, once for an isolate and rule", async () => {
    let reached = false;
    const KEY_OWNER = {
      getByName: (name: string) => ({
        ask: (frame: Uint8Array) =>
          reached ? env.KEY_OWNER.getByName(name).ask(frame) : Promise.reject(new Error("gone")),
      }),
    };
    const rules = [ruleOf({ limit: 50, threshold: 1, deadline: "50ms" })];
    const worker = await freshWorker({ KEY_OWNER, RULES: rules });
    for (let sent = 0; sent < 3; sent += 1) await worker.fetch("/", { ip: IP });
    expect(lines).toEqual([{ event: "degraded-start", ...common, key: hash }]);
    reached = true;
    await worker.fetch("/", { ip: "203.0.113.10" });
    expect(lines.slice(1)).toEqual([
      { event: "claim", ...common, key: hash, until: common.at },
      { event: "degraded-end", ...common, key: hash, decisions: 3 },
    ]);
  });

  it("has the end of a spell at the next request after 10 s, whatever that one is", async () => {
    const clock = Date.now;
    let ahead = 0;
    vi.spyOn(Date, "now").mockImplementation(() => clock() + ahead);
    const KEY_OWNER = { getByName: () => ({ ask: () => Promise.reject(new Error("gone")) }) };
    const rules = [ruleOf({ limit: 50, threshold: 2, deadline: "50ms" })];
    const worker = await freshWorker({ KEY_OWNER, RULES: rules });
    for (let sent = 0; sent < 2; sent += 1) await worker.fetch("/", { ip: IP });
    await worker.fetch("/", { ip: "203.0.113.20" });
    expect(lines).toMatchObject([{ event: "degraded-start" }]);
    ahead = DEGRADED_QUIET;
    await worker.fetch("/", { ip: "203.0.113.21" });
    expect(lines.slice(1)).toMatchObject([{ event: "degraded-end", decisions: 1 }]);
  });

  it("has every problem of a configuration in one line", async () => {
    const broken = { ...env, RULES: [{ name: "bad", limit: 0, window: "0s" }] } as unknown as Env;
    const configuration = new Configuration();
    for (let request = 0; request < 3; request += 1) await configuration.for(broken);
    expect(lines).toEqual([
      {
        event: "bad-config",
        at: common.at,
        problems: [expect.stringContaining("limit: found 0"), expect.stringContaining('window: found "0s"')],
      },
    ]);
  });
});
