/** The Chrome DevTools protocol, as workerd's `--inspector-addr` speaks it: as much as a CPU profile takes. */

import { ClusterError } from "../cluster/error.ts";
import { HOST } from "../cluster/ports.ts";

/** One function in one place of the call tree. */
export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

/** A `Profiler.Profile`: at each sample the node that ran, and microseconds since the sample before. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Microseconds between two samples. */
const SAMPLE_EVERY_US = 100;

/** Profiles the first isolate behind the inspector's port while `work` runs. */
export async function profileWhile(port: number, work: () => Promise<void>): Promise<CpuProfile> {
  const targets = (await (await fetch(`http://${HOST}:${port}/json`)).json()) as readonly {
    readonly webSocketDebuggerUrl: string;
  }[];
  const [target] = targets;
  if (target === undefined) throw new ClusterError("the inspector of workerd shows no Worker");
  const session = await Session.open(target.webSocketDebuggerUrl);
  try {
    await session.call("Profiler.enable");
    await session.call("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_US });
    await session.call("Profiler.start");
    await work();
    const { profile } = (await session.call("Profiler.stop")) as { readonly profile: CpuProfile };
    return profile;
  } finally {
    session.close();
  }
}

type Reply = {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
};

class Session {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const reply = JSON.parse(String(data)) as Reply;
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply);
    });
    socket.addEventListener("close", () => {
      for (const answer of this.#waiting.values()) answer({ error: { message: "the connection ended" } });
    });
  }

  static open(url: string): Promise<Session> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.addEventListener("open", () => resolve(new Session(socket)));
      socket.addEventListener("error", () =>
        reject(new ClusterError(`the inspector does not answer: ${url}`)),
      );
    });
  }

  async call(method: string, params: object = {}): Promise<unknown> {
    this.#calls += 1;
    const id = this.#calls;
    const replied = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await replied;
    this.#waiting.delete(id);
    if (error !== undefined) throw new ClusterError(`the inspector refuses ${method}: ${error.message}`);
    return result;
  }

  close(): void {
    this.#socket.close();
  }
}
