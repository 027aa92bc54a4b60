/** The ways of limiting that the benchmark measures answer, each as it is claimed to. */
import { describe, expect, test } from "vitest";
import { makeBusy } from "../../loadtest/bench/latency-load.ts";
import { startNaive } from "../../loadtest/bench/latency-naive.ts";
import { startOurs } from "../../loadtest/bench/latency-ours.ts";
import { startRedisWay } from "../../loadtest/bench/latency-redis.ts";
import type { Way } from "../../loadtest/bench/latency-way.ts";
import { findRedis } from "../../loadtest/bench/redis-server.ts";

const never = new AbortController().signal;
const POPS = [0, 1, 2, 3];

async function using(starting: Promise<Way>, use: (way: Way) => Promise<void>): Promise<void> {
  const way = await starting;
  try {
    await use(way);
  } finally {
    await way.stop();
  }
}

const decisions = async (way: Way, client: string): Promise<string[]> =>
  (await Promise.all(POPS.map((pop) => way.limited(pop, client)))).map(({ decision }) => decision);

describe("ways of limiting", () => {
  test("ours decides a quiet client by credit, a busy one by its owner, and nothing where no rule matches", () =>
    using(startOurs("ours", never), async (way) => {
      expect((await way.free?.(2))?.decision).toBe("unlimited");
      expect(await decisions(way, "10.0.0.2")).toEqual(POPS.map(() => "credit"));
      const busyClient = "10.0.0.3";
      await makeBusy({ way, pops: POPS.length, busyClient }, 8);
      expect(await decisions(way, busyClient)).toEqual(POPS.map(() => "owner"));
    }));

  test("ours lets a busy client go on without its owner where the rule leases", () =>
    using(startOurs("leased", never, { lease: "auto", grace: "auto" }), async (way) => {
      const busyClient = "10.0.0.5";
      await makeBusy({ way, pops: POPS.length, busyClient }, 8);
      expect(await decisions(way, busyClient)).toEqual(POPS.map(() => "credit"));
    }));

  test("one object call each answers at every POP, with the limiter and without", () =>
    using(startNaive("naive", never), async (way) => {
      expect(await decisions(way, "10.0.0.4")).toEqual(POPS.map(() => ""));
      for (const pop of POPS) expect((await way.free?.(pop))?.pop).toBe(pop);
    }));

  const redis = findRedis(process.env);
  test.skipIf(redis === undefined)(
    "rate-limiter-flexible counts in Redis, and has no server to answer without",
    () =>
      using(startRedisWay("redis", redis ?? "", [0, 1, 2, 3], never), async (way) => {
        for (const pop of POPS) expect((await way.limited(pop, "10.0.0.5")).pop).toBe(pop);
        expect(way.free).toBeUndefined();
      }),
  );
});
