/**
 * The stream that a live page follows, as Server-Sent Events of `shared/telemetry/live.ts`: what every region's hub has to
 * say as it comes, and what the owners know of the client that was chosen.
 */
import {
  LIVE_ACCURACY_PAUSE,
  LIVE_BEAT,
  LIVE_BUFFERED_MAX,
  LIVE_CALLS_MAX,
  LIVE_CLIENT_PAUSE,
  LIVE_FOR,
  LIVE_PAUSE,
  LIVE_RETRY,
} from "../shared/limits.ts";
import { REGIONS, type Region } from "../shared/region.ts";
import type { Client, LiveMessage } from "../shared/telemetry/live.ts";
import { accuracyOf } from "./accuracy.ts";
import type { Background } from "./courier.ts";
import type { Env } from "./env.ts";
import { hubSocket } from "./hub-socket.ts";
import type { Service } from "./service.ts";
import { sleep } from "./timer.ts";

/** A client that the page looks at more closely. */
export interface Chosen {
  readonly rule: string;
  readonly key: string;
  readonly byHash: boolean;
}

export interface LiveContext {
  readonly env: Env;
  readonly service: Service;
  readonly background: Background;
  readonly pop: string;
  /** Whose hub is asked for news. */
  readonly region: Region;
}

/** Throws `BadRequest` for a client under no rule of this Worker. */
export function live(context: LiveContext, chosen: Chosen | undefined): Response {
  const stream = new LiveStream(context, chosen);
  return new Response(stream.body, { headers: { "Content-Type": "text/event-stream; charset=utf-8" } });
}

class LiveStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #context: LiveContext;
  readonly #chosen: Chosen | undefined;
  /** Of the chosen client: rule version, dot, tag; one for each plan. */
  readonly #wanted: readonly string[];
  readonly #encoder = new TextEncoder();
  readonly #sockets = new Set<WebSocket>();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #calls = 0;
  #saidAt = 0;
  /** Something came that may concern the chosen client. */
  #stirred = true;

  constructor(context: LiveContext, chosen: Chosen | undefined) {
    this.#context = context;
    this.#chosen = chosen;
    this.#wanted = chosen === undefined ? [] : context.service.tagsOf(chosen.rule, chosen.key, chosen.byHash);
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          context.background.waitUntil(this.#run());
        },
        cancel: () => this.#end(),
      },
      new CountQueuingStrategy({ highWaterMark: 1 }),
    );
  }

  get #isOpen(): boolean {
    return this.#controller !== undefined;
  }

  async #run(): Promise<void> {
    const { service, pop } = this.#context;
    this.#say({ kind: "hello", now: Date.now(), pop, rules: service.rules() });
    const endsAt = Date.now() + LIVE_FOR;
    const hubs = REGIONS.map((region) => this.#follow(region));
    await Promise.all([...hubs, this.#tick(endsAt), this.#measure()]);
  }

  /** What is counted exactly beside the limiter, now and then. */
  async #measure(): Promise<void> {
    const { env, service } = this.#context;
    while (this.#isOpen) {
      const rules = service.rules();
      this.#calls += rules.length;
      this.#say({ kind: "accuracy", at: Date.now(), rules: await accuracyOf(env, rules) });
      await sleep(LIVE_ACCURACY_PAUSE);
    }
  }

  /** One hub, over as many connections as it takes. */
  async #follow(region: Region): Promise<void> {
    let silent = false;
    while (this.#isOpen) {
      const socket = await this.#connect(region);
      if (socket !== undefined) {
        silent = false;
        await this.#listen(socket);
      }
      if (!this.#isOpen) return;
      if (!silent) this.#say({ kind: "silent", at: Date.now(), region });
      silent = true;
      await sleep(LIVE_RETRY);
    }
  }

  #connect(region: Region): Promise<WebSocket | undefined> {
    const query = new URLSearchParams(this.#wanted.map((name) => ["wanted", name]));
    if (region === this.#context.region) query.set("news", "1");
    this.#calls += 1;
    return hubSocket(this.#context.env, region, `/live?${query}`);
  }

  /** Passes on what a hub says, until the connection ends. */
  async #listen(socket: WebSocket): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      socket.addEventListener("message", ({ data }) => {
        // Bytes are a hub's of an older release, which takes every connection for an isolate's.
        if (typeof data !== "string") return;
        this.#stirred = true;
        this.#write(data);
      });
      socket.addEventListener("close", () => resolve());
      socket.addEventListener("error", () => resolve());
    });
    socket.accept();
    if (!this.#isOpen) return socket.close();
    this.#sockets.add(socket);
    await ended;
    this.#sockets.delete(socket);
  }

  /** Once a second: the chosen client if there may be news of it, and a sign of life if there was nothing else. */
  async #tick(endsAt: number): Promise<void> {
    let toldAt = 0;
    while (this.#isOpen) {
      const now = Date.now();
      // A request may make only so many calls: the page connects anew.
      if (now > endsAt || this.#calls > LIVE_CALLS_MAX) return this.#end();
      if (this.#chosen !== undefined && (this.#stirred || now - toldAt >= LIVE_CLIENT_PAUSE)) {
        this.#stirred = false;
        toldAt = now;
        this.#say(await this.#client(this.#chosen));
      }
      if (now - this.#saidAt >= LIVE_BEAT) this.#say({ kind: "beat", at: now });
      await sleep(LIVE_PAUSE);
    }
  }

  async #client(chosen: Chosen): Promise<Client> {
    const { service } = this.#context;
    const { rule, key, byHash } = chosen;
    this.#calls += 2 * this.#wanted.length;
    try {
      const [accounts, story] = await Promise.all([
        service.inspect(rule, key, byHash),
        service.story(this.#wanted),
      ]);
      return { kind: "client", at: Date.now(), rule, key, accounts, story, problem: null };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return { kind: "client", at: Date.now(), rule, key, accounts: [], story: [], problem };
    }
  }

  #say(message: LiveMessage): void {
    this.#write(JSON.stringify(message));
  }

  #write(json: string): void {
    const controller = this.#controller;
    if (controller === undefined) return;
    this.#saidAt = Date.now();
    // A page that does not keep up begins anew, or what it has not read would fill the isolate's memory.
    if ((controller.desiredSize ?? 0) < -LIVE_BUFFERED_MAX) {
      this.#end();
      return;
    }
    try {
      controller.enqueue(this.#encoder.encode(`data: ${json}\n\n`));
    } catch {
      this.#end();
    }
  }

  #end(): void {
    const controller = this.#controller;
    this.#controller = undefined;
    for (const socket of this.#sockets) socket.close(1000, "nobody looks any more");
    this.#sockets.clear();
    try {
      controller?.close();
    } catch {
      // Closed already, by the page.
    }
  }
}
