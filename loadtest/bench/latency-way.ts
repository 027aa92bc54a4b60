/** A way of limiting as the benchmark sees it: requests at POPs, each with what it took. */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";

/** What one request took, and what was said of it. */
export interface Sample {
  /** Index of its POP. */
  readonly pop: number;
  /** From its leaving to the head of its answer. */
  readonly ms: number;
  /** How ours decided; "" elsewhere. */
  readonly decision: string;
}

export interface Way {
  readonly name: string;
  /** A request that is counted. */
  limited(pop: number, client: string): Promise<Sample>;
  /** A request that the same server answers without calling any limiter; absent where there is no server in between. */
  readonly free?: (pop: number) => Promise<Sample>;
  /** May be called again. */
  stop(): Promise<void>;
}

/** Paths of the servers under test. */
export const LIMITED_PATH = "/limited";
const FREE_PATH = "/free";
/** Longer than any deadline: a request that takes it is lost, and the figures with it. */
const ANSWER_MS_MAX = 20_000;

/** The requests of a way whose POPs are HTTP servers. */
export class HttpPops {
  // One for each POP: a connection that is free is found at once.
  readonly #agents: readonly Agent[];
  readonly #urls: readonly URL[];

  constructor(urls: readonly string[]) {
    this.#urls = urls.map((url) => new URL(url));
    this.#agents = urls.map(() => new Agent({ keepAlive: true }));
  }

  limited = (pop: number, client: string): Promise<Sample> => this.#send(pop, LIMITED_PATH, client);

  free = (pop: number): Promise<Sample> => this.#send(pop, FREE_PATH, "192.0.2.1");

  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  async #send(pop: number, path: string, client: string): Promise<Sample> {
    const url = this.#urls[pop];
    const agent = this.#agents[pop];
    if (url === undefined || agent === undefined) throw new Error(`no POP ${pop}`);
    const started = performance.now();
    const answer = await exchange(url, agent, path, client);
    const ms = performance.now() - started;
    if (answer.statusCode !== 200) throw new Error(`${url.origin}${path} answered ${answer.statusCode}`);
    return { pop, ms, decision: decisionOf(answer) };
  }
}

function exchange(url: URL, agent: Agent, path: string, client: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = url;
    const headers = { "CF-Connecting-IP": client };
    const outgoing = httpRequest(
      { hostname, port, agent, path, headers, timeout: ANSWER_MS_MAX },
      (answer) => {
        answer.resume();
        resolve(answer);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${ANSWER_MS_MAX / 1_000} s`)));
    outgoing.on("error", reject);
    outgoing.end();
  });
}

function decisionOf({ headers }: IncomingMessage): string {
  const said = headers["x-onecount"];
  return /\bdecision=(\w+)/.exec(typeof said === "string" ? said : "")?.[1] ?? "";
}
