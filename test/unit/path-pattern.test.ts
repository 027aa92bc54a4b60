import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { strictReading } from "../../shared/path.ts";
import { alternativesOf, patternProblem } from "../../shared/path-pattern.ts";
import { pathTest } from "../../shared/path-test.ts";

/** Whether a pattern covers a path in its strict reading. */
function covers(pattern: string, path: string, narrow = false): boolean {
  const reading = strictReading(path);
  return alternativesOf(pattern, narrow).some((segments) => pathTest(segments)(reading));
}

const platformTakes = (pattern: string, path: string): boolean =>
  new URLPattern({ pathname: pattern }).test({ pathname: path });

const isValid = (pattern: string): boolean => {
  try {
    new URLPattern({ pathname: pattern });
    return true;
  } catch {
    return false;
  }
};

/** Slashes in a pattern that is tried with all spellings: it cannot ask for more of them beside each other. */
const SLASHES = 4;

/** The spellings of a path that differ in how often each slash is written, none at the end included. */
function spellings(reading: string): readonly string[] {
  const slashes = Array.from({ length: SLASHES }, (_, more) => "/".repeat(more + 1));
  let texts = [""];
  for (const segment of reading.split("/").filter((each) => each !== ""))
    texts = texts.flatMap((before) => slashes.map((slash) => before + slash + segment));
  return texts.flatMap((text) => ["", ...slashes].map((end) => text + end));
}

const text = fc.constantFrom("a", "b", "ab", "-", "/", "/a", "/b", "/a/", "//", "\\*", "\\:", "\\a", "\\/");
const wildcard = fc.constantFrom("*", "/*", ":n", "/:n", "/:n", "/x:n");
const part = fc.oneof(
  { weight: 3, arbitrary: text },
  fc.tuple(wildcard, fc.constantFrom("", "", "", "?", "*", "+")).map((both) => both.join("")),
  fc
    .tuple(fc.constantFrom("", "/", "a", "/a"), fc.constantFrom("", ":n", "*"), fc.constantFrom("", "b", "/"))
    .map((inside) => `{${inside.join("")}}`),
  fc
    .tuple(fc.constantFrom("", "/", "a", "/a"), fc.constantFrom("", ":n", "*"), fc.constantFrom("", "b", "/"))
    .map((inside) => `{${inside.join("")}}?`),
);
/** Patterns of the subset, each name once. */
const pattern = fc.array(part, { maxLength: 6 }).map((parts) => {
  let names = 0;
  return `/${parts.join("")}`.replaceAll(":n", () => `:n${names++}_`);
});
const path = fc
  .string({ unit: fc.constantFrom("a", "b", "x", "-", "*", ":", "/", "/", "/"), maxLength: 9 })
  .map((rest) => `/${rest}`);

describe("beside the platform's URLPattern", () => {
  test("a rule covers every path that its pattern matches there", () => {
    fc.assert(
      fc.property(pattern, path, (written, asked) => {
        fc.pre(patternProblem(written) === undefined);
        if (platformTakes(written, asked)) expect(covers(written, asked)).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });

  test("and no other but for slashes: those that it matches with more or fewer of them where slashes are", () => {
    fc.assert(
      fc.property(pattern, path, (written, asked) => {
        fc.pre(patternProblem(written) === undefined && written.split("/").length <= SLASHES + 1);
        const matcher = new URLPattern({ pathname: written });
        const reading = strictReading(asked);
        fc.pre(reading.split("/").length < 6);
        const expected = spellings(reading).some((pathname) => matcher.test({ pathname }));
        expect(covers(written, asked)).toBe(expected);
      }),
      { numRuns: 5_000 },
    );
  });

  test("an exception's path covers none but what it matches there, with or without a slash at its end", () => {
    fc.assert(
      fc.property(pattern, path, (written, asked) => {
        fc.pre(patternProblem(written) === undefined);
        const reading = strictReading(asked);
        if (covers(written, asked, true)) expect(covers(written, asked)).toBe(true);
        // Of slashes beside each other in a pattern, and of parts that are left out between them, one is left.
        fc.pre(!/\/\/|\/\{|\}|\?|\\\//.test(written));
        const expected =
          platformTakes(written, reading) || platformTakes(written.replace(/\/$/, ""), reading);
        if (reading !== "/") expect(covers(written, asked, true)).toBe(expected);
        else if (!expected && !platformTakes(written, "")) expect(covers(written, asked, true)).toBe(false);
      }),
      { numRuns: 10_000 },
    );
  });

  test("what it refuses is refused here", () => {
    const scrap = fc.constantFrom(..."/ab:*{}?+\\()n1".split(""));
    fc.assert(
      fc.property(fc.string({ unit: scrap, maxLength: 10 }), (rest) => {
        const written = `/${rest}`;
        if (patternProblem(written) === undefined) expect(isValid(written)).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });

  test("and what it takes is taken, but for regular expressions and groups that repeat", () => {
    const scrap = fc.constantFrom(..."/ab:*{}?+\\n1".split(""));
    fc.assert(
      fc.property(fc.string({ unit: scrap, maxLength: 10 }), (rest) => {
        const written = `/${rest}`;
        fc.pre(isValid(written));
        const problem = patternProblem(written);
        if (problem !== undefined) expect(problem).toMatch(/that repeats|stands for more than/);
      }),
      { numRuns: 10_000 },
    );
  });
});

test.each(["/:n", "/*a", "/a*"])(
  "behind %s, however far from the beginning, /** is no segment or some",
  (first) => {
    for (let length = 1; length < 70; length++) {
      const start = `/${"p".repeat(length)}`;
      for (const after of ["/z/end", "/x/z/end", "/z/x/end", "/x/z/x/y/end"])
        expect(covers(`${start}${first}/**/z/**/end`, `${start}/a${after}`)).toBe(true);
      for (const after of ["/end", "/zz/end", "/z/endx", "/z/x"])
        expect(covers(`${start}${first}/**/z/**/end`, `${start}/a${after}`)).toBe(false);
    }
  },
);

test("a pattern is the same wherever its states come to lie in the words that hold them", () => {
  const padding = fc.integer({ min: 15, max: 70 }).map((length) => `/${"p".repeat(length)}`);
  fc.assert(
    fc.property(pattern, path, padding, (written, asked, before) => {
      fc.pre(patternProblem(written) === undefined);
      for (const narrow of [false, true]) {
        // A single `*` is every path, and behind something else it is not.
        if (narrow && alternativesOf(written, true).some((segments) => segments.length < 2)) continue;
        expect(covers(before + written, before + asked, narrow)).toBe(covers(written, asked, narrow));
      }
    }),
    { numRuns: 10_000 },
  );
});
