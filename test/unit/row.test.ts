/** The row an account is kept in. */
import { Packr } from "msgpackr";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { ROW_KEEP_MAX, SOURCES_HARD_MAX } from "../../shared/limits.ts";
import { expiresAt, openAccount } from "../../shared/owner/account.ts";
import { decodeRow, encodeRow, keepUnreadableUntil } from "../../shared/owner/row.ts";
import { decode, encodeNews, openEnvelope } from "../../shared/protocol/codec.ts";
import type { Ask } from "../../shared/protocol/messages.ts";
import { SCHEMA } from "../../shared/protocol/schema.ts";
import { durationMs, epochMs } from "../../shared/time.ts";
import { firstRelease } from "./first-release.ts";
import { MINUTE, T0 } from "./world.ts";

const pack = (frame: unknown): Uint8Array => new Packr({ useRecords: false }).pack(frame);

const grid = { lengthMs: MINUTE, offsetMs: durationMs(7) };
const first: Ask = {
  source: "0123456789abcdef.1",
  pop: "LHR",
  rule: { version: "0123456789abcdef", name: "login", algorithm: "sliding-window", limit: 5, grid },
  key: "00112233445566778899aabbccddeeff",
  label: "ip=203.0.113.*",
  window: 5,
  seq: 1,
  epochSeen: 3,
  spent: 0,
  counted: 0,
  previousSpent: 0,
  want: [1],
};

describe("a stored row", () => {
  it("comes back with all it holds, one epoch higher and yet to be written", () => {
    const account = openAccount(first, T0);
    Object.assign(account, { penaltyUntil: epochMs(T0 + 9), epoch: 4, version: 8 });
    Object.assign(account.meter, { window: 5, current: 6, previous: 7 });
    const source = { seq: 1, seqWindow: -1, granted: 2, previous: 3, zero: 1, previousZero: 2, seenAt: T0 };
    account.ledger = { window: 5, base: 4, baseZero: 3, sources: new Map([["s", source]]) };
    account.override = { limit: 9, until: epochMs(T0 + 1) };
    expect(decodeRow(encodeRow(account))).toEqual({
      ...account,
      epoch: 5,
      version: 0,
      epochUnwritten: true,
    });
  });
});

/** The row as code reads it that knows of no resets and no overrides. */
const rowBefore = v.object({
  epoch: v.number(),
  base: v.number(),
  sources: v.array(v.tuple([v.string(), v.number(), v.number(), v.number(), v.number(), v.number()])),
  penaltyUntil: v.number(),
});

describe("a row of another release, or damaged", () => {
  const account = () => openAccount(first, T0);

  it("with a reset and an override in it is read by code that knows of neither, with the counts it has", () => {
    const newer = account();
    newer.override = { limit: 9, until: epochMs(T0 + 1) };
    const source = { seq: 1, seqWindow: 5, granted: 2, previous: 3, zero: 2, previousZero: 3, seenAt: T0 };
    newer.ledger = { window: 5, base: 4, baseZero: 4, sources: new Map([["s", source]]) };
    expect(decode(rowBefore, encodeRow(newer))).toEqual({
      ok: true,
      schema: SCHEMA,
      value: { epoch: 4, base: 4, sources: [["s", 1, 5, 2, 3, T0]], penaltyUntil: 0 },
    });
  });

  it("of before there were resets and overrides has neither", () => {
    const plain = account();
    const source = { seq: 1, seqWindow: 5, granted: 2, previous: 3, zero: 0, previousZero: 0, seenAt: T0 };
    plain.ledger.sources.set("s", source);
    const row = encodeRow(plain);
    // A key that nobody reset has the row it always had.
    expect(openEnvelope(row)?.value).not.toHaveProperty("baseZero");
    expect(openEnvelope(row)?.value).not.toHaveProperty("override");
    expect(openEnvelope(row)?.value).toMatchObject({ sources: [["s", 1, 5, 2, 3, T0]] });
    expect(decodeRow(row)).toMatchObject({ override: undefined, ledger: { baseZero: 0 } });
    expect(decodeRow(row)?.ledger.sources.get("s")).toEqual(source);
  });

  it("of the first release is read: its counts, and a bucket that nothing is missing from", () => {
    expect(decodeRow(firstRelease.row)).toMatchObject({
      epoch: 2,
      meter: { window: 29_999_999, current: 4, previous: 1, fill: 0, fillAt: 0 },
      ledger: { sources: new Map([["3f9c21d07ab84e55.7", expect.objectContaining({ granted: 4 })]]) },
    });
  });

  it("names behind itself until when it is worth keeping, for code that cannot read it", () => {
    const row = encodeRow(account());
    expect(openEnvelope(row)?.rest).toEqual([expiresAt(account())]);
    row[1] = SCHEMA + 1;
    expect(decodeRow(row)).toBeUndefined();
    expect(keepUnreadableUntil(row, T0)).toBe(expiresAt(account()));
  });

  it.each<[string, unknown]>([
    ["of a newer schema without a time", pack([SCHEMA + 1, {}])],
    ["with no time at all behind it", pack([SCHEMA + 1, {}, "soon"])],
    ["with a time that is no number", pack([SCHEMA + 1, {}, Number.NaN])],
    ["with a time beyond reason", pack([SCHEMA + 1, {}, T0 + ROW_KEEP_MAX + 1])],
    ["of this schema, but of another kind", encodeNews([])],
    ["of this schema, with a time", pack([SCHEMA, { news: [] }, T0 + 1])],
    ["of garbage", new Uint8Array([0xc1, 0xff])],
    ["of nothing", new Uint8Array()],
    ["of text", "row"],
  ])("%s that cannot be read is not kept", (_what, row) => {
    expect(decodeRow(row)).toBeUndefined();
    expect(keepUnreadableUntil(row, T0)).toBe(0);
  });

  it("cut short at any byte is none", () => {
    const row = encodeRow(account());
    for (let length = 0; length < row.length; length += 1) {
      expect(decodeRow(row.subarray(0, length)), `${length} bytes`).toBeUndefined();
      expect(keepUnreadableUntil(row.subarray(0, length), T0)).toBe(0);
    }
  });

  it("of a window without length is none: nobody could tell when it ends", () => {
    const { policy } = account();
    const damaged = { ...account(), policy: { ...policy, grid: { ...grid, lengthMs: durationMs(0) } } };
    expect(decodeRow(encodeRow(damaged))).toBeUndefined();
  });

  it("holds at most as many sources as an account, and that many fit a value of 2 MB", () => {
    const full = account();
    const granted = { granted: 2 ** 40, previous: 2 ** 40, zero: 2 ** 40, previousZero: 2 ** 40 };
    const source = { seq: 2 ** 40, seqWindow: 2 ** 31, ...granted, seenAt: T0 };
    const add = (index: number) => full.ledger.sources.set(`3f9c21d07ab84e55.${index}`, source);
    for (let index = 0; index < SOURCES_HARD_MAX; index += 1) add(index);
    const row = encodeRow(full);
    expect(row.length).toBeLessThan(2_000_000);
    expect(decodeRow(row)?.ledger.sources.size).toBe(SOURCES_HARD_MAX);
    add(SOURCES_HARD_MAX);
    expect(decodeRow(encodeRow(full))).toBeUndefined();
  });
});
