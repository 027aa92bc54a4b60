/** One side of a comparison: a server, the client that loads it, and what is known of its answers. */
import { ClusterError } from "../cluster/error.ts";
import { fail } from "../tools/cli.ts";
import type { BenchServer } from "./bench-server.ts";
import { type Answer, type HttpAnswer, headersOf } from "./http-answer.ts";
import { HttpClient } from "./http-client.ts";
import { requestText, type Scenario } from "./throughput-scenarios.ts";

/** Requests under way at once: the server finds several at each turn, as a busy one does. */
export const CONNECTIONS = 32;
/** By then a client that is to be blocked has to be. */
const UNTIL_BLOCKED_MAX = 100;

/** What HTTP adds to an answer, or Response.json: the other side's does so too. */
const NOT_THE_WORKERS = /^(connection|content-length|date|transfer-encoding)$/i;

/** What a Worker itself put into an answer. */
export const answerOf = ({ status, head, body }: HttpAnswer): Answer => ({
  status,
  headers: Object.fromEntries(headersOf(head).filter(([name]) => !NOT_THE_WORKERS.test(name))),
  body,
});

/** Refuses an answer that is not as `expected`, values of headers aside: a Worker that fails is fast. */
export function checkerOf(side: string, expected: Answer): (answer: HttpAnswer) => void {
  const names = Object.keys(expected.headers).map((name) => `\r\n${name}: `);
  return ({ status, head, body }) => {
    if (status !== expected.status) fail(`${side}: answered ${status} in place of ${expected.status}`);
    if (body !== expected.body) fail(`${side}: answered ${body} in place of ${expected.body}`);
    const missing = names.find((name) => !head.includes(name));
    if (missing !== undefined) fail(`${side}: answered without ${missing.trim()}`);
  };
}

export class Side {
  readonly name: string;
  readonly server: BenchServer;
  readonly #scenario: Scenario;
  readonly #signal: AbortSignal;
  readonly #client: HttpClient;
  readonly #died: Promise<never>;
  /** Requests sent so far: each scenario goes through its clients in the same order on both sides. */
  #sent = 0;

  constructor(name: string, scenario: Scenario, server: BenchServer, signal: AbortSignal) {
    this.name = `${scenario.text}, ${name}`;
    this.server = server;
    this.#scenario = scenario;
    this.#signal = signal;
    this.#client = new HttpClient(server.port, CONNECTIONS);
    this.#died = server.ended.then((how) => Promise.reject(new ClusterError(`workerd ended: ${how}`)));
    this.#died.catch(() => undefined);
  }

  /** An answer as all that are measured have to be: the first one, or that to a client who is blocked by then. */
  async sample(): Promise<Answer> {
    let last = 0;
    for (let tries = 0; tries < UNTIL_BLOCKED_MAX; tries++) {
      const answers: HttpAnswer[] = [];
      await this.#send(1, (answer) => answers.push(answer));
      const [answer] = answers;
      if (answer?.status === this.#scenario.status) return this.#underOneRule(answerOf(answer));
      last = answer?.status ?? 0;
    }
    return fail(`${this.name}: answers ${last} in place of ${this.#scenario.status}`);
  }

  /** In each scenario one rule matches, however many there are. */
  #underOneRule(answer: Answer): Answer {
    const policy = answer.headers["RateLimit-Policy"] ?? "";
    if (policy === "" || policy.includes(",")) fail(`${this.name}: falls under ${policy || "no rule"}`);
    return answer;
  }

  /** Sends `requests`, each of which is answered as `expected`. */
  load(requests: number, expected: Answer): Promise<void> {
    return this.#send(requests, checkerOf(this.name, expected));
  }

  async #send(requests: number, check: (answer: HttpAnswer) => void): Promise<void> {
    this.#signal.throwIfAborted();
    const { path, address } = this.#scenario;
    const from = this.#sent;
    this.#sent += requests;
    const host = `127.0.0.1:${this.server.port}`;
    const request = (index: number): string => requestText(host, path, address(from + index));
    await Promise.race([this.#client.send({ requests, request, check }), this.#died]);
  }

  async stop(): Promise<void> {
    this.#client.close();
    await this.server.stop();
  }
}
