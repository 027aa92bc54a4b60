/** `GET /api/waiting`, by which a soak finds requests that were left behind; and the heaps that it reads. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../loadtest/cluster/cluster.ts";
import { Heaps } from "../../loadtest/cluster/heap.ts";
import { newAddress, send, until } from "./client.ts";

const RULE = {
  name: "asks",
  limit: 100,
  threshold: 1,
  window: "30d",
  algorithm: "fixed-window",
  deadline: "10s",
};

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ rules: [RULE], pops: ["LHR", "CDG"], distance: 0, inspector: true });
});
afterAll(() => cluster.stop());

it("counts the requests that wait at each POP while its link is cut, and none once they are answered", async () => {
  const nobody = { waiting: 0, out: 0 };
  const ips = [newAddress(), newAddress()];
  expect((await cluster.waiting()).pops).toEqual([
    { name: "LHR", ...nobody },
    { name: "CDG", ...nobody },
  ]);
  await cluster.fault({ cut: ["LHR", "owner"] });
  const sent = [...ips, ...ips].map((ip) => send(cluster, "LHR", "/", ip));
  await until("four requests that wait", async () => {
    const [lhr] = (await cluster.waiting()).pops;
    return lhr?.waiting === sent.length && lhr.out === ips.length;
  });
  expect((await cluster.waiting()).pops[1]).toEqual({ name: "CDG", ...nobody });
  await cluster.fault({ heal: true });
  expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  // What was sent for the second time may be answered later than the first, and nobody waits for that.
  await until("nobody that waits", async () =>
    (await cluster.waiting()).pops.every(({ waiting, out }) => waiting + out === 0),
  );
});

it("shows the memory of each isolate, without garbage", async () => {
  if (cluster.inspectorUrl === undefined) throw new Error("the cluster was started with an inspector");
  const heaps = await Heaps.open(cluster.inspectorUrl);
  let reading = true;
  // An isolate answers when it next has something to do.
  const stirring = (async () => {
    while (reading) await Promise.all(cluster.pops.map(({ name }) => send(cluster, name, "/", newAddress())));
  })();
  try {
    const read = await heaps.read();
    expect(read.map(({ isolate }) => isolate).sort()).toEqual(["core", "pop-CDG", "pop-LHR"]);
    // A POP has its credit table at least; nothing of the cluster is larger than an isolate may be.
    for (const { isolate, bytes } of read)
      expect([isolate, bytes > (isolate === "core" ? 1e6 : 9e6), bytes < 128e6]).toEqual([
        isolate,
        true,
        true,
      ]);
  } finally {
    reading = false;
    await stirring;
    heaps.close();
  }
});
