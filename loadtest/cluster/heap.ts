/** Memory of each isolate of a cluster, read over the Chrome DevTools protocol that workerd offers. */
import { ClusterError } from "./error.ts";

/** A full collection of a large heap takes tens of ms; on a busy machine it waits for its turn besides. */
const ANSWER_TIMEOUT_MS = 30_000;

export interface HeapReading {
  /** The service that the isolate runs: `core`, `pop-LHR`. */
  readonly isolate: string;
  /** Bytes in use after a full collection: on V8's heap, held from outside it, and in array buffers. */
  readonly bytes: number;
}

/** What `Runtime.getHeapUsage` answers, in bytes. */
interface HeapUsage {
  readonly usedSize: number;
  readonly embedderHeapUsedSize?: number;
  readonly backingStorageSize?: number;
}

export class Heaps {
  readonly #sessions: readonly Session[];

  private constructor(sessions: readonly Session[]) {
    this.#sessions = sessions;
  }

  /** Connects to every isolate. Rejects with `ClusterError` when that fails. @param url a cluster's `inspectorUrl` */
  static async open(url: string): Promise<Heaps> {
    const listed = await fetch(`${url}/json`);
    const targets = (await listed.json()) as readonly { id: string; webSocketDebuggerUrl: string }[];
    return new Heaps(await Promise.all(targets.map((target) => Session.open(target))));
  }

  /** One reading of each isolate. Garbage is collected first: what is left is what somebody holds. */
  async read(): Promise<readonly HeapReading[]> {
    const readings: HeapReading[] = [];
    // One after the other: all isolates of a cluster share a thread, and none should wait for five collections.
    for (const session of this.#sessions) {
      await session.call("HeapProfiler.collectGarbage");
      const usage = (await session.call("Runtime.getHeapUsage")) as HeapUsage;
      const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = usage;
      readings.push({
        isolate: session.isolate,
        bytes: usedSize + embedderHeapUsedSize + backingStorageSize,
      });
    }
    return readings;
  }

  close(): void {
    for (const session of this.#sessions) session.close();
  }
}

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** A DevTools connection to one isolate. */
class Session {
  readonly isolate: string;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #calls = 0;

  private constructor(isolate: string, socket: WebSocket) {
    this.isolate = isolate;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      // Events have no id; nobody asked for any.
      if (answer.id !== undefined) this.#settle(answer.id, answer);
    });
    socket.addEventListener("close", () => {
      for (const id of this.#answers.keys()) this.#settle(id, { error: { message: "the connection ended" } });
    });
  }

  static async open({ id, webSocketDebuggerUrl }: { id: string; webSocketDebuggerUrl: string }) {
    const socket = new WebSocket(webSocketDebuggerUrl);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new ClusterError(`no DevTools connection to ${id}`)));
    });
    return new Session(id, socket);
  }

  async call(method: string): Promise<unknown> {
    this.#calls += 1;
    const id = this.#calls;
    const answered = new Promise<Answer>((resolve) => this.#answers.set(id, resolve));
    const timer = setTimeout(() => this.#settle(id, { error: { message: "no answer" } }), ANSWER_TIMEOUT_MS);
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ id, method }));
    else this.#settle(id, { error: { message: "the connection is closed" } });
    const { error, result } = await answered;
    clearTimeout(timer);
    if (error !== undefined) throw new ClusterError(`${method} of ${this.isolate}: ${error.message}`);
    return result;
  }

  #settle(id: number, answer: Answer): void {
    this.#answers.get(id)?.(answer);
    this.#answers.delete(id);
  }

  close(): void {
    this.#socket.close();
  }
}
