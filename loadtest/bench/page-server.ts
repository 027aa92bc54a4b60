/** The live page as a Worker would serve it, in front of a made-up stream. */
import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { extname, join } from "node:path";
import type { LiveMessage } from "../../shared/telemetry/live.ts";
import { HOST } from "../cluster/ports.ts";
import { Feed, type FeedOptions } from "./page-feed.ts";

/** What the page has to be told. */
export const PAGE_TOKEN = "made-up";
const PREFIX = "/_onecount";
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

export interface PageServer {
  /** Of the page. */
  readonly url: string;
  /** Ends every stream, and lets none begin until `resume`. */
  pause(): void;
  resume(): void;
  /** Tells each new reader this besides. */
  say(message: LiveMessage): void;
  stop(): Promise<void>;
}

/**
 * Serves a built page, and `everyMs` tells each reader what happened.
 * @param headers what the page itself is sent with
 */
export async function servePage(
  folder: string,
  options: FeedOptions,
  headers: Readonly<Record<string, string>>,
  everyMs: number,
): Promise<PageServer> {
  const feed = new Feed(options, Date.now());
  let paused = false;
  const besides: LiveMessage[] = [];
  const readers = new Map<ServerResponse, URLSearchParams>();
  const tell = (reader: ServerResponse, message: object): void =>
    void reader.write(`data: ${JSON.stringify(message)}\n\n`);
  const timer = setInterval(() => {
    const now = Date.now();
    const messages = feed.next(now);
    for (const [reader, chosen] of readers) {
      for (const message of messages) tell(reader, message);
      const [rule, key] = [chosen.get("rule"), chosen.get("key")];
      if (rule !== null && key !== null) tell(reader, feed.client(rule, key, now));
    }
  }, everyMs);
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", `http://${HOST}`);
    if (paused) return response.destroy();
    if (pathname === `${PREFIX}/v1/live` && request.headers.authorization === `Bearer ${PAGE_TOKEN}`) {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      for (const message of [...feed.first(Date.now()), ...besides]) tell(response, message);
      readers.set(response, searchParams);
      response.on("close", () => readers.delete(response));
      return;
    }
    const name = /^\/_onecount\/live\/([\w.-]*)$/.exec(pathname)?.[1];
    const file = name === "" ? "index.html" : name;
    const body = file === undefined ? undefined : await readFile(join(folder, file)).catch(() => undefined);
    if (file === undefined || body === undefined) return response.writeHead(404).end();
    return response.writeHead(200, { ...headers, "content-type": TYPES[extname(file)] ?? "" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a listening server has a port");
  return {
    url: `http://${HOST}:${address.port}${PREFIX}/live/`,
    pause() {
      paused = true;
      server.closeAllConnections();
    },
    resume() {
      paused = false;
    },
    say: (message) => void besides.push(message),
    async stop() {
      clearInterval(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
