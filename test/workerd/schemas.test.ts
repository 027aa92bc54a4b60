/** Workers, owners and hubs of different releases: each is spoken to in what it reads. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Packr } from "msgpackr/index-no-eval";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Announcer } from "../../coordinator/announcer.ts";
import { DIALECT_TRUST } from "../../shared/limits.ts";
import { decodeNews, decodeReply, encodeAsks, encodeNews, encodeReply } from "../../shared/protocol/codec.ts";
import type { Announcement } from "../../shared/protocol/messages.ts";
import { SCHEMA, SCHEMA_MIN } from "../../shared/protocol/schema.ts";
import { REGIONS } from "../../shared/region.ts";
import { epochMs } from "../../shared/time.ts";
import type { Env } from "../../worker/env.ts";
import { askOf } from "./asks.ts";
import { freshWorker, ruleOf } from "./fresh-worker.ts";

const packr = new Packr({ useRecords: false });
/** The schema a frame is written in. */
const schemaOf = (frame: Uint8Array): number => frame[1] ?? 0;
const announcement = (version: number): Announcement => ({
  key: askOf({}).key,
  ruleVersion: askOf({}).rule.version,
  epoch: 1,
  version,
  claimedUntil: epochMs(Date.now() + 60_000),
});
/** Announcements as a release to come would write them. */
const newerNews = (): Uint8Array => packr.pack([SCHEMA + 1, []]);

