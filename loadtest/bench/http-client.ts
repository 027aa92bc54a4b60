/**
 * A small HTTP/1.1 client on bare sockets: a few connections that stay open, each with one request under way.
 * It shares the machine with the server that is measured, and Node's own client takes several times as much.
 */
import { connect, type Socket } from "node:net";
import { ClusterError } from "../cluster/error.ts";
import { HOST } from "../cluster/ports.ts";
import { type HttpAnswer, readAnswer } from "./http-answer.ts";

/** A connection idle for longer is opened anew: workerd closes one after 5 s. */
const IDLE_MS_MAX = 2_000;

/** Many requests, in turn over all connections. */
export interface Load {
  readonly requests: number;
  /** The bytes of a request, one character each; `index` from 0. */
  readonly request: (index: number) => string;
  /** Called with each answer; throws on one that is wrong. */
  readonly check: (answer: HttpAnswer) => void;
}

interface Connection {
  readonly socket: Socket;
  usedAt: number;
}

export class HttpClient {
  readonly #port: number;
  readonly #size: number;
  #connections: Connection[] = [];

  constructor(port: number, connections: number) {
    this.#port = port;
    this.#size = connections;
  }

  /** Sends the load; resolves when all of it is answered. Rejects at the first wrong or missing answer. */
  async send({ requests, request, check }: Load): Promise<void> {
    const open = await this.#open();
    let sent = 0;
    await Promise.all(
      open.map(async (connection) => {
        await converse(connection.socket, check, () => (sent < requests ? request(sent++) : undefined));
        connection.usedAt = performance.now();
      }),
    );
  }

  close(): void {
    for (const { socket } of this.#connections) socket.destroy();
    this.#connections = [];
  }

  async #open(): Promise<readonly Connection[]> {
    const now = performance.now();
    const fresh = this.#connections.filter(({ socket, usedAt }) => {
      const usable = socket.readyState === "open" && now - usedAt < IDLE_MS_MAX;
      if (!usable) socket.destroy();
      return usable;
    });
    const missing = Array.from({ length: this.#size - fresh.length }, async () => ({
      socket: await opened(this.#port),
      usedAt: now,
    }));
    this.#connections = [...fresh, ...(await Promise.all(missing))];
    return this.#connections;
  }
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, noDelay: true });
    socket.setEncoding("latin1");
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      // A failure shows as the end of the connection, to whoever uses it.
      socket.on("error", () => undefined);
      resolve(socket);
    });
  });
}

/** One request after the other, until `next` has no more. */
function converse(
  socket: Socket,
  check: (answer: HttpAnswer) => void,
  next: () => string | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    const finish = (error?: unknown): void => {
      socket.off("data", read).off("close", closed);
      if (error === undefined) resolve();
      else reject(error);
    };
    const ask = (): void => {
      const request = next();
      if (request === undefined) finish();
      else socket.write(request, "latin1");
    };
    const read = (chunk: string): void => {
      text += chunk;
      try {
        const answer = readAnswer(text);
        if (answer === undefined) return;
        text = "";
        check(answer);
      } catch (error) {
        finish(error);
        return;
      }
      ask();
    };
    const closed = (): void => finish(new ClusterError("the server closed a connection before it answered"));
    socket.on("data", read).on("close", closed);
    ask();
  });
}
