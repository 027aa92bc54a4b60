import fc from "fast-check";
import { expect, test } from "vitest";
import { halfSipHash64, hex32, hex64, textMessage } from "../../shared/hash.ts";

/** The reference's vectors_hsip64 for inputs of an even length: key bytes 00 to 07, input bytes 00 to n−1. */
const REFERENCE = [
  "218d1f59b9b83cc8",
  "064f39ef7c50eb57",
  "d5e78a175be52ea1",
  "ce3e91358aa2bc25",
  "edfee820bce4858c",
  "95b0469f06a6f2ee",
  "7bc71f9faef5c799",
  "3bb1a870eae8e658",
  "7336aad25f7bf3b5",
];

function hashOf(text: string, k0 = 0x03020100, k1 = 0x07060504): string {
  const out = new Int32Array(2);
  halfSipHash64(k0, k1, textMessage(text), out);
  return Buffer.from(out.buffer).toString("hex");
}

/** HalfSipHash over bytes, written from the paper with BigInt: slow, plain, and nothing shared with ours. */
function naive(bytes: readonly number[], k0: number, k1: number): string {
  const mask = 0xffffffffn;
  const rotl = (x: bigint, by: bigint) => ((x << by) | (x >> (32n - by))) & mask;
  let [a, b, c, d] = [
    BigInt(k0 >>> 0),
    BigInt(k1 >>> 0) ^ 0xeen,
    0x6c796765n ^ BigInt(k0 >>> 0),
    0x74656462n ^ BigInt(k1 >>> 0),
  ] as [bigint, bigint, bigint, bigint];
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      a = (a + b) & mask;
      b = rotl(b, 5n) ^ a;
      a = rotl(a, 16n);
      c = (c + d) & mask;
      d = rotl(d, 8n) ^ c;
      a = (a + d) & mask;
      d = rotl(d, 7n) ^ a;
      c = (c + b) & mask;
      b = rotl(b, 13n) ^ c;
      c = rotl(c, 16n);
    }
  };
  const padded = [...bytes];
  while (padded.length % 4 !== 3) padded.push(0);
  padded.push(bytes.length % 256);
  for (let i = 0; i < padded.length; i += 4) {
    const word = padded.slice(i, i + 4).reduce((sum, byte, at) => sum | (BigInt(byte) << BigInt(8 * at)), 0n);
    d ^= word;
    rounds(2);
    a ^= word;
  }
  c ^= 0xeen;
  rounds(4);
  const first = b ^ d;
  b ^= 0xddn;
  rounds(4);
  const out = Buffer.alloc(8);
  out.writeUInt32LE(Number(first), 0);
  out.writeUInt32LE(Number(b ^ d), 4);
  return out.toString("hex");
}

const utf16 = (text: string): number[] => [...Buffer.from(text, "utf16le")];

test.each(REFERENCE.map((expected, i) => [2 * i, expected] as const))(
  "an input of %i bytes hashes to the reference's vector",
  (length, expected) => {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => i));
    expect(hashOf(bytes.toString("utf16le"))).toBe(expected);
    expect(naive([...bytes], 0x03020100, 0x07060504)).toBe(expected);
  },
);

test("any text under any key hashes as the plain implementation does, lone surrogates too", () => {
  const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c)) });
  fc.assert(
    fc.property(text, fc.integer(), fc.integer(), (input, k0, k1) => {
      expect(hashOf(input, k0, k1)).toBe(naive(utf16(input), k0, k1));
    }),
    { numRuns: 500 },
  );
});

test("the length counts modulo 256 bytes, as in the reference, and longer texts still differ", () => {
  const text = "x".repeat(5_000);
  expect(hashOf(text)).toBe(naive(utf16(text), 0x03020100, 0x07060504));
  expect(hashOf(text)).not.toBe(hashOf(text.slice(128)));
});

test("signed and unsigned arrays and keys take the same bits", () => {
  const signed = new Int32Array(2);
  const unsigned = new Uint32Array(2);
  halfSipHash64(-1, -2, textMessage("ip=203.0.113.9"), signed);
  halfSipHash64(0xffffffff, 0xfffffffe, textMessage("ip=203.0.113.9"), unsigned);
  expect(new Uint32Array(signed.buffer)).toEqual(unsigned);
});

test("words are written as 8 hex digits each, leading zeros kept", () => {
  expect(hex32(-1)).toBe("ffffffff");
  expect(hex64(0x1, -0x80000000)).toBe("0000000180000000");
});
