import type { Shot } from "./raw.ts";

/** Makes a request of a row: `n` is the row's alone, and so is `id`, its text. */
export type Make = (n: number, id: string) => Shot;

export interface Row {
  readonly what: string;
  /** What is sent one after another, and its answer: status, decision, rule; `null` where any will do. */
  readonly steps: readonly (readonly [make: Make, answer: string | null])[];
}

/** An IPv4 address of row `n`. */
export const v4 = (n: number): string => `100.64.${(n >> 8) & 255}.${n & 255}`;
/** The third group of an IPv6 address of row `n`, which makes a /48 of its own. */
export const hex = (n: number): string => (0x1000 + n).toString(16);

/** Requests that are answered without looking at another. */
export const alone = (answer: string, requests: Readonly<Record<string, Shot | Make>>): Row[] =>
  Object.entries(requests).map(([what, shot]) => ({
    what,
    steps: [[typeof shot === "function" ? shot : (n: number) => ({ ip: v4(n), ...shot }), answer]],
  }));

/** Spellings of a plain request, each of which is one quota with it. */
export const same = (rule: string, plain: Make, spellings: Readonly<Record<string, Make>>): Row[] =>
  Object.entries(spellings).map(([what, spelling]) => ({
    what: `one quota: ${what}`,
    steps: [
      [plain, `200 owner ${rule}`],
      [spelling, `429 owner ${rule}`],
    ],
  }));

/** Pairs of which each has a quota of its own, and uses it up. */
export const apart = (rule: string, pairs: Readonly<Record<string, readonly [Make, Make]>>): Row[] =>
  Object.entries(pairs).map(([what, [a, b]]) => ({
    what: `two quotas: ${what}`,
    steps: [
      [a, `200 owner ${rule}`],
      [b, `200 owner ${rule}`],
      [a, `429 owner ${rule}`],
      [b, `429 owner ${rule}`],
    ],
  }));
