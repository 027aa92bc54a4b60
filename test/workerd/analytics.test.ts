/** Points for Analytics Engine. workerd has none of it: the binding is an object that remembers what it gets. */
import { describe, expect, it } from "vitest";
import { Journal } from "../../coordinator/journal.ts";
import { openAccount } from "../../shared/owner/account.ts";
import { epochMs, NEVER } from "../../shared/time.ts";
import { askOf } from "./asks.ts";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

type Point = { blobs?: unknown[]; doubles?: unknown[]; indexes?: unknown[] };

function dataset() {
  const points: Point[] = [];
  return { points, ANALYTICS: { writeDataPoint: (point: Point) => void points.push(point) } };
}

const hash = expect.stringMatching(/^[0-9a-f]{32}$/);

describe("a point for each denial", () => {
  it("says which rule, where, how, and of which key, and its cost", async () => {
    const { points, ANALYTICS } = dataset();
    const rules = [ruleOf({ limit: 5, threshold: 1, cost: 2 })];
    const worker = await freshWorker({ ANALYTICS, RULES: rules });
    const seen: number[] = [];
    for (let sent = 0; sent < 4; sent += 1) seen.push((await worker.fetch("/")).status);
    expect(seen).toEqual([200, 200, 429, 429]);
    const point = (how: string) => ({
      blobs: ["denial", "test", "local", how, hash],
      doubles: [2, 1],
      indexes: ["test"],
    });
    expect(points).toEqual([point("owner"), point("owner")]);
  });

  it("is there for a client on a rule's list, too", async () => {
    const { points, ANALYTICS } = dataset();
    const worker = await freshWorker({ ANALYTICS, RULES: [ruleOf({ deny: ["203.0.113.0/24"] })] });
    await worker.fetch("/");
    expect(points).toMatchObject([{ blobs: ["denial", "test", "local", "blocked", hash] }]);
  });

  it("never gets in the way of a request", async () => {
    const ANALYTICS = {
      writeDataPoint: () => {
        throw new Error("full");
      },
    };
    const worker = await freshWorker({ ANALYTICS, RULES: [ruleOf({ limit: 1, threshold: 1 })] });
    const seen = [await worker.fetch("/"), await worker.fetch("/")].map(({ status }) => status);
    expect(seen).toEqual([200, 429]);
  });
});

describe("a point for each claim", () => {
  it("is the owner's, with the data centre that claimed", () => {
    const { points, ANALYTICS } = dataset();
    const account = openAccount(askOf({}), epochMs(Date.now()));
    account.meter.current = 3;
    const journal = new Journal({ ANALYTICS: ANALYTICS as unknown as AnalyticsEngineDataset });
    for (const event of ["claim", "block", "release"] as const)
      journal.write({ event, account, pop: "LHR", until: NEVER }, epochMs(Date.now()));
    expect(points).toEqual([
      { blobs: ["claim", "test", "LHR", "owner", account.key], doubles: [3, 1], indexes: ["test"] },
    ]);
  });
});
