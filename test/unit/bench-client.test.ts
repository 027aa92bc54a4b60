/** The benchmark's HTTP client, and what it lets pass: a Worker that fails must not look fast. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type HttpAnswer, readAnswer } from "../../loadtest/bench/http-answer.ts";
import { HttpClient } from "../../loadtest/bench/http-client.ts";
import { SCENARIOS, type Scenario } from "../../loadtest/bench/throughput-scenarios.ts";
import { answerOf, checkerOf, Side } from "../../loadtest/bench/throughput-side.ts";

const text = (...lines: readonly string[]): string => lines.join("\r\n");
const TOLD = text("HTTP/1.1 200 OK", "Content-Length: 2", "RateLimit: r", "", "ok");

describe("reading an answer", () => {
  test("takes status, headers and a body of known length", () => {
    expect(readAnswer(TOLD)).toEqual({
      status: 200,
      head: text("HTTP/1.1 200 OK", "Content-Length: 2", "RateLimit: r"),
      body: "ok",
    });
  });

  test("takes a body in chunks", () => {
    const chunked = text(
      "HTTP/1.1 429 X",
      "Transfer-Encoding: chunked",
      "",
      "3",
      "abc",
      "a",
      "0123456789",
      "0",
      "",
      "",
    );
    expect(readAnswer(chunked)).toMatchObject({ status: 429, body: "abc0123456789" });
  });

  test.each([[TOLD], [text("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "3", "abc", "0", "", "")]])(
    "waits for all of %j",
    (whole) => {
      for (let length = 0; length < whole.length; length++)
        expect(readAnswer(whole.slice(0, length))).toBeUndefined();
      expect(readAnswer(whole)).toBeDefined();
    },
  );

  test.each([
    ["what is no answer", text("SSH-2.0", "", "")],
    ["an answer before the answer", text("HTTP/1.1 100 Continue", "", "")],
    ["an answer without an end", text("HTTP/1.1 200 OK", "", "body\r\n")],
    ["a second answer", TOLD + TOLD],
    ["bytes after the last chunk", text("HTTP/1.1 200 OK", "", "1", "a", "0", "", "", "b")],
  ])("refuses %s", (_, wrong) => {
    expect(() => readAnswer(wrong)).toThrow();
  });
});

describe("checking answers", () => {
  const answer: HttpAnswer = {
    status: 200,
    head: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRateLimit: r",
    body: "ok",
  };
  const check = checkerOf("with", answerOf(answer));

  test("what HTTP adds is not the Worker's", () => {
    expect(answerOf(answer)).toEqual({ status: 200, headers: { RateLimit: "r" }, body: "ok" });
  });

  test("another value of a header is fine", () => {
    expect(check({ ...answer, head: "HTTP/1.1 200 OK\r\nRateLimit: other" })).toBeUndefined();
  });

  test.each([
    ["status", { ...answer, status: 500 }, "with: answered 500 in place of 200"],
    ["body", { ...answer, body: "" }, "with: answered  in place of ok"],
    ["headers", { ...answer, head: "HTTP/1.1 200 OK" }, "with: answered without RateLimit:"],
  ])("another %s is refused", (_, wrong, message) => {
    expect(() => check(wrong)).toThrow(message);
  });
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const get = (index: number): string => `GET /${index} HTTP/1.1\r\nHost: test\r\n\r\n`;

describe("the client", () => {
  test("sends every request once, over no more connections than it may have, and keeps them", async () => {
    const paths: (string | undefined)[] = [];
    const sockets = new Set<unknown>();
    const port = await serve((request, response) => {
      paths.push(request.url);
      sockets.add(request.socket);
      response.end("ok");
    });
    const client = new HttpClient(port, 3);
    for (const from of [0, 20]) {
      await client.send({ requests: 20, request: (index) => get(from + index), check: () => undefined });
    }
    client.close();
    expect(paths.toSorted()).toEqual(Array.from({ length: 40 }, (_, index) => `/${index}`).toSorted());
    expect(sockets.size).toBe(3);
  });

  test("has every answer checked, and rejects when one is refused", async () => {
    const port = await serve((request, response) => response.end(request.url === "/7" ? "wrong" : "ok"));
    const client = new HttpClient(port, 2);
    let checked = 0;
    const check = ({ body }: HttpAnswer): void => {
      checked += 1;
      if (body !== "ok") throw new Error("refused");
    };
    await client.send({ requests: 7, request: get, check });
    expect(checked).toBe(7);
    await expect(client.send({ requests: 20, request: get, check })).rejects.toThrow("refused");
    client.close();
  });

  test("rejects when the server hangs up in place of an answer", async () => {
    const port = await serve((request) => request.socket.destroy());
    const client = new HttpClient(port, 1);
    await expect(client.send({ requests: 1, request: get, check: () => undefined })).rejects.toThrow(
      "the server closed a connection before it answered",
    );
    client.close();
  });
});

describe("a side", () => {
  const [QUIET, BLOCKED] = SCENARIOS as readonly [Scenario, Scenario];
  const side = async (
    scenario: Scenario,
    listener: RequestListener,
    signal = new AbortController().signal,
  ) => {
    const port = await serve(listener);
    const server = {
      port,
      pid: 0,
      module: "",
      ended: new Promise<string>(() => undefined),
      owners: async () => 0,
      stop: async () => undefined,
    };
    return new Side("with", scenario, server, signal);
  };
  const policy = { "RateLimit-Policy": '"site";q=1;w=1' };

  test("takes for its sample the first answer to a client that is blocked by then", async () => {
    let requests = 0;
    const blocked = await side(BLOCKED, (_, response) => {
      requests += 1;
      response.writeHead(requests < 21 ? 200 : 429, policy).end("b");
    });
    expect(await blocked.sample()).toMatchObject({ status: 429, headers: policy, body: "b" });
    expect(requests).toBe(21);
    await blocked.stop();
  });

  test("that never answers as its scenario does is one line", async () => {
    const failing = await side(BLOCKED, (_, response) => response.writeHead(200, policy).end());
    await expect(failing.sample()).rejects.toThrow("one blocked client, with: answers 200 in place of 429");
    await failing.stop();
  });

  test.each([
    [{}, "no rule"],
    [{ "RateLimit-Policy": '"a";q=1;w=1, "b";q=1;w=1' }, '"a";q=1;w=1, "b";q=1;w=1'],
  ])("under %j is refused: one rule matches in each scenario", async (headers, words) => {
    const other = await side(QUIET, (_, response) => response.writeHead(200, headers).end());
    await expect(other.sample()).rejects.toThrow(`quiet clients, with: falls under ${words}`);
    await other.stop();
  });

  test("goes on with the next client at each load", async () => {
    const clients: unknown[] = [];
    const quiet = await side(QUIET, (request, response) => {
      clients.push(request.headers["cf-connecting-ip"]);
      response.writeHead(200, policy).end();
    });
    const answer = await quiet.sample();
    for (let times = 0; times < 2; times++) await quiet.load(40, answer);
    expect(new Set(clients)).toEqual(new Set(Array.from({ length: 81 }, (_, index) => QUIET.address(index))));
    await quiet.stop();
  });

  test("sends nothing once the command is to end", async () => {
    const stopped = await side(QUIET, () => undefined, AbortSignal.abort());
    await expect(stopped.sample()).rejects.toThrow("aborted");
    await stopped.stop();
  });
});
