/** Messages as bytes: what was written is read, what is no message is said to be none, and nothing throws. */
import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { decodeRow } from "../../shared/owner/row.ts";
import {
  decodeAsks,
  decodeFeed,
  decodeNews,
  decodeReply,
  encode,
  encodeAsks,
  encodeFeed,
  encodeNews,
  encodeReply,
} from "../../shared/protocol/codec.ts";
import {
  decodeCommand,
  decodeCommandReply,
  encodeCommand,
  encodeCommandReply,
} from "../../shared/protocol/commands.ts";
import { SCHEMA } from "../../shared/protocol/schema.ts";
import { announcement, answer, ask, command, commandReply, count, text } from "./arbitrary-messages.ts";
import { SLOW_MS } from "./world.ts";

const readers = [decodeAsks, decodeReply, decodeNews, decodeFeed, decodeCommand, decodeCommandReply];
const runs = { numRuns: 1_000 };

describe("a message", () => {
  it("is read as it was written: Asks", () => {
    fc.assert(
      fc.property(fc.array(ask, { maxLength: 4 }), (asks) => {
        expect(decodeAsks(encodeAsks(asks))).toEqual({ ok: true, schema: SCHEMA, value: asks });
      }),
      runs,
    );
  });

  it("is read as it was written: replies, answers or an error", () => {
    const reply = fc.oneof(
      fc.record({ answers: fc.array(answer, { maxLength: 4 }) }),
      fc.record({ error: fc.constantFrom("unknown-schema" as const, "malformed" as const), speaks: count }),
    );
    fc.assert(
      fc.property(reply, (reply) => {
        expect(decodeReply(encodeReply(reply))).toEqual({ ok: true, schema: SCHEMA, value: reply });
      }),
      runs,
    );
  });

  it("is read as it was written: announcements, and a hub's frames of them", () => {
    fc.assert(
      fc.property(fc.array(announcement, { maxLength: 4 }), text, count, (news, feed, after) => {
        expect(decodeNews(encodeNews(news))).toEqual({ ok: true, schema: SCHEMA, value: news });
        const frame = { feed, after, upTo: after, news };
        expect(decodeFeed(encodeFeed(frame))).toEqual({ ok: true, schema: SCHEMA, value: frame });
      }),
      runs,
    );
  });

  it("is read as it was written: commands, and what they are answered", () => {
    fc.assert(
      fc.property(command, commandReply, (command, reply) => {
        expect(decodeCommand(encodeCommand(command))).toEqual({ ok: true, schema: SCHEMA, value: command });
        const read = { ok: true, schema: SCHEMA, value: reply };
        expect(decodeCommandReply(encodeCommandReply(reply))).toEqual(read);
      }),
      runs,
    );
  });

  it.each([
    ["no action", {}],
    ["an action of another release", { kind: "forget" }],
    ["a block without an end", { kind: "block" }],
    ["an override without an end", { kind: "override", limit: 1 }],
    ["a limit of nothing", { kind: "override", limit: 0, until: 1 }],
    ["a time that is none", { kind: "block", until: Number.NaN }],
  ])("a command with %s is malformed", (_what, action) => {
    const [sample] = fc.sample(command, { numRuns: 1, seed: 3 });
    expect(decodeCommand(encode({ ...sample, action }))).toEqual({
      ok: false,
      error: "malformed",
      schema: SCHEMA,
    });
  });

  it("of a schema this code does not know is named by that schema's number, whatever it holds", () => {
    for (const body of [[], {}, null, "text", { answers: [] }]) {
      const bytes = new Packr({ useRecords: false }).pack([SCHEMA + 1, body]);
      for (const read of readers)
        expect(read(bytes)).toEqual({ ok: false, error: "unknown-schema", schema: SCHEMA + 1 });
    }
  });

  it("with a field more than this code knows is read without it: fields are added without a new schema", () => {
    const dropped = { kind: "dropped", seq: 1, reason: "from the future" };
    expect(decodeReply(encode({ answers: [dropped] }))).toEqual({
      ok: true,
      schema: SCHEMA,
      value: { answers: [{ kind: "dropped", seq: 1 }] },
    });
  });

  it.each([
    ["a negative count", { spent: -1 }],
    ["a broken count", { spent: 1.5 }],
    ["no number", { seq: "1" }],
    ["NaN", { window: Number.NaN }],
    ["an endless cost", { want: [Number.POSITIVE_INFINITY] }],
    ["a cost of nothing", { want: [0] }],
    ["a short key", { key: "00" }],
    ["a key that is no hex", { key: "g".repeat(32) }],
    ["no source", { source: "" }],
    ["an unknown algorithm", { rule: { algorithm: "leaky-bucket" } }],
    ["no rule", { rule: undefined }],
  ])("with %s is malformed", (_what, wrong) => {
    const [sample] = fc.sample(ask, { numRuns: 1, seed: 1 });
    expect(decodeAsks(encode([{ ...sample, ...wrong }]))).toEqual({
      ok: false,
      error: "malformed",
      schema: SCHEMA,
    });
  });

  it("cut short at any byte is malformed", () => {
    const [sample] = fc.sample(ask, { numRuns: 1, seed: 2 });
    const bytes = encodeAsks(sample === undefined ? [] : [sample]);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeAsks(bytes.subarray(0, length)), `${length} bytes`).toMatchObject({
        ok: false,
        error: "malformed",
      });
    }
  });

  it(
    "that is garbage, or has any bytes flipped, never throws",
    () => {
      const messages = fc.oneof(
        ask.map((one) => encodeAsks([one])),
        announcement.map((one) => encodeFeed({ feed: "f", after: 0, upTo: 1, news: [one] })),
        command.map((one) => encodeCommand(one)),
      );
      const damaged = fc.tuple(
        messages,
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      );
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        damaged.map(([message, flips]) => {
          const copy = Uint8Array.from(message);
          for (const [at, value] of flips) copy[at % copy.length] = value;
          return copy;
        }),
      );
      fc.assert(
        fc.property(bytes, (bytes) => {
          for (const read of readers) expect(typeof read(bytes).ok).toBe("boolean");
          expect(() => decodeRow(bytes)).not.toThrow();
        }),
        { numRuns: 5_000 },
      );
    },
    SLOW_MS,
  );
});
