import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

/** What the tests' own hub, in the region of a request from nowhere in particular, holds open. */
const sockets = (): Promise<number> =>
  runInDurableObject(
    env.REGION_HUB.getByName("enam"),
    (_hub, state) => state.getWebSockets().filter((socket) => socket.readyState === WebSocket.OPEN).length,
  );

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

it("a watch closes itself between 20 and 25 s after it was opened, before the platform would end it", async () => {
  const worker = await freshWorker({ RULES: [ruleOf()] });
  await worker.fetch("/");
  await vi.waitUntil(async () => (await sockets()) === 1);
  await vi.advanceTimersByTimeAsync(19_000);
  expect(await sockets()).toBe(1);
  await vi.advanceTimersByTimeAsync(6_000);
  await worker.settle();
  expect(await sockets()).toBe(0);
});

it("the next request opens a successor, and only one", async () => {
  let opened = 0;
  const REGION_HUB = {
    getByName(name: string) {
      const hub = env.REGION_HUB.getByName(name);
      return {
        report: (frame: Uint8Array) => hub.report(frame),
        fetch: (url: string, init: RequestInit) => {
          opened += 1;
          return hub.fetch(url, init);
        },
      };
    },
  };
  const worker = await freshWorker({ RULES: [ruleOf()], REGION_HUB });
  await worker.fetch("/");
  await vi.waitUntil(async () => (await sockets()) === 1);
  await vi.advanceTimersByTimeAsync(25_000);
  await worker.settle();
  expect(await sockets()).toBe(0);
  const before = opened;
  await Promise.all([worker.fetch("/"), worker.fetch("/"), worker.fetch("/")]);
  await vi.waitUntil(async () => (await sockets()) === 1);
  expect(opened - before).toBe(1);
  await vi.advanceTimersByTimeAsync(25_000);
  await worker.settle();
});

it("an unreachable hub is tried again after a pause that grows, and never costs a request its answer", async () => {
  const REGION_HUB = {
    calls: 0,
    getByName() {
      this.calls += 1;
      return { fetch: () => Promise.reject(new Error("no hub")) };
    },
  };
  const worker = await freshWorker({ RULES: [ruleOf()], REGION_HUB });
  expect((await worker.fetch("/")).status).toBe(200);
  await vi.advanceTimersByTimeAsync(1_500);
  const early = REGION_HUB.calls;
  // Pauses of at most 0.5, 1, 2, 4, 5, 5 s … and at least half of that.
  expect([2, 3, 4]).toContain(early);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(REGION_HUB.calls - early).toBeLessThanOrEqual(6);
  await vi.advanceTimersByTimeAsync(20_000);
  await worker.settle();
});