const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
beforeEach(() => {
  warn.mockClear();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("an owner", () => {
  it.each([1, SCHEMA])("answers Asks of schema %d in that schema", async (schema) => {
    const owner = env.KEY_OWNER.getByName(`schema-${schema}`);
    const reply = decodeReply(await owner.ask(encodeAsks([askOf({ want: [1] })], schema)));
    expect(reply).toMatchObject({ ok: true, schema, value: { answers: [{ granted: 1 }] } });
  });
});

/** Owners that read schema 1 only, in front of the real ones; `frames` lists the schemas in which they were asked. */
function firstReleaseOwners() {
  const frames: number[] = [];
  const getByName = (name: string) => ({
    async ask(frame: Uint8Array): Promise<Uint8Array> {
      frames.push(schemaOf(frame));
      if (schemaOf(frame) !== 1) return encodeReply({ error: "unknown-schema", speaks: 1 }, 1);
      return env.KEY_OWNER.getByName(name).ask(frame);
    },
  });
  return { frames, getByName };
}

describe("a Worker whose owners are of the first release", () => {
  it.each([
    ["an owner for each key", {}],
    ["shared owners", { owners: 2 }],
  ])("is answered within the same attempt, and knows from then on what to speak: %s", async (_what, part) => {
    const KEY_OWNER = firstReleaseOwners();
    const worker = await freshWorker({ RULES: [ruleOf({ threshold: 1, ...part })], KEY_OWNER });
    const statuses: number[] = [];
    for (let request = 1; request <= 6; request += 1) statuses.push((await worker.fetch("/")).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    expect(KEY_OWNER.frames).toEqual([SCHEMA, 1, 1, 1, 1, 1, 1]);
    expect(warn.mock.calls).toEqual([[JSON.stringify({ event: "older-owner", speaks: 1 })]]);
  });

  it("tries the newest schema again after a while: objects are upgraded", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const KEY_OWNER = firstReleaseOwners();
    const worker = await freshWorker({ RULES: [ruleOf({ threshold: 1 })], KEY_OWNER });
    await worker.fetch("/");
    vi.setSystemTime(Date.now() + DIALECT_TRUST);
    await worker.fetch("/");
    expect(KEY_OWNER.frames).toEqual([SCHEMA, 1, SCHEMA, 1]);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it.each([0, SCHEMA, SCHEMA + 1])(
    "that speak %d, which it cannot use: `on_failure` decides, without going round in circles",
    async (speaks) => {
      let calls = 0;
      const ask = async (): Promise<Uint8Array> => {
        calls += 1;
        return encodeReply({ error: "unknown-schema", speaks }, SCHEMA_MIN);
      };
      const rules = [ruleOf({ threshold: 1, on_failure: "closed" })];
      const worker = await freshWorker({ RULES: rules, KEY_OWNER: { getByName: () => ({ ask }) } });
      expect((await worker.fetch("/")).status).toBe(503);
      // The Ask, and its one repetition.
      expect(calls).toBe(2);
      expect(warn.mock.calls.map(([line]) => JSON.parse(line).event)).toEqual([
        "unreadable-reply",
        "degraded-start",
      ]);
    },
  );
});

describe("an owner's announcements", () => {
  /** Hubs that answer so; `heard` lists the schemas of what one of them was told. */
  function hubs(answer: (schema: number) => number | undefined) {
    const heard: number[] = [];
    const getByName = (region: string) => ({
      async announce(frame: Uint8Array): Promise<number | undefined> {
        expect(decodeNews(frame).ok).toBe(true);
        if (region === REGIONS[0]) heard.push(schemaOf(frame));
        return answer(schemaOf(frame));
      },
    });
    return { heard, announcer: new Announcer({ REGION_HUB: { getByName } } as unknown as Env) };
  }

  it.each([
    ["that speak schema 1", 1],
    ["of the first release, which say nothing", undefined],
  ])("are said again to hubs %s, and then at once in what they read", async (_what, speaks) => {
    const { heard, announcer } = hubs(() => speaks);
    await announcer.announce([announcement(1)]);
    await announcer.announce([announcement(2)]);
    expect(heard).toEqual([SCHEMA, 1, 1]);
  });

  it.each([SCHEMA, SCHEMA + 1])("are said once to hubs that speak schema %d", async (speaks) => {
    const { heard, announcer } = hubs(() => speaks);
    await announcer.announce([announcement(1)]);
    expect(heard).toEqual([SCHEMA]);
  });

  it("reach the other hubs when one cannot be reached", async () => {
    let calls = 0;
    const { announcer } = hubs(() => {
      calls += 1;
      if (calls === 1) throw new Error("no hub");
      return SCHEMA;
    });
    await announcer.announce([announcement(1)]);
    expect(calls).toBe(REGIONS.length);
  });
});

describe("a hub", () => {
  it("says what it reads when it cannot read an announcement, and logs that once", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const hub = env.REGION_HUB.getByName("newer-owners");
    expect([await hub.announce(newerNews()), await hub.announce(newerNews())]).toEqual([SCHEMA, SCHEMA]);
    expect(log).toHaveBeenCalledTimes(1);
    expect(await hub.announce(encodeNews([announcement(1)]))).toBe(SCHEMA);
    log.mockRestore();
  });

  it.each([
    ["", 1],
    ["&schema=1", 1],
    [`&schema=${SCHEMA}`, SCHEMA],
    ["&schema=99", SCHEMA],
    ["&schema=0", 1],
    ["&schema=1.5", 1],
    ["&schema=x", 1],
  ])(
    "sends a watcher that asks with `%s` frames of schema %d, also after it has slept",
    async (query, schema) => {
      const hub = env.REGION_HUB.getByName(`watched${query}`);
      const { webSocket } = await hub.fetch(`https://hub/watch?feed=&number=0${query}`, {
        headers: { Upgrade: "websocket" },
      });
      if (webSocket === null) throw new Error("no socket");
      const frames: number[] = [];
      let arrived = () => {};
      webSocket.addEventListener("message", ({ data }) => {
        frames.push(schemaOf(new Uint8Array(data as ArrayBuffer)));
        arrived();
      });
      webSocket.binaryType = "arraybuffer";
      webSocket.accept();
      const received = async (count: number): Promise<void> => {
        while (frames.length < count) await new Promise<void>((resolve) => (arrived = resolve));
      };
      await received(1);
      await hub.announce(encodeNews([announcement(1)]));
      await received(2);
      await evictDurableObject(hub);
      await hub.announce(encodeNews([announcement(2)]));
      await received(3);
      expect(frames).toEqual([schema, schema, schema]);
      webSocket.close();
    },
  );
});
