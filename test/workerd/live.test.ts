/** The stream of a live page: what is left of it when the page is gone, or when a hub is slow. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { WATCH_CONNECT_MAX } from "../../shared/limits.ts";
import { REGIONS } from "../../shared/region.ts";
import { sleep } from "../../worker/timer.ts";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

const ADMIN_TOKEN = "correct horse battery staple";
const RULES = [ruleOf()];
const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };

/** Connections of live pages that hubs hold open. */
async function viewers(): Promise<number> {
  const counts = REGIONS.map((region) =>
    runInDurableObject(
      env.REGION_HUB.getByName(region),
      (_, state) =>
        state.getWebSockets("live").filter(({ readyState }) => readyState === WebSocket.OPEN).length,
    ),
  );
  return (await Promise.all(counts)).reduce((all, count) => all + count, 0);
}

async function untilViewersAre(wanted: number): Promise<void> {
  for (let tries = 0; tries < 100 && (await viewers()) !== wanted; tries++) await sleep(50);
  expect(await viewers()).toBe(wanted);
}

describe("a live page's connections to hubs", () => {
  it("end when the page is gone", async () => {
    const worker = await freshWorker({ RULES, ADMIN_TOKEN });
    const streams = await Promise.all(
      Array.from({ length: 20 }, () => worker.fetch("/_onecount/v1/live", { headers })),
    );
    await untilViewersAre(20 * REGIONS.length);
    await Promise.all(streams.map((stream) => stream.body?.cancel()));
    await untilViewersAre(0);
  });

  it("end when the page was gone before they were there", async () => {
    const worker = await freshWorker({ RULES, ADMIN_TOKEN });
    const stream = await worker.fetch("/_onecount/v1/live", { headers });
    await stream.body?.cancel();
    await sleep(500);
    await untilViewersAre(0);
  });

  it("are not kept when they come too late", async () => {
    const late = {
      getByName: (name: string) => ({
        fetch: async (...args: Parameters<DurableObjectStub["fetch"]>) => {
          await sleep(WATCH_CONNECT_MAX + 300);
          return env.REGION_HUB.getByName(name).fetch(...args);
        },
      }),
    };
    const worker = await freshWorker({ RULES, ADMIN_TOKEN, REGION_HUB: late });
    const stream = await worker.fetch("/_onecount/v1/live", { headers });
    await sleep(WATCH_CONNECT_MAX + 800);
    expect(await viewers()).toBe(0);
    await stream.body?.cancel();
  });

  it("end when the page does not read what they say", async () => {
    const worker = await freshWorker({ RULES, ADMIN_TOKEN });
    const stream = await worker.fetch("/_onecount/v1/live", { headers });
    await untilViewersAre(REGIONS.length);
    for (const region of REGIONS)
      await runInDurableObject(env.REGION_HUB.getByName(region), (_, state) => {
        for (let sent = 0; sent < 100; sent++)
          for (const socket of state.getWebSockets("live")) socket.send(`{"kind":"beat","at":${sent}}`);
      });
    await untilViewersAre(0);
    await stream.body?.cancel();
  });
});
