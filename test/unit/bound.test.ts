import { describe, expect, test } from "vitest";
import { bound, bucketBound, explainBound, slidingBound } from "../../shared/bound.ts";
import { parseRules } from "../../shared/rule.ts";

describe("the bound on what is admitted in a window", () => {
  test.each([
    { limit: 10, threshold: 4, sources: 1, most: 10 },
    { limit: 10, threshold: 4, sources: 4, most: 19 },
    { limit: 10, threshold: 1, sources: 300, most: 10 },
    { limit: 2, threshold: 2, sources: 3, most: 4 },
    { limit: 10, threshold: 4, sources: 0, most: 0 },
  ])("is $most for limit $limit, threshold $threshold and $sources sources", ({ most, ...rule }) => {
    expect(bound(rule)).toBe(most);
  });

  test("in any interval of a sliding window counts two windows", () => {
    expect(slidingBound({ limit: 10, threshold: 4, sources: 4 })).toBe(44);
    expect(slidingBound({ limit: 10, threshold: 1, sources: 4 })).toBe(20);
  });
});

describe("the bound on what a token bucket admits in a span of time", () => {
  const bucket = { limit: 10, burst: 30, threshold: 1, sources: 4, windows: 1 };
  test.each([
    { windows: 0, most: 30 },
    { windows: 0.5, most: 35 },
    { windows: 1, most: 40 },
    { windows: 6, most: 90 },
    { threshold: 4, sources: 1, windows: 0, most: 30 + 3 },
    { threshold: 4, sources: 1, windows: 1, most: 40 + 2 * 3 },
    { threshold: 4, windows: 1, most: 40 + 4 * 2 * 3 },
    { threshold: 4, windows: 0.01, most: 30.1 + 4 * 2 * 3 },
    { threshold: 4, windows: 1.5, most: 45 + 4 * 3 * 3 },
    { sources: 0, most: 0 },
  ])("is $most with %j", ({ most, ...rule }) => {
    expect(bucketBound({ ...bucket, ...rule })).toBe(most);
  });
});

describe("the guarantee in words", () => {
  const explain = (fields: object): string => {
    const parsed = parseRules([{ name: "login", limit: 20, window: "1m", ...fields }]);
    const [rule] = parsed.ok ? parsed.rules : [];
    return rule === undefined ? JSON.stringify(parsed) : explainBound(rule);
  };

  test("says what a sliding window admits at most, in a window and in any interval", () => {
    expect(explain({})).toBe(
      "at most 20 in every window of 1m worldwide, plus 3 for each further isolate that sees the client (and 3 if an isolate had to forget it); in any 1m on the clock fewer than 40 + 6 for each isolate; on_failure = local adds up to 20 for each isolate that cannot reach the owner.",
    );
  });

  test("says that two fixed windows may be used back to back", () => {
    expect(explain({ algorithm: "fixed-window", on_failure: "closed" })).toBe(
      "at most 20 in every window of 1m worldwide, plus 3 for each further isolate that sees the client (and 3 if an isolate had to forget it); a client may use up two windows back to back, at the edge between them; on_failure = closed adds nothing, requests get 503 while the owner cannot be reached.",
    );
  });

  test("is the limit alone when every request asks the owner", () => {
    expect(explain({ threshold: 1, on_failure: "open" })).toBe(
      "at most 20 in every window of 1m worldwide, whatever number of isolates sees the client; in any 1m on the clock fewer than 40; on_failure = open: unbounded while the owner cannot be reached.",
    );
  });

  test("of a token bucket says what it admits in any time, and how far it goes into debt", () => {
    expect(explain({ algorithm: "token-bucket", burst: 50, on_failure: "closed" })).toBe(
      "in any time τ at most 50 + 20·τ/1m worldwide, plus 3 for each isolate and each window of 1m that τ touches (and 3 if an isolate had to forget the client); what isolates admitted without asking may leave the bucket at most 20 in debt; on_failure = closed adds nothing, requests get 503 while the owner cannot be reached.",
    );
    expect(explain({ algorithm: "token-bucket", threshold: 1, on_failure: "closed" })).toBe(
      "in any time τ at most 20 + 20·τ/1m worldwide, whatever number of isolates sees the client; on_failure = closed adds nothing, requests get 503 while the owner cannot be reached.",
    );
  });

  test("of a token bucket says that local counting goes by windows", () => {
    expect(explain({ algorithm: "token-bucket" })).toContain(
      "; on_failure = local adds up to 20 in each window of 1m for each isolate that cannot reach the owner.",
    );
  });

  test("says how long a block lasts", () => {
    expect(explain({ block_for: "10m" })).toContain(
      "; a client that is denied stays blocked for 10m from its first denial on; on_failure",
    );
  });

  test("of a shadow rule says that it denies nothing", () => {
    expect(explain({ mode: "shadow" })).toMatch(
      /^mode = shadow: it denies nothing; enforced, it would be: at most 20 /,
    );
  });
});
