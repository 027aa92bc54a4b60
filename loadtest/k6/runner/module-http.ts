/** Stands in for "k6/http": requests that do not block, and what k6 measures of them. */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { messageOf } from "../../tools/cli.ts";
import { only, RunnerError } from "./error.ts";
import { registry, turns } from "./session.ts";

/** As in k6. */
const TIMEOUT_MS = 60_000;

type Expected = (status: number) => boolean;
/** What k6 expects unless it is told otherwise. */
let expected: Expected = (status) => status >= 200 && status <= 399;

interface Params {
  readonly headers?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

interface Response {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly error: string;
  /** By names as Go writes them: `X-Onecount`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: null;
}

const agent = new Agent({ keepAlive: true });
/** Ends all connections; for the end of a run. The next makes new ones. */
export const disconnect = (): void => agent.destroy();

async function asyncRequest(
  method: string,
  url: string,
  body?: null,
  params: Params = {},
): Promise<Response> {
  refuseOthers(body, params);
  const started = performance.now();
  const response = await exchange(method, url, params.headers ?? {}).catch(
    (error: unknown): Response => ({ status: 0, error: messageOf(error), headers: {}, body: null }),
  );
  const failed = !expected(response.status);
  const tags = {
    scenario: turns.getStore()?.scenario ?? "",
    method,
    status: String(response.status),
    expected_response: String(!failed),
    ...params.tags,
  };
  registry.add("http_reqs", 1, tags);
  registry.add("http_req_failed", failed, tags);
  registry.add("http_req_duration", performance.now() - started, tags);
  return response;
}

function refuseOthers(body: unknown, params: Params): void {
  const other = Object.keys(params).find((name) => name !== "headers" && name !== "tags");
  if (other !== undefined)
    throw new RunnerError(`the built-in runner has no parameter ${other} of a request`);
  if (body !== undefined && body !== null) throw new RunnerError("the built-in runner sends no bodies");
}

function exchange(method: string, url: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method, headers, agent, timeout: TIMEOUT_MS }, (incoming) => {
      // Bodies are discarded, as the scripts' options say.
      incoming.resume();
      incoming.on("error", reject);
      incoming.on("end", () => resolve(readResponse(incoming)));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("request timeout")));
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      // The server had closed a connection that was kept: nothing was said over it. k6 sends it once more, too.
      if (outgoing.reusedSocket && error.code === "ECONNRESET")
        exchange(method, url, headers).then(resolve, reject);
      else reject(error);
    });
    outgoing.end();
  });
}

const readResponse = ({ statusCode = 0, headers }: IncomingMessage): Response => ({
  status: statusCode,
  error: "",
  headers: Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()),
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  ),
  body: null,
});

const expectedStatuses =
  (...statuses: readonly number[]): Expected =>
  (status) =>
    statuses.includes(status);

const setResponseCallback = (callback: Expected): void => {
  expected = callback;
};

export default only("http", { asyncRequest, expectedStatuses, setResponseCallback });
