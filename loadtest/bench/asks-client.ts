/**
 * One client of a cluster, as fast as is wished: requests over kept connections to all its POPs in turn. It reads of
 * an answer only how it was decided, so that the cluster is what is busy. Goes to 127.0.0.1 alone.
 */
import { connect, type Socket } from "node:net";
import { HOST } from "../cluster/ports.ts";

/** Connections to one POP. At 1,000 requests a second some 80 are in use to the farthest; the rest is for a slow moment. */
const CONNECTIONS_MAX = 256;
/**
 * Connections to one POP flat out, each with the next request as soon as the last is answered. Enough to keep this
 * machine busy, and few enough that no answer is late for that alone: an Ask would be sent twice.
 */
const CONNECTIONS_FLAT_OUT = 32;
/** A paced client looks so often whether the next request is due, ms. */
const TICK_MS = 1;
/** More requests than any load here sends: a client that goes wrong ends. */
const REQUESTS_MAX = 1_000_000;

export interface ClientWish {
  readonly ports: readonly number[];
  readonly path: string;
  /** What it is known by. */
  readonly address: string;
  /** Requests per second to all POPs together; undefined for as many as are answered. */
  readonly rate: number | undefined;
}

/** What came of a client's requests. */
export interface Seen {
  answered: number;
  /** By the `decision` of `x-onecount`; `none` where it is missing. */
  readonly decisions: Record<string, number>;
  /** No answer, or no connection was free at the time. */
  failed: number;
}

export interface Client {
  readonly seen: Seen;
  /** Ends it, and its connections. Resolves when none is left. */
  stop(): Promise<void>;
}

/** Starts a client that sends until it is stopped. */
export function startClient(wish: ClientWish): Client {
  const seen: Seen = { answered: 0, decisions: {}, failed: 0 };
  const lines = wish.ports.map((port) => new Line(port, wish, seen));
  let timer: NodeJS.Timeout | undefined;
  if (wish.rate === undefined) for (const line of lines) line.flatOut();
  else timer = pace(wish.rate, lines);
  return {
    seen,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(lines.map((line) => line.end()));
    },
  };
}

/** Sends each request when it is due, however slow answers are: to one line after the other. */
function pace(rate: number, lines: readonly Line[]): NodeJS.Timeout {
  const start = performance.now();
  let sent = 0;
  return setInterval(() => {
    const due = Math.min(REQUESTS_MAX, ((performance.now() - start) * rate) / 1000);
    for (; sent < due; sent += 1) lines[sent % lines.length]?.send();
  }, TICK_MS);
}

/** The connections to one POP. */
class Line {
  readonly #port: number;
  readonly #request: string;
  readonly #seen: Seen;
  readonly #sockets = new Set<Socket>();
  readonly #free: Socket[] = [];
  #again = false;
  #ended = false;

  constructor(port: number, { path, address }: ClientWish, seen: Seen) {
    this.#port = port;
    this.#request = `GET ${path} HTTP/1.1\r\nHost: ${HOST}:${port}\r\nCF-Connecting-IP: ${address}\r\n\r\n`;
    this.#seen = seen;
  }

  send(): void {
    const socket = this.#free.pop() ?? (this.#sockets.size < CONNECTIONS_MAX ? this.#open() : undefined);
    if (socket === undefined) this.#seen.failed += 1;
    else socket.write(this.#request);
  }

  flatOut(): void {
    this.#again = true;
    for (let n = 0; n < CONNECTIONS_FLAT_OUT; n += 1) this.#open().write(this.#request);
  }

  /** A connection with a request on its way, or about to be. */
  #open(): Socket {
    const socket = connect(this.#port, HOST).setNoDelay(true).setEncoding("latin1");
    this.#sockets.add(socket);
    let text = "";
    socket.on("data", (part: string) => {
      text += part;
      const answer = parseAnswer(text);
      if (answer === undefined) return;
      text = "";
      this.#count(answer.decision);
      if (!this.#again) this.#free.push(socket);
      else if (!this.#ended && this.#seen.answered < REQUESTS_MAX) socket.write(this.#request);
    });
    // `close` follows, and there it is counted.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      const at = this.#free.indexOf(socket);
      if (at >= 0) this.#free.splice(at, 1);
      else if (!this.#ended) this.#seen.failed += 1;
    });
    return socket;
  }

  #count(decision: string): void {
    this.#seen.answered += 1;
    this.#seen.decisions[decision] = (this.#seen.decisions[decision] ?? 0) + 1;
  }

  async end(): Promise<void> {
    this.#ended = true;
    const closing = Array.from(this.#sockets, (socket) => new Promise((done) => socket.once("close", done)));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closing);
  }
}

/** How an answer was decided; undefined until it is there as a whole. workerd says how long its bodies are. */
export function parseAnswer(text: string): { readonly decision: string } | undefined {
  const bodyAt = text.indexOf("\r\n\r\n") + 4;
  if (bodyAt < 4) return undefined;
  const head = text.slice(0, bodyAt);
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
  if (text.length < bodyAt + length) return undefined;
  return { decision: /\r\nx-onecount: decision=(\w+)/i.exec(head)?.[1] ?? "none" };
}
