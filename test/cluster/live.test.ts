/** The stream that a live page follows, as a page would read it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, LOCAL_TOKEN, startCluster } from "../../loadtest/cluster/cluster.ts";
import type { LiveMessage } from "../../shared/telemetry/live.ts";
import { clientWithTime, ownerOf, send, until } from "./client.ts";

const RULES = [{ name: "slide", limit: 10, window: "60s", threshold: 4, algorithm: "fixed-window" }];
const POPS = ["LHR", "CDG", "CHI", "TYO"];
const headers = { Authorization: `Bearer ${LOCAL_TOKEN}` };

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: RULES });
});
afterAll(() => cluster.stop());

/** Everything that a stream says, as it comes. */
async function follow(query = "") {
  const stop = new AbortController();
  const response = await fetch(`${cluster.url}/v1/live${query}`, { headers, signal: stop.signal });
  const messages: LiveMessage[] = [];
  const read = async (): Promise<void> => {
    let text = "";
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const events = (text + chunk).split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) messages.push(JSON.parse(event.replace(/^data: /, "")) as LiveMessage);
    }
  };
  const ended = read().catch(() => undefined);
  const last = <K extends LiveMessage["kind"]>(kind: K) =>
    messages.findLast((message) => message.kind === kind) as Extract<LiveMessage, { kind: K }> | undefined;
  return {
    response,
    messages,
    last,
    stop: () => {
      stop.abort();
      return ended;
    },
  };
}

describe("the live stream", () => {
  it("begins with the rules, and tells of a client what its POPs and its owner know", async () => {
    const { ip } = await clientWithTime(cluster, "LHR", "/", 30);
    const page = await follow(`?rule=slide&key=${encodeURIComponent(`ip=${ip}`)}`);
    expect(page.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    await until("the rules", async () => page.last("hello"));
    expect(page.messages[0]?.kind).toBe("hello");
    expect(page.last("hello")?.rules).toMatchObject([
      { name: "slide", limit: 10, threshold: 4, mode: "enforce" },
    ]);

    for (const pop of ["CDG", "LHR", "CDG", "LHR"]) await send(cluster, pop, "/", ip);
    // Counted locally, and shown before anybody has claimed.
    const usedAt = (pop: string) =>
      page.messages
        .filter((message) => message.kind === "keys")
        .flatMap(({ keys }) => keys)
        .findLast((key) => key.key === `ip=${ip}` && key.pop === pop);
    await until("LHR's three", async () => usedAt("LHR")?.used === 3);
    await until("CDG's two", async () => usedAt("CDG")?.used === 2);
    expect(usedAt("LHR")).toMatchObject({ claimed: false, hash: null, blockedUntil: null });

    await send(cluster, "LHR", "/", ip);
    await until("CDG's two in the owner's count", async () => (await ownerOf(cluster, ip))?.count === 6);
    for (let sent = 0; sent < 6; sent++) await send(cluster, "LHR", "/", ip);
    await until("the block at every POP", async () =>
      POPS.every((pop) => (usedAt(pop)?.blockedUntil ?? 0) > Date.now()),
    );
    const client = await until("the owner's account", async () => {
      const told = page.last("client");
      return told?.accounts[0]?.blockedUntil != null && told;
    });
    expect(client.accounts).toMatchObject([{ count: 10, limit: 10, claimedBy: "LHR", epoch: 1 }]);
    expect(client.story.map(({ what, pop }) => [what, pop])).toEqual([
      ["seen", "LHR"],
      ["claimed", "LHR"],
      ["blocked", null],
    ]);
    const told = page.messages
      .filter((message) => message.kind === "news")
      .flatMap(({ news }) => news)
      .filter((news) => news.key === `ip=${ip}`);
    expect(told.at(-1)).toMatchObject({ claimedBy: "LHR", epoch: 1, released: false });

    await page.stop();
    // The same client by the hash that it is shown by.
    const hash = told.at(-1)?.hash ?? "";
    const byHash = await follow(`?rule=slide&key=${hash}&by=hash`);
    const again = await until("the client by its hash", async () => byHash.last("client"));
    expect(again.accounts).toMatchObject([{ count: 10, claimedBy: "LHR" }]);
    await byHash.stop();
    const reset = await fetch(`${cluster.url}/v1/keys/slide/${hash}?by=hash`, { method: "DELETE", headers });
    expect(reset.status).toBe(200);
    expect((await ownerOf(cluster, ip))?.count).toBe(0);
  });

  it("tells of an owner that was killed that it moved", async () => {
    const { ip } = await clientWithTime(cluster, "LHR", "/", 20);
    for (let sent = 0; sent < 4; sent++) await send(cluster, "LHR", "/", ip);
    const page = await follow(`?rule=slide&key=${encodeURIComponent(`ip=${ip}`)}`);
    await until("the first epoch", async () => page.last("client")?.accounts[0]?.epoch === 1);
    await cluster.fault({ kill: "owner", rule: "slide", key: `ip=${ip}` });
    await send(cluster, "LHR", "/", ip);
    const moved = await until("the second epoch", async () => {
      const client = page.last("client");
      return client?.accounts[0]?.epoch === 2 && client.story.some(({ what }) => what === "moved") && client;
    });
    expect(moved.story.map(({ what, epoch }) => [what, epoch]).slice(-2)).toEqual([
      ["claimed", 1],
      ["moved", 2],
    ]);
    await page.stop();
  });

  it("says so when a hub is out of reach, and goes on when it is back", async () => {
    const page = await follow();
    const since = (kind: LiveMessage["kind"], region: string, from: number) =>
      page.messages
        .slice(from)
        .some((message) => message.kind === kind && "region" in message && message.region === region);
    await until("all hubs", async () => since("counts", "apac", 0));
    const before = page.messages.length;
    await cluster.fault({ kill: "hub", region: "apac" });
    await until("its silence", async () => since("silent", "apac", before));
    await until(
      "its return",
      async () => since("counts", "apac", page.messages.length - 3) || since("counts", "apac", before),
    );
    await page.stop();
  });

  it.each([
    ["?rule=slide", 400, "alone or twice"],
    ["?key=ip%3D1.2.3.4", 400, "alone or twice"],
    ["?rule=none&key=ip%3D1.2.3.4", 404, "the rules are slide"],
    ["?rule=slide&key=abc&by=hash", 400, "32 hex digits"],
    ["?rule=slide&key=abc&by=name", 400, 'allowed is "hash"'],
    ["?rule=slide&key=", 400, "a text of 1 to"],
  ])("refuses %s", async (query, status, words) => {
    const response = await fetch(`${cluster.url}/v1/live${query}`, { headers });
    const { detail } = (await response.json()) as { detail: string };
    expect([response.status, detail]).toEqual([status, expect.stringContaining(words)]);
  });

  it("tells nobody without the token", async () => {
    const response = await fetch(`${cluster.url}/v1/live`, { headers: { Authorization: "Bearer wrong" } });
    expect(response.status).toBe(404);
  });
});
