/** Messages across releases: what one writes, the other reads, or says that it cannot. */
import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it, vi } from "vitest";
import { DIALECT_TRUST, DIALECTS_MAX } from "../../shared/limits.ts";
import * as codec from "../../shared/protocol/codec.ts";
import { Dialects } from "../../shared/protocol/dialects.ts";
import { SCHEMA, SCHEMA_MIN } from "../../shared/protocol/schema.ts";
import { after, epochMs } from "../../shared/time.ts";
import { announcement, answer, ask, count } from "./arbitrary-messages.ts";
import { firstRelease } from "./first-release.ts";
import { SLOW_MS } from "./world.ts";

const T0 = epochMs(1_800_000_000_000);
const packr = new Packr({ useRecords: false });
const pack = (frame: unknown): Uint8Array => packr.pack(frame);

/** The codec of a release whose newest schema is another one. */
async function codecOf(schema: number): Promise<typeof codec> {
  vi.resetModules();
  vi.doMock("../../shared/protocol/schema.ts", () => ({ SCHEMA: schema, SCHEMA_MIN: 1 }));
  const other = await import("../../shared/protocol/codec.ts");
  vi.doUnmock("../../shared/protocol/schema.ts");
  return other;
}
const old = await codecOf(1);

describe("a message of the first release", () => {
  it("is read by this code: Asks, replies, announcements, frames of a hub", () => {
    const { asks, reply, news, feed } = firstRelease;
    const said = {
      epoch: 1,
      version: 1,
      claimedUntil: T0 + 7,
      key: "00112233445566778899aabbccddeeff",
      ruleVersion: "0123456789abcdef",
    };
    expect(codec.decodeAsks(asks)).toMatchObject({ ok: true, schema: 1, value: [{ spent: 3, want: [1] }] });
    expect(codec.decodeReply(reply)).toMatchObject({ schema: 1, value: { answers: [{ granted: 4 }] } });
    expect(codec.decodeNews(news)).toEqual({ ok: true, schema: 1, value: [said] });
    expect(codec.decodeFeed(feed)).toMatchObject({ schema: 1, value: { upTo: 1, news: [said] } });
  });

  it("is what this code writes when asked for schema 1: nothing was renamed, nothing is missing", () => {
    const { asks, reply, news, feed } = firstRelease;
    function sameAgain<T>(
      bytes: Uint8Array,
      read: (bytes: Uint8Array) => codec.Decoded<T>,
      write: (value: T, schema: number) => Uint8Array,
    ): void {
      const decoded = read(bytes);
      const written = decoded.ok ? write(decoded.value, 1) : new Uint8Array();
      expect(packr.unpack(written)).toEqual(packr.unpack(bytes));
    }
    sameAgain(asks, codec.decodeAsks, codec.encodeAsks);
    sameAgain(reply, codec.decodeReply, codec.encodeReply);
    sameAgain(news, codec.decodeNews, codec.encodeNews);
    sameAgain(feed, codec.decodeFeed, codec.encodeFeed);
  });
});

describe("between a reader of schema 1 and this code", () => {
  it(
    "whatever this code writes under 1 is read, and the other way round",
    () => {
      const message = fc.record({
        asks: fc.array(ask, { maxLength: 3 }),
        answers: fc.array(answer, { maxLength: 3 }),
        news: fc.array(announcement, { maxLength: 3 }),
        after: count,
      });
      fc.assert(
        fc.property(message, ({ asks, answers, news, after }) => {
          const frame = { feed: "f", after, upTo: after, news };
          for (const [writer, reader] of [
            [codec, old],
            [old, codec],
          ] as const) {
            const read = (value: unknown) => ({ ok: true, schema: 1, value });
            expect(reader.decodeAsks(writer.encodeAsks(asks, 1))).toEqual(read(asks));
            expect(reader.decodeReply(writer.encodeReply({ answers }, 1))).toEqual(read({ answers }));
            expect(reader.decodeNews(writer.encodeNews(news, 1))).toEqual(read(news));
            expect(reader.decodeFeed(writer.encodeFeed(frame, 1))).toEqual(read(frame));
          }
        }),
        { numRuns: 500 },
      );
    },
    SLOW_MS,
  );

  it("what this code writes under its own number is unknown to the other, which says so", () => {
    expect(old.decodeAsks(codec.encodeAsks([]))).toEqual({
      ok: false,
      schema: SCHEMA,
      error: "unknown-schema",
    });
  });

  it("everyone reads what the other one speaks", async () => {
    const newer = await codecOf(SCHEMA + 1);
    const says = (speaks: number) => ({ error: "unknown-schema" as const, speaks });
    expect(newer.decodeReply(codec.encodeReply(says(SCHEMA), SCHEMA_MIN))).toMatchObject({ ok: true });
    expect(codec.decodeReply(old.encodeReply(says(1), 1))).toMatchObject({ value: says(1) });
  });
});

describe("a schema number", () => {
  it.each([0, -1, 1.5, SCHEMA + 1, 99, 2 ** 53, Number.NaN, "2", null, undefined, [2]])(
    "of %s is none that this code reads",
    (schema) => {
      expect(codec.decodeNews(pack([schema, []]))).toMatchObject({ ok: false });
    },
  );

  it.each([0, SCHEMA + 1])("of %d is none that this code writes", (schema) => {
    expect(() => codec.encodeNews([], schema)).toThrow("broken invariant");
  });

  it("is looked for in bytes only: anything else is malformed", () => {
    for (const value of [undefined, null, 0, "text", [1, []], { length: 3 }, new ArrayBuffer(4)])
      expect(codec.openEnvelope(value)).toBeUndefined();
  });
});

describe("what is remembered of the other side", () => {
  it("is an older schema that this code writes, for a while", () => {
    const dialects = new Dialects();
    expect(dialects.of("a", T0)).toBe(SCHEMA);
    expect(dialects.learn("a", 1, SCHEMA, T0)).toBe(true);
    expect(dialects.of("a", T0)).toBe(1);
    expect(dialects.of("b", T0)).toBe(SCHEMA);
    expect(dialects.of("a", after(T0, DIALECT_TRUST))).toBe(SCHEMA);
  });

  it.each([SCHEMA, SCHEMA + 1, 0, -1, 1.5, Number.NaN])("is not that it speaks %d", (speaks) => {
    const dialects = new Dialects();
    expect(dialects.learn("a", speaks, SCHEMA, T0)).toBe(false);
    expect(dialects.of("a", T0)).toBe(SCHEMA);
  });

  it("is not said again in the schema that was just tried: no message goes round in circles", () => {
    expect(new Dialects().learn("a", 1, 1, T0)).toBe(false);
  });

  it("has a bound: what was learnt first goes", () => {
    const dialects = new Dialects();
    for (let name = 0; name <= DIALECTS_MAX; name += 1) dialects.learn(`${name}`, 1, SCHEMA, T0);
    expect(dialects.size).toBe(DIALECTS_MAX);
    expect([dialects.of("0", T0), dialects.of(`${DIALECTS_MAX}`, T0)]).toEqual([SCHEMA, 1]);
  });
});
