/** `rate-limiter-flexible` in this process, with a Redis server as far from each POP as the owner of a busy key. */
import { Redis } from "ioredis";
import { RateLimiterRedis } from "rate-limiter-flexible";
import { HOST } from "../cluster/ports.ts";
import { startDelayProxy } from "./delay-proxy.ts";
import { LIMIT, WINDOW_S } from "./latency-rule.ts";
import type { Way } from "./latency-way.ts";
import { startRedis } from "./redis-server.ts";

interface RedisPop {
  consume(client: string): Promise<unknown>;
  stop(): Promise<void>;
}

/**
 * Starts the server and connects every POP to it.
 * @param program the server's
 * @param roundTripsMs from each POP to it
 */
export async function startRedisWay(
  name: string,
  program: string,
  roundTripsMs: readonly number[],
  signal: AbortSignal,
): Promise<Way> {
  const server = await startRedis(program, signal);
  const pops: RedisPop[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(pops.map((pop) => pop.stop()));
    await server.stop();
  };
  try {
    for (const roundTripMs of roundTripsMs) pops.push(await connectPop(server.socket, roundTripMs));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name,
    limited: async (pop, client) => {
      const started = performance.now();
      // It rejects what is beyond the limit: nothing here is.
      await pops[pop]?.consume(client);
      return { pop, ms: performance.now() - started, decision: "" };
    },
    stop,
  };
}

async function connectPop(socket: string, roundTripMs: number): Promise<RedisPop> {
  const proxy = await startDelayProxy({ path: socket }, roundTripMs / 2);
  const client = new Redis({ host: HOST, port: proxy.port, lazyConnect: true, retryStrategy: () => null });
  // Without a listener it prints errors; what fails says so by itself.
  client.on("error", () => undefined);
  const stop = async (): Promise<void> => {
    client.disconnect();
    await proxy.stop();
  };
  try {
    await client.connect();
  } catch (error) {
    await stop();
    throw error;
  }
  const limiter = new RateLimiterRedis({ storeClient: client, points: LIMIT, duration: WINDOW_S });
  return { consume: (key) => limiter.consume(key), stop };
}
