/** Distance to a server that has none, and finding and starting that server. No test takes a time. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { DelayLine, type LineClock } from "../../loadtest/bench/delay-line.ts";
import { type DelayProxy, startDelayProxy } from "../../loadtest/bench/delay-proxy.ts";
import { findRedis, startRedis } from "../../loadtest/bench/redis-server.ts";

/** A clock that stands until it is moved. */
class FakeClock implements LineClock {
  time = 0;
  #due: { at: number; then: () => void }[] = [];

  now(): number {
    return this.time;
  }

  later(ms: number, then: () => void): void {
    this.#due.push({ at: this.time + ms, then });
  }

  soon(then: () => void): void {
    this.#due.push({ at: this.time, then });
  }

  /** Goes on to `time` in steps of a quarter of a millisecond. */
  goTo(time: number): void {
    for (; this.time < time; this.time += 0.25) this.#fire();
    this.#fire();
  }

  #fire(): void {
    const due = this.#due.filter(({ at }) => at <= this.time);
    this.#due = this.#due.filter(({ at }) => at > this.time);
    for (const { then } of due) then();
  }
}

describe("a delay line", () => {
  test("does nothing before its time, and then what was asked for", () => {
    const clock = new FakeClock();
    const line = new DelayLine(5.25, clock);
    const done: string[] = [];
    line.push(() => done.push("a"));
    clock.goTo(5);
    expect(done).toEqual([]);
    clock.goTo(5.25);
    expect(done).toEqual(["a"]);
  });

  test("keeps the order, and counts each from when it was asked for", () => {
    const clock = new FakeClock();
    const line = new DelayLine(10, clock);
    const done: string[] = [];
    line.push(() => done.push("a"));
    line.push(() => done.push("b"));
    clock.goTo(4);
    line.push(() => done.push("c"));
    clock.goTo(13.75);
    expect(done).toEqual(["a", "b"]);
    clock.goTo(14);
    expect(done).toEqual(["a", "b", "c"]);
  });

  test("does nothing of what it was told to forget", () => {
    const clock = new FakeClock();
    const line = new DelayLine(2, clock);
    const done: string[] = [];
    line.push(() => done.push("a"));
    line.clear();
    line.push(() => done.push("b"));
    clock.goTo(9);
    expect(done).toEqual(["b"]);
  });
});

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A server at a distance, and a client's connection to it. */
async function distantServer(
  onClient: (socket: Socket) => void,
): Promise<{ proxy: DelayProxy; client: Socket }> {
  const server: Server = createServer({ allowHalfOpen: true }, onClient);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a listening server has a port");
  return clientOf(address.port);
}

async function clientOf(port: number): Promise<{ proxy: DelayProxy; client: Socket }> {
  const proxy = await startDelayProxy({ host: "127.0.0.1", port }, 1.5);
  open.push(() => proxy.stop());
  const client = connect({ host: "127.0.0.1", port: proxy.port, allowHalfOpen: true });
  open.push(() => client.destroy());
  await once(client, "connect");
  return { proxy, client };
}

async function textOf(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

describe("a delaying proxy", () => {
  test("hands every byte on in order, both ways, and then the end", async () => {
    const { client } = await distantServer(async (socket) => {
      socket.end((await textOf(socket)).toUpperCase());
    });
    const words = Array.from({ length: 500 }, (_, index) => `word ${index},`).join("");
    for (const word of words.match(/[^,]+,/g) ?? []) client.write(word);
    client.end();
    expect(await textOf(client)).toBe(words.toUpperCase());
  });

  test("ends the client where the server is gone", async () => {
    const { client } = await clientOf(await freePort());
    expect(await textOf(client).catch(() => "")).toBe("");
  });

  test("stops with its connections, and may be told so twice", async () => {
    const { proxy, client } = await distantServer((socket) => void socket.on("error", () => undefined));
    client.on("error", () => undefined);
    client.write("hello");
    // However it closes: the connection may be reset.
    const closed = new Promise((resolve) => client.once("close", resolve));
    client.resume();
    await Promise.all([proxy.stop(), proxy.stop(), closed]);
    expect(client.destroyed).toBe(true);
  });
});

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("a listening server has a port");
  return address.port;
}

async function folderWith(script?: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "onecount-test-"));
  open.push(() => rm(folder, { recursive: true, force: true }));
  if (script !== undefined) {
    await writeFile(join(folder, "redis-server"), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, "redis-server"), 0o755);
  }
  return folder;
}

describe("finding redis-server", () => {
  test("takes the first on the PATH, before where the system has it", async () => {
    const [empty, first, second] = [await folderWith(), await folderWith("true"), await folderWith("true")];
    const env = { PATH: [empty, first, second].join(":") };
    expect(findRedis(env, [second])).toBe(join(first, "redis-server"));
  });

  test("looks where the system has it when the PATH has none", async () => {
    const folder = await folderWith("true");
    expect(findRedis({ PATH: await folderWith() }, [folder])).toBe(join(folder, "redis-server"));
    expect(findRedis({}, [folder])).toBe(join(folder, "redis-server"));
  });

  test("finds none where there is none, or where it may not be run", async () => {
    const folder = await folderWith("true");
    await chmod(join(folder, "redis-server"), 0o644);
    expect(findRedis({ PATH: await folderWith() }, [])).toBeUndefined();
    expect(findRedis({ PATH: folder }, [])).toBeUndefined();
  });

  test("takes no folder of that name for it", async () => {
    const folder = await folderWith();
    await mkdir(join(folder, "redis-server"));
    expect(findRedis({ PATH: folder }, [])).toBeUndefined();
  });
});

/** Writes down what it was started with, in a folder that stays. */
const serverThat = async (does: string): Promise<{ program: string; told: string }> => {
  const folder = await folderWith(`echo "$@" > "$(dirname "$0")/told"\n${does}`);
  return { program: join(folder, "redis-server"), told: join(folder, "told") };
};

const folderIn = async (told: string): Promise<string> =>
  /--dir (\S+)/.exec(await readFile(told, "utf8"))?.[1] ?? "";

describe("starting redis-server", () => {
  const never = new AbortController().signal;

  test("waits until it is ready, keeps nothing, and leaves no folder", async () => {
    const { program, told } = await serverThat("echo '* Ready to accept connections unix'\nexec sleep 60");
    const server = await startRedis(program, never);
    const folder = await folderIn(told);
    expect(existsSync(folder)).toBe(true);
    expect(dirname(server.socket)).toBe(folder);
    await Promise.all([server.stop(), server.stop()]);
    expect(existsSync(folder)).toBe(false);
  });

  test("says the last words of one that does not start, and leaves no folder", async () => {
    const { program, told } = await serverThat("echo 'bad directive'\nexit 1");
    await expect(startRedis(program, never)).rejects.toThrow(
      "redis-server does not start: it has ended: bad directive",
    );
    expect(existsSync(await folderIn(told))).toBe(false);
  });

  test("gives up when it is stopped meanwhile, and ends what it has started", async () => {
    const { program } = await serverThat("exec sleep 60");
    await expect(startRedis(program, AbortSignal.abort())).rejects.toThrow("redis-server does not start");
  });

  test("a program that is not there is an error, not a crash", async () => {
    await expect(startRedis("/nonexistent/redis-server", never)).rejects.toThrow("ENOENT");
  });
});
